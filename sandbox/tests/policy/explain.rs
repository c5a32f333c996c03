//! Every rule is explained by examples that hold, and `docs/policy.md` says the same.

use std::fmt::Write as _;

use cofferdam_sandbox::{Code, Policy};

use crate::tables::same_as_stored;

#[test]
fn every_example_is_refused_by_its_rule_alone_and_its_neighbour_accepted() {
    for code in Code::ALL {
        let rule = code.explain();
        let policy: Policy = serde_json::from_str(rule.policy).unwrap();
        if *code == Code::CheckFailed {
            assert_eq!(rule.refused, "");
        } else {
            let rejection = policy.check(rule.refused).unwrap_err();
            for violation in rejection.violations() {
                assert_eq!(violation.code, *code, "{}", rejection.render("it"));
            }
        }
        if let Err(rejection) = policy.check(rule.allowed) {
            panic!("{code}: {}", rejection.render("it"));
        }
    }
}

#[test]
fn a_code_is_found_by_its_text() {
    for code in Code::ALL {
        assert_eq!(Code::parse(code.as_str()), Some(*code));
    }
    assert_eq!(Code::parse("CD1"), None);
}

#[test]
fn the_reference_is_up_to_date() {
    let mut text = String::from(
        "# The rules of the policy\n\n\
         What `Policy::check` refuses, by code. A code never changes its meaning. This page is written by a test from\n\
         `Code::explain`, and every example on it is checked: the first of each rule is refused by that rule alone, the\n\
         second is accepted.\n",
    );
    for code in Code::ALL {
        let rule = code.explain();
        let anchor = code.documentation();
        let anchor = anchor.rsplit('#').next().unwrap();
        write!(text, "\n<a id=\"{anchor}\"></a>\n\n## {code}: {}\n\n{}\n", rule.title, rule.reason).unwrap();
        if rule.policy != "{}" {
            write!(text, "\nShown under the policy `{}`.\n", rule.policy).unwrap();
        }
        if !rule.refused.is_empty() {
            write!(text, "\nRefused:\n\n```python\n{}\n```\n", visible(rule.refused)).unwrap();
        }
        write!(text, "\nInstead: {}.\n\n```python\n{}\n```\n", rule.instead, rule.allowed).unwrap();
    }
    same_as_stored("../docs/policy.md", &text);
}

/// The example on the page: what cannot be seen is named.
fn visible(example: &str) -> String {
    let shown = example.chars().map(|character| match character {
        '\n' => "\n".to_owned(),
        _ if character.is_control() || character == '\u{202e}' => format!("⟨U+{:04X}⟩", u32::from(character)),
        _ => character.to_string(),
    });
    shown.collect()
}
