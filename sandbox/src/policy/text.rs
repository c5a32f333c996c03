//! What can be told from the text alone, before anything tries to read it as Python.

use super::bounds::Bounds;
use super::code::Code;
use super::source::{Source, quoted};
use super::violation::Draft;

/// The byte order mark, which editors of one system put before UTF-8.
pub(super) const MARK: char = '\u{feff}';

/// The names under which Python knows UTF-8, after lowering and with `_` as `-`.
pub(super) const UTF8: &[&str] = &["utf-8", "utf8", "u8", "utf", "cp65001"];

/// Characters that change the direction of what follows, so that a reviewer sees another program than Python: the
/// first and the last of each range.
pub(super) const BIDI: &[(char, char)] =
    &[('\u{061c}', '\u{061c}'), ('\u{200e}', '\u{200f}'), ('\u{202a}', '\u{202e}'), ('\u{2066}', '\u{2069}')];

pub(super) fn is_bidi(character: char) -> bool {
    !character.is_ascii() && BIDI.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

/// Checks size, characters and the declared encoding. A text that is too large is not looked at further.
pub(super) fn check(source: &Source<'_>, bounds: &Bounds) -> Vec<Draft> {
    let text = source.text();
    if text.len() > bounds.source_bytes as usize {
        return vec![Draft::new(
            Code::SourceTooLarge,
            (0, 0),
            format!("the program has {} bytes, the limit is {}", text.len(), bounds.source_bytes),
            "move tables and constants into `params` or `data`, and split the program".to_owned(),
        )];
    }
    let mut violations = Vec::new();
    characters(source, &mut violations);
    encoding(source, &mut violations);
    violations
}

fn characters(source: &Source<'_>, violations: &mut Vec<Draft>) {
    // Ordinary programs hold nothing else, and bytes are compared many at a time.
    if source.text().bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\x0c')) {
        return;
    }
    let mut rest = source.text().char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        let span = (at, at + character.len_utf8());
        let lone_return = character == '\r' && rest.peek().is_none_or(|(_, next)| *next != '\n');
        if is_bidi(character) {
            violations.push(Draft::new(
                Code::BidiControl,
                span,
                format!("U+{:04X} changes the direction of the text that follows", u32::from(character)),
                format!("remove it; inside a string write `\\u{:04x}`", u32::from(character)),
            ));
        } else if lone_return
            || (character.is_ascii_control() && !matches!(character, '\t' | '\n' | '\x0c' | '\r'))
        {
            violations.push(Draft::new(
                Code::ControlCharacter,
                span,
                format!("control character U+{:04X} in the program", u32::from(character)),
                format!("remove it; inside a string write `\\x{:02x}`", u32::from(character)),
            ));
        }
    }
}

/// A comment in the first two lines can tell Python to decode the bytes differently (PEP 263), and then it reads
/// another program than the one that was checked.
fn encoding(source: &Source<'_>, violations: &mut Vec<Draft>) {
    let mut start = 0;
    for line in source.text().split_inclusive('\n').take(2) {
        if let Some((at, name)) = cookie(line)
            && !UTF8.contains(&name.to_ascii_lowercase().replace('_', "-").as_str())
        {
            violations.push(Draft::new(
                Code::Encoding,
                (start + at, start + at + name.len()),
                format!("the program declares the encoding `{}`", quoted(name)),
                "programs are UTF-8: remove the declaration".to_owned(),
            ));
        }
        start += line.len();
    }
}

/// The encoding that a comment line declares, with its offset in the line.
fn cookie(line: &str) -> Option<(usize, &str)> {
    let comment = line.find(|character: char| !matches!(character, ' ' | '\t' | '\x0c'))?;
    let declared = line.get(comment..)?;
    if !declared.starts_with('#') {
        return None;
    }
    let mut from = 0;
    while let Some(found) = declared.get(from..)?.find("coding") {
        let after = from + found + "coding".len();
        let tail = declared.get(after..)?;
        if let Some(value) = tail.strip_prefix([':', '=']) {
            let value = value.trim_start_matches([' ', '\t']);
            let length = value
                .find(|character: char| !(character.is_ascii_alphanumeric() || "-_.".contains(character)))
                .unwrap_or(value.len());
            if let Some(name) = value.get(..length)
                && !name.is_empty()
            {
                return Some((line.len() - value.len(), name));
            }
        }
        from = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_as_python_finds_them() {
        assert_eq!(cookie("# -*- coding: utf-7 -*-"), Some((14, "utf-7")));
        assert_eq!(cookie("  # vim: set fileencoding=latin-1 :"), Some((26, "latin-1")));
        assert_eq!(cookie("# encoding and coding, coding:x"), Some((30, "x")));
        assert_eq!(cookie("coding = 3"), None);
        assert_eq!(cookie("x = 1 # coding: utf-7"), None);
        assert_eq!(cookie("# coding by hand"), None);
    }
}
