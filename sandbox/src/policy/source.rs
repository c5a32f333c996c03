//! Positions in a text: from byte offsets to lines, columns and snippets.

use std::cell::OnceCell;

/// The most characters of a line that a snippet shows; a longer line is cut around the marked place.
const SNIPPET: usize = 120;

/// The most characters of a name or message that a violation repeats, since a hostile name may fill the text.
const WORD: usize = 60;

/// The most characters of a message that came from elsewhere.
const MESSAGE: usize = 300;

/// A text with an index of its lines, which is made when the first place is asked for: most programs have none to show.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    /// Byte offset of the first character of each line; never empty.
    starts: OnceCell<Vec<usize>>,
}

/// A place in a text as people count it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) snippet: String,
    /// Where the marks begin below the snippet, in characters.
    pub(super) indent: usize,
    /// How many marks, at least one.
    pub(super) width: usize,
    /// Line and column behind the last character.
    pub(super) end: (u32, u32),
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, starts: OnceCell::new() }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The text from here on; empty past the end.
    pub(super) fn from(&self, offset: usize) -> &'a str {
        self.text.get(self.floor(offset)..).unwrap_or("")
    }

    /// The text between two offsets; empty where they make no sense.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(self.floor(start)..self.floor(end)).unwrap_or("")
    }

    /// The line that holds the offset, without its end.
    pub(super) fn line_of(&self, offset: usize) -> &'a str {
        let (_, start) = self.line_start(self.floor(offset));
        self.from(start).lines().next().unwrap_or("")
    }

    /// Where the word stands between two offsets, or the first of them where it does not.
    pub(super) fn find(&self, word: &str, start: usize, end: usize) -> usize {
        let start = self.floor(start);
        self.slice(start, end).find(word).map_or(start, |at| start + at)
    }

    /// The byte offset of a line and column, both from 1; of what lies outside the text, the nearest end.
    pub(super) fn offset(&self, line: u32, column: u32) -> usize {
        let starts = self.starts();
        let index = (line as usize).saturating_sub(1).min(starts.len().saturating_sub(1));
        let start = starts.get(index).copied().unwrap_or(0);
        let line = self.line_of(start);
        let within =
            line.char_indices().nth((column as usize).saturating_sub(1)).map_or(line.len(), |(at, _)| at);
        start + within
    }

    /// Line, column and snippet of a byte range.
    pub(super) fn place(&self, start: usize, end: usize) -> Place {
        let start = self.floor(start);
        let (index, line_start) = self.line_start(start);
        let line = self.line_of(start);
        let before = self.slice(line_start, start).chars().count();
        let marked = self.slice(start, end).lines().next().map_or(0, |part| part.chars().count());
        let skip = if before < SNIPPET / 2 { 0 } else { before.saturating_sub(SNIPPET / 3) };
        let snippet: String = line.chars().skip(skip).take(SNIPPET).map(visible).collect();
        let indent = before - skip;
        let room = snippet.chars().count().saturating_sub(indent).max(1);
        Place {
            line: count(index + 1),
            column: count(before + 1),
            snippet: snippet.trim_end().to_owned(),
            indent,
            width: marked.clamp(1, room),
            end: self.position(end.max(start)),
        }
    }

    /// Line and column of an offset, both from 1.
    fn position(&self, offset: usize) -> (u32, u32) {
        let offset = self.floor(offset);
        let (index, start) = self.line_start(offset);
        (count(index + 1), count(self.slice(start, offset).chars().count() + 1))
    }

    /// Index and offset of the line that holds the offset.
    fn line_start(&self, offset: usize) -> (usize, usize) {
        let starts = self.starts();
        let index = starts.partition_point(|start| *start <= offset).saturating_sub(1);
        (index, starts.get(index).copied().unwrap_or(0))
    }

    fn starts(&self) -> &[usize] {
        self.starts.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
        })
    }

    /// The nearest character boundary at or before the offset.
    fn floor(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset)
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A message from elsewhere: of bounded length, and nothing that a terminal obeys.
pub(super) fn quoted_line(message: &str) -> String {
    message.chars().take(MESSAGE).map(visible).collect()
}

/// A word from a program as a message may show it: short, and nothing that a terminal obeys.
pub(super) fn quoted(word: &str) -> String {
    let mut shown: String = word.chars().take(WORD).map(visible).collect();
    if word.chars().nth(WORD).is_some() {
        shown.push('…');
    }
    shown
}

/// The character, or a stand-in of the same width for what would move or hide text on a terminal.
pub(super) fn visible(character: char) -> char {
    match character {
        '\t' => ' ',
        _ if character.is_control() || super::text::is_bidi(character) => '\u{fffd}',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source::new("a = 1\nnaïve = eval");
        let place = source.place("a = 1\nnaïve = ".len(), "a = 1\nnaïve = eval".len());
        assert_eq!((place.line, place.column, place.width), (2, 9, 4));
        assert_eq!(place.snippet, "naïve = eval");
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let text = format!("{}eval", " ".repeat(5_000));
        let place = Source::new(&text).place(5_000, 5_004);
        assert_eq!(place.column, 5_001);
        let shown: String = place.snippet.chars().skip(place.indent).take(place.width).collect();
        assert_eq!(shown, "eval");
        assert!(place.snippet.len() <= SNIPPET);
    }

    #[test]
    fn offsets_outside_the_text_are_harmless() {
        let source = Source::new("é");
        for start in 0..5 {
            for end in 0..5 {
                let place = source.place(start, end);
                assert!(place.width >= 1);
            }
        }
    }

    #[test]
    fn words_lose_what_a_terminal_obeys() {
        assert_eq!(quoted("a\u{1b}[2J\u{202e}b"), "a\u{fffd}[2J\u{fffd}b");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), WORD + 1);
    }
}
