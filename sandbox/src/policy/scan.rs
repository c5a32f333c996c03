//! How deep a text could nest, told from its tokens before anything recursive sees it.
//!
//! The estimate never lies below the depth of the syntax tree: every token that could add a level adds one. Within
//! a bracket a comma starts afresh, since what a comma separates lies side by side; only `lambda` is remembered
//! over commas, because its parameters are separated by them too. The scan is one loop over the tokens and keeps
//! one small record for each open bracket and block, of which there are at most as many as the limits allow.

use rustpython_parser::Tok;
use rustpython_parser::lexer::LexResult;

use super::bounds::Bounds;

/// A bracket, or the logical line that holds everything.
#[derive(Debug, Default)]
struct Level {
    /// Tokens that could nest since the last comma.
    run: u32,
    /// `lambda`s since the bracket opened, which commas do not separate.
    lambdas: u32,
}

impl Level {
    fn depth(&self) -> u32 {
        self.run.saturating_add(self.lambdas)
    }
}

/// Why a text is too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    Brackets,
    Blocks,
    Depth,
}

/// Where the limits were passed.
#[derive(Debug)]
pub(super) struct Deep {
    pub(super) excess: Excess,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Follows the tokens up to the first lexical error and reports the first place beyond the limits.
pub(super) fn check(tokens: &[LexResult], bounds: &Bounds) -> Option<Deep> {
    let mut scan =
        Scan { bounds, levels: vec![Level::default()], blocks: vec![0], enclosing: 0, enclosing_blocks: 0 };
    for token in tokens {
        let Ok((token, range)) = token else { break };
        if let Some(excess) = scan.step(token) {
            return Some(Deep { excess, start: range.start().into(), end: range.end().into() });
        }
    }
    None
}

#[derive(Debug)]
struct Scan<'b> {
    bounds: &'b Bounds,
    /// Open brackets of the current logical line; the first is the line itself.
    levels: Vec<Level>,
    /// For each open block, how many `elif` arms stand in a row in it: each lies inside the one before.
    blocks: Vec<u32>,
    /// Depth of the enclosing brackets, without the innermost level.
    enclosing: u32,
    /// Depth of the enclosing blocks, without the innermost one.
    enclosing_blocks: u32,
}

impl Scan<'_> {
    fn step(&mut self, token: &Tok) -> Option<Excess> {
        match token {
            Tok::Indent => {
                self.enclosing_blocks = self.enclosing_blocks.saturating_add(self.block());
                self.blocks.push(0);
            }
            Tok::Dedent => {
                self.blocks.pop();
                self.enclosing_blocks = self.enclosing_blocks.saturating_sub(self.block());
            }
            Tok::Newline | Tok::Semi => {
                self.levels.clear();
                self.levels.push(Level::default());
                self.enclosing = 0;
            }
            Tok::Lpar | Tok::Lsqb | Tok::Lbrace => {
                self.nest(1);
                self.enclosing = self.enclosing.saturating_add(self.levels.last().map_or(0, Level::depth));
                self.levels.push(Level::default());
            }
            Tok::Rpar | Tok::Rsqb | Tok::Rbrace => {
                self.levels.pop();
                if self.levels.is_empty() {
                    self.levels.push(Level::default());
                }
                self.enclosing = self.enclosing.saturating_sub(self.levels.last().map_or(0, Level::depth));
            }
            Tok::Comma => {
                if let Some(level) = self.levels.last_mut() {
                    level.run = 0;
                }
            }
            Tok::Lambda => {
                if let Some(level) = self.levels.last_mut() {
                    level.lambdas = level.lambdas.saturating_add(1);
                }
            }
            Tok::Elif => {
                if let Some(arms) = self.blocks.last_mut() {
                    *arms = arms.saturating_add(1);
                }
            }
            Tok::String { value, kind, .. } if kind.is_any_fstring() => self.nest(formatted(value)),
            Tok::Name { .. }
            | Tok::Int { .. }
            | Tok::Float { .. }
            | Tok::Complex { .. }
            | Tok::String { .. }
            | Tok::True
            | Tok::False
            | Tok::None
            | Tok::Ellipsis => {}
            // A new `if` chain begins; what follows an earlier one is beside it, not inside.
            Tok::If if self.at_line_start() => {
                if let Some(arms) = self.blocks.last_mut() {
                    *arms = 0;
                }
                self.nest(1);
            }
            _ => self.nest(1),
        }
        self.excess()
    }

    fn at_line_start(&self) -> bool {
        matches!(self.levels.as_slice(), [line] if line.depth() == 0)
    }

    fn nest(&mut self, levels: u32) {
        if let Some(level) = self.levels.last_mut() {
            level.run = level.run.saturating_add(levels);
        }
    }

    /// Depth of the innermost block: its own, and one for each arm in a row.
    fn block(&self) -> u32 {
        self.blocks.last().map_or(0, |arms| arms.saturating_add(1))
    }

    fn excess(&self) -> Option<Excess> {
        let beyond = |count: usize, limit: u32| count.saturating_sub(1) > limit as usize;
        if beyond(self.levels.len(), self.bounds.brackets) {
            return Some(Excess::Brackets);
        }
        if beyond(self.blocks.len(), self.bounds.blocks) {
            return Some(Excess::Blocks);
        }
        let line = self.enclosing.saturating_add(self.levels.last().map_or(0, Level::depth));
        let blocks = self.enclosing_blocks.saturating_add(self.block());
        (line.saturating_add(blocks) > self.bounds.depth).then_some(Excess::Depth)
    }
}

/// How deep the expressions of an f-string could nest: every word and every sign of its deepest field counts.
///
/// Fields are found by braces alone. Braces inside quotes can only join fields, which raises the estimate.
fn formatted(value: &str) -> u32 {
    let (mut deepest, mut field, mut braces) = (0u32, 0u32, 0u32);
    let mut in_word = false;
    for character in value.chars() {
        match character {
            '{' => braces = braces.saturating_add(1),
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
        if braces == 0 {
            field = 0;
            in_word = false;
            continue;
        }
        let word = character.is_alphanumeric() || character == '_';
        if (word && !in_word) || !(word || character.is_whitespace()) {
            field = field.saturating_add(1);
        }
        in_word = word;
        deepest = deepest.max(field);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use rustpython_parser::{Mode, lexer};

    use super::*;

    fn excess(text: &str) -> Option<Excess> {
        let tokens: Vec<_> = lexer::lex(text, Mode::Module).take(200_000).collect();
        check(&tokens, &Bounds::default()).map(|deep| deep.excess)
    }

    #[test]
    fn every_way_to_nest_is_counted() {
        for (text, expected) in [
            ("(".repeat(100), Excess::Brackets),
            ((0..40).map(|level| format!("{}if a:\n", " ".repeat(level))).collect(), Excess::Blocks),
            (format!("x = {}1", "-".repeat(2_000)), Excess::Depth),
            (format!("x = {}1", "not ".repeat(2_000)), Excess::Depth),
            (format!("x = {}1", "lambda a, b: ".repeat(2_000)), Excess::Depth),
            (format!("x = {}1", "a if b else ".repeat(2_000)), Excess::Depth),
            (format!("x = a{}", ".b".repeat(2_000)), Excess::Depth),
            (format!("x = a{}", "()".repeat(2_000)), Excess::Depth),
            (format!("x = a{}", "[0]".repeat(2_000)), Excess::Depth),
            (format!("x = 1{}", " + 1".repeat(2_000)), Excess::Depth),
            (format!("x = 1{}", " ** 1".repeat(2_000)), Excess::Depth),
            (format!("x = 1{}", " < 1".repeat(2_000)), Excess::Depth),
            (format!("x = f'{{{}1}}'", "-".repeat(2_000)), Excess::Depth),
            (format!("x = f'{{{}1}}'", "not ".repeat(2_000)), Excess::Depth),
            (format!("if a: 0\n{}", "elif a: 0\n".repeat(2_000)), Excess::Depth),
            (format!("match x:\n case {}:\n  pass\n", "a | ".repeat(2_000) + "a"), Excess::Depth),
        ] {
            assert_eq!(excess(&text), Some(expected), "{}", &text[..40]);
        }
    }

    #[test]
    fn wide_is_not_deep() {
        for text in [
            format!("x = [{}]", "1, ".repeat(5_000)),
            format!("x = {{{}}}", "'a': -1.0, ".repeat(5_000)),
            "if a:\n  x = 1\n".repeat(2_000),
            "if a:\n  x = 1\nelif b:\n  x = 2\n".repeat(2_000),
            format!("x = ({})", "'part' ".repeat(5_000)),
            format!("x = f'{}'", "{a} ".repeat(5_000)),
            format!("x = 1{}", " + 1".repeat(900)),
        ] {
            assert_eq!(excess(&text), None, "{}", &text[..40]);
        }
    }
}
