//! Two parsers, one verdict: what the host accepts CPython's check accepts, and what the host refuses is refused there by
//! the same rules. A difference would be a way through, or a refusal without a reason.

use std::collections::BTreeSet;

use cofferdam_sandbox::Policy;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

use crate::grammar::Writer;
use crate::guest::{Verdict, verdicts};
use crate::soup::WORDS;

/// Texts that one process of Python checks.
const BATCH: usize = 5_000;

/// Rules about the text and its grammar, for which a parser speaks and not the tree.
const GRAMMAR: &[&str] = &["CD001", "CD002", "CD003", "CD004", "CD005", "CD006", "CD007", "CD008"];

fn host(source: &str) -> BTreeSet<String> {
    match Policy::default().check(source) {
        Ok(_) => BTreeSet::new(),
        Err(rejection) => rejection.violations().iter().map(|violation| violation.code.to_string()).collect(),
    }
}

/// Random texts of the strategy, with both verdicts.
fn both(strategy: impl Strategy<Value = String>) -> Vec<(String, BTreeSet<String>, Verdict)> {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let texts: Vec<String> = (0..BATCH).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let found = verdicts(&texts, "{}");
    texts.into_iter().zip(found).map(|(text, verdict)| (text.clone(), host(&text), verdict)).collect()
}

#[test]
fn both_checks_break_random_programs_by_the_same_rules() {
    let programs = both(prop::collection::vec(any::<u8>(), 4..90).prop_map(|bytes| Writer::program(&bytes)));
    let (mut accepted, mut refused) = (0, 0);
    for (program, host, guest) in &programs {
        // What one of them cannot read it does not judge; what CPython cannot read it does not run.
        if guest.is_unreadable() || host.iter().any(|code| GRAMMAR.contains(&code.as_str())) {
            continue;
        }
        assert_eq!(host, &guest.codes, "{}\n{program}", guest.answer);
        if host.is_empty() { accepted += 1 } else { refused += 1 }
    }
    // The texts must not be so wild that hardly anything is compared.
    assert!(accepted > BATCH / 10 && refused > BATCH / 10, "{accepted} accepted, {refused} refused");
}

#[test]
fn token_soup_that_passes_passes_again() {
    let words = prop::collection::vec(prop::sample::select(WORDS), 0..12);
    let soup = (words, any::<bool>()).prop_map(|(words, spaced)| words.join(if spaced { " " } else { "" }));
    for (program, host, guest) in both(soup) {
        let harmless = guest.codes.is_empty() || guest.is_unreadable();
        assert!(!host.is_empty() || harmless, "accepted by the host alone: {}\n{program}", guest.answer);
    }
}
