//! Random texts: no panic, no hang, and places that lie in the text.

use cofferdam_sandbox::{Code, Policy};
use proptest::prelude::*;

pub(crate) const WORDS: &[&str] = &[
    "if",
    "elif",
    "else",
    "for",
    "in",
    "while",
    "def",
    "class",
    "lambda",
    "match",
    "case",
    "type",
    "import",
    "from",
    "as",
    "with",
    "try",
    "except",
    "finally",
    "return",
    "yield",
    "await",
    "async",
    "global",
    "not",
    "is",
    "and",
    "del",
    "x",
    "data",
    "eval",
    "open",
    "__class__",
    "_a",
    "np",
    "numpy",
    "os",
    "0",
    "1.5",
    "'a'",
    "f'{x}'",
    "f'{x:{y}}'",
    "'{0.__class__}'",
    ".",
    ",",
    ":",
    ";",
    "=",
    ":=",
    "+",
    "-",
    "*",
    "**",
    "@",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "->",
    "\n",
    "\n    ",
    "\n        ",
    "\t",
    "\\\n",
    "#",
    "\"\"\"",
    "'",
    "\\",
    "|",
    "*",
    "ｅｖａｌ",
    "µ",
    "\u{feff}",
    "\r\n",
    "é",
    "\u{202e}",
    "...",
    "!",
];

fn verdict_is_sound(source: &str) -> Result<(), TestCaseError> {
    if let Err(rejection) = Policy::default().check(source) {
        prop_assert!(!rejection.violations().is_empty());
        prop_assert!(!rejection.render("x").is_empty());
        let lines = u32::try_from(source.matches('\n').count()).unwrap() + 1;
        for violation in rejection.violations() {
            prop_assert!(violation.code != Code::CheckFailed, "the parser panicked");
            prop_assert!((1..=lines).contains(&violation.line), "{violation:?}");
            prop_assert!(violation.column >= 1);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_a_verdict(source in any::<String>()) {
        verdict_is_sound(&source)?;
    }

    #[test]
    fn any_tokens_get_a_verdict(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..120),
        spaced in any::<bool>(),
    ) {
        verdict_is_sound(&words.join(if spaced { " " } else { "" }))?;
    }

    #[test]
    fn a_denied_name_is_found_wherever_an_expression_stands(
        wrap in prop::collection::vec(
            prop::sample::select(vec![
                ("(", ")"), ("[", "]"), ("{1: ", "}"), ("f(", ")"), ("f(a=", ")"), ("f(*", ")"), ("(lambda: ", ")"),
                ("(lambda a=", ": 1)"), ("[a for a in ", "]"), ("[", " for a in b]"), ("[a for a in b if ", "]"),
                ("(1 if ", " else 2)"), ("(a := ", ")"), ("-", ""), ("1 + ", ""), ("x[", "]"), ("x[1:", "]"),
                ("(", ".real)"), ("(", "[0])"), ("(1 < ", ")"), ("(a and ", ")"), ("{**", "}"), ("(yield ", ")"),
            ]),
            0..8,
        ),
    ) {
        let mut expression = "eval".to_owned();
        for (before, after) in wrap {
            expression = format!("{before}{expression}{after}");
        }
        let source = format!("def g():\n    x = {expression}\n");
        let rejection = Policy::default().check(&source).unwrap_err();
        prop_assert!(
            rejection.violations().iter().any(|violation| violation.code == Code::DeniedName),
            "{source}"
        );
    }
}
