//! Texts that are made to break parsers cost a bounded amount of stack and time.

use std::thread;
use std::time::{Duration, Instant};

use cofferdam_sandbox::{Bounds, Code, Policy};

use crate::codes;

/// Far above what any of these texts needs, far below what an exponential or quadratic pass would take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Fills 60 KiB with repetitions.
fn filled(start: &str, part: &str, end: &str) -> String {
    format!("{start}{}{end}", part.repeat((60 * 1024 - start.len() - end.len()) / part.len()))
}

#[test]
fn bombs_within_the_size_limit_are_refused_in_bounded_time() {
    let begun = Instant::now();
    for source in [
        filled("", "[", ""),
        filled("", "(", ""),
        filled("", "{", ""),
        filled("a", ".b", ""),
        filled("a", "()", ""),
        filled("a", "[0]", ""),
        filled("x = ", "-", "1"),
        filled("x = ", "not ", "1"),
        filled("x = ", "await ", "1"),
        filled("x = 1", "+1", ""),
        filled("x = 1", "**1", ""),
        filled("x = 1", "<1", ""),
        filled("x = ", "lambda:", "1"),
        filled("x = ", "lambda a,b:", "1"),
        filled("x = ", "1 if 1 else ", "1"),
        filled("x = ", "1 and ", "1"),
        filled("if a:0\n", "elif a:0\n", ""),
        filled("x = f'{", "-", "1}'"),
        filled("x = f'{", "a.", "a}'"),
        filled("x = f'{", "not ", "1}'"),
        filled("x = f'''{f\"\"\"{f\"{f'{", "(", "}'}\"}\"\"\"}'''"),
        filled("x = f'{1:{1:", "{1:", "}}'"),
        filled("match x:\n case ", "a|", "a: pass"),
        filled("x = y", "=y", ""),
        filled("", "@", "a\ndef f(): pass"),
    ] {
        let found = codes(&source);
        assert!(
            matches!(found.as_slice(), [Code::TooDeep | Code::Syntax | Code::NewerGrammar]),
            "{:?}: {found:?}",
            &source[..20]
        );
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn wide_texts_of_full_size_are_read_in_bounded_time() {
    let begun = Instant::now();
    for source in [
        filled("", "a\n", ""),
        filled("", "match\n", ""),
        filled("", "type\n", ""),
        filled("x = [", "1,", "]"),
        filled("x = '", "a", "'"),
        filled("x = f'", "{a}", "'"),
        filled("x = (", "'a'", ")"),
        filled("x = ", "9", ""),
        filled("", "def f(): pass\n", ""),
        filled("import ", "a,", "a"),
        filled("", "\n", ""),
        filled("", "x = eval\n", ""),
        filled("", "#\n", ""),
        filled("f(", "a=1,", ")"),
    ] {
        let _ = Policy::default().check(&source);
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn small_stacks_suffice_for_the_deepest_program() {
    let sources = [
        format!("x = {}1", "-".repeat(990)),
        format!("x = a{}", ".b".repeat(990)),
        format!("x = 1{}", " + 1".repeat(990)),
        format!("x = {}1", "lambda: ".repeat(450)),
        format!("if a:\n  x = 0\n{}", "elif a:\n  x = 0\n".repeat(900)),
        format!("x = {}1{}", "(".repeat(60), ")".repeat(60)),
    ];
    let verdicts = thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(move || sources.map(|source| codes(&source)))
        .unwrap()
        .join()
        .unwrap();
    for found in verdicts {
        assert_eq!(found, []);
    }
}

#[test]
fn the_ceiling_of_depth_fits_the_checker_thread() {
    let policy = Policy::default()
        .bounds(Bounds::default().source_bytes(u32::MAX).depth(u32::MAX).nodes(u32::MAX).blocks(u32::MAX));
    assert_eq!((policy.limits().depth, policy.limits().source_bytes), (4_000, 1024 * 1024));
    for source in [
        format!("x = {}1", "-".repeat(3_990)),
        format!("x = 1{}", " + 1".repeat(3_990)),
        format!("x = a{}", "()".repeat(3_990)),
        format!("x = {}1", "lambda: ".repeat(1_900)),
        format!("x = {}1", "a if b else ".repeat(1_900)),
        format!("if a:\n  x = 0\n{}", "elif a:\n  x = 0\n".repeat(3_900)),
    ] {
        policy.check(&source).unwrap();
        let deeper = format!("{source}\ny = {}1", "~".repeat(5_000));
        assert_eq!(policy.check(&deeper).unwrap_err().violations()[0].code, Code::TooDeep);
    }
}

#[test]
fn every_limit_refuses_what_passes_it_and_nothing_below() {
    let of = |bounds: Bounds, source: &str| match Policy::default().bounds(bounds).check(source) {
        Ok(_) => None,
        Err(rejection) => Some(rejection.violations()[0].code),
    };
    let bounds = Bounds::default;
    assert_eq!(of(bounds().source_bytes(5), "x = 1"), None);
    assert_eq!(of(bounds().source_bytes(4), "x = 1"), Some(Code::SourceTooLarge));
    assert_eq!(of(bounds().brackets(2), "x = [[1]]"), None);
    assert_eq!(of(bounds().brackets(2), "x = [[[1]]]"), Some(Code::TooDeep));
    assert_eq!(of(bounds().blocks(1), "if a:\n  x = 1"), None);
    assert_eq!(of(bounds().blocks(1), "if a:\n  if b:\n    x = 1"), Some(Code::TooDeep));
    assert_eq!(of(bounds().depth(10), "x = 1 + 2 + 3"), None);
    assert_eq!(of(bounds().depth(3), "x = 1 + 2 + 3"), Some(Code::TooDeep));
    assert_eq!(of(bounds().nodes(3), "x = 1"), None);
    assert_eq!(of(bounds().nodes(2), "x = 1"), Some(Code::TooManyNodes));
    assert_eq!(of(bounds().nodes(0), "x = 1"), Some(Code::TooManyNodes));
}
