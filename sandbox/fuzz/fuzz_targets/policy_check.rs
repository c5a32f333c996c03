//! Any text gets a verdict: no panic, no hang, places inside the text, and reports that hold nothing of the text that a
//! terminal obeys.

#![no_main]

use cofferdam_sandbox::{Code, Policy, Rejection};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    match Policy::default().check(source) {
        Ok(program) => assert_eq!(program.source(), source.strip_prefix('\u{feff}').unwrap_or(source)),
        Err(rejection) => examine(source, &rejection),
    }
});

fn examine(source: &str, rejection: &Rejection) {
    assert!(!rejection.violations().is_empty());
    let lines = source.matches('\n').count() + 1;
    for violation in rejection.violations() {
        // The checker's thread ended by a panic of the parser or of our own.
        assert!(violation.code != Code::CheckFailed, "{violation:?}");
        assert!((1..=lines).contains(&(violation.line as usize)), "{violation:?}");
        let line = source.split('\n').nth(violation.line as usize - 1).unwrap_or("");
        // A place may lie behind the last character, where something is missing.
        assert!((1..=line.chars().count() + 1).contains(&(violation.column as usize)), "{violation:?}");
        let (start, end) = ((violation.line, violation.column), (violation.end_line, violation.end_column));
        assert!(start <= end && violation.end_line as usize <= lines, "{violation:?}");
    }
    let plain = rejection.render("fuzz.py");
    assert!(!plain.contains(|character: char| character.is_control() && character != '\n'), "{plain:?}");
    assert!(rejection.render_coloured("fuzz.py").len() > plain.len());
    assert!(rejection.sarif("fuzz.py")["runs"][0]["results"].is_array());
}
