//! How large and how deep a program may be.

use serde::{Deserialize, Serialize};

/// The most source bytes that any policy may ask for: beyond it the parser's memory (about 100 times the text) and
/// time stop being small.
pub(super) const CEILING_SOURCE: u32 = 1024 * 1024;

/// The deepest syntax tree that any policy may ask for. The checker's thread has 64 MiB of stack and one level
/// costs below 8 KiB even in a build without optimisation, so 4,000 levels use half of it.
const CEILING_DEPTH: u32 = 4_000;

/// Size and depth limits that hold before and while a program is checked.
///
/// A value above its ceiling counts as the ceiling. Zero is allowed and refuses every program.
///
/// ```
/// use cofferdam_sandbox::{Bounds, Policy};
///
/// let tight = Policy::default().bounds(Bounds::default().source_bytes(16));
/// assert!(tight.check("result = 1").is_ok());
/// assert!(tight.check("result = 1 + 2 + 3").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Bounds {
    /// The longest text, in bytes of UTF-8. Default 65,536: a strategy has a few hundred lines, and generated
    /// tables belong into `params`. Ceiling 1 MiB.
    pub source_bytes: u32,
    /// The deepest nesting of brackets. Default 64; Python itself stops at 200.
    pub brackets: u32,
    /// The deepest nesting of indented blocks. Default 32; Python itself stops at 100.
    pub blocks: u32,
    /// The deepest syntax tree, estimated from above: blocks, `elif` arms in a row, and operators, dots and calls
    /// that could nest. Default 1,000, which leaves room for a sum of 900 terms. Ceiling 4,000.
    pub depth: u32,
    /// The most statements and expressions together. Default 32,768: half a node for every byte of the longest
    /// text, where ordinary code has one for every five bytes.
    pub nodes: u32,
    /// The most violations that one [`Rejection`](crate::Rejection) carries. Default 100: nobody reads more, and a
    /// hostile text could ask for one in every four bytes.
    pub violations: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            source_bytes: 64 * 1024,
            brackets: 64,
            blocks: 32,
            depth: 1_000,
            nodes: 32_768,
            violations: 100,
        }
    }
}

impl Bounds {
    /// Sets the longest text, in bytes of UTF-8.
    #[must_use = "the limits are returned, not changed in place"]
    pub fn source_bytes(mut self, bytes: u32) -> Self {
        self.source_bytes = bytes;
        self
    }

    /// Sets the deepest nesting of brackets.
    #[must_use = "the limits are returned, not changed in place"]
    pub fn brackets(mut self, levels: u32) -> Self {
        self.brackets = levels;
        self
    }

    /// Sets the deepest nesting of indented blocks.
    #[must_use = "the limits are returned, not changed in place"]
    pub fn blocks(mut self, levels: u32) -> Self {
        self.blocks = levels;
        self
    }

    /// Sets the deepest syntax tree.
    #[must_use = "the limits are returned, not changed in place"]
    pub fn depth(mut self, levels: u32) -> Self {
        self.depth = levels;
        self
    }

    /// Sets the most statements and expressions together.
    #[must_use = "the limits are returned, not changed in place"]
    pub fn nodes(mut self, nodes: u32) -> Self {
        self.nodes = nodes;
        self
    }

    /// Sets the most violations that one rejection carries; at least one is always carried.
    #[must_use = "the limits are returned, not changed in place"]
    pub fn violations(mut self, violations: u32) -> Self {
        self.violations = violations;
        self
    }

    /// The same limits with every ceiling applied.
    pub(super) fn capped(&self) -> Self {
        Self {
            source_bytes: self.source_bytes.min(CEILING_SOURCE),
            depth: self.depth.min(CEILING_DEPTH),
            ..self.clone()
        }
    }
}
