//! Validate untrusted Python and run it where it can do no harm: AST policy, WASM isolation and output validation behind one trait.
