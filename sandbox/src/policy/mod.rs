//! The static check: which Python may become a [`Program`].
//!
//! [`Policy::check`] reads a text without running it. It refuses, with every reason at once, what leads out of the
//! program: foreign modules, evaluating builtins, special and frame attributes, file methods, and texts that would
//! exhaust the parser. The check is the first of three layers and the cheapest. It is a quality gate with good
//! messages; it must never be the only thing between a program and the host, since every sandbox that trusted
//! syntax alone has fallen. What runs the program must hold even when this check is skipped.
//!
//! The order matters. The text is bounded first, then its tokens, and only then does the parser see it, so that a
//! text made to break parsers costs a bounded amount of stack and time.

mod bounds;
mod carried;
mod check;
mod code;
mod explain;
mod exports;
mod parse;
mod rejection;
mod render;
mod rules;
mod sarif;
mod scan;
mod second;
mod settings;
mod source;
mod tables;
mod text;
mod violation;
mod walk;

pub use bounds::Bounds;
pub use code::Code;
pub use explain::Explanation;
pub use exports::Exports;
pub use rejection::Rejection;
pub use settings::Policy;
pub use violation::Violation;
