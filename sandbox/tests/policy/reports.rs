//! A rejection for terminals, programs and code-scanning tools.

use cofferdam_sandbox::{Bounds, Code, Policy, Rejection};
use serde_json::{Value, json};

fn rejected(source: &str) -> Rejection {
    Policy::default().check(source).unwrap_err()
}

/// The text without escapes that colour it. Any other escape stays.
fn stripped(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (colour, rest) = part.split_once('m').unwrap();
        assert!(colour.chars().all(|sign| sign.is_ascii_digit() || sign == ';'), "{colour:?}");
        plain.push_str(rest);
    }
    plain
}

#[test]
fn colours_change_nothing_but_the_look() {
    let rejection = rejected("import os\nx = 'é' + eval('1')\ny = ().__class__\n");
    let coloured = rejection.render_coloured("strategy.py");
    assert!(coloured.starts_with("\u{1b}["));
    assert_eq!(stripped(&coloured), rejection.render("strategy.py"));
    for line in coloured.lines() {
        assert!(
            !line.contains("\u{1b}[") || line.contains("\u{1b}[0m"),
            "a colour outlives its line: {line:?}"
        );
    }
}

#[test]
fn a_hostile_name_writes_no_escapes() {
    let rejection = rejected("import os");
    for text in [rejection.render("\u{1b}[2Jx"), stripped(&rejection.render_coloured("\u{1b}[2Jx\u{202e}"))] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
}

#[test]
fn a_rejection_serialises_with_its_count() {
    let policy = Policy::default().bounds(Bounds::default().violations(1));
    let value = serde_json::to_value(policy.check("x = eval\ny = exec").unwrap_err()).unwrap();
    assert_eq!((value["violations"].as_array().unwrap().len(), &value["omitted"]), (1, &json!(1)));
}

#[test]
fn the_end_of_a_place_lies_behind_its_last_character() {
    let rejection = rejected("x = 'é' + eval('1')\nfrom . import a\ny = (\n  eval)");
    let ends: Vec<_> =
        rejection.violations().iter().map(|found| (found.end_line, found.end_column)).collect();
    assert_eq!(ends, [(1, 15), (2, 16), (4, 7)]);
}

/// What SARIF 2.1.0 demands of a log, and what code-scanning services demand beyond it.
#[test]
fn sarif_holds_what_its_readers_require() {
    let log = rejected("import os\nx = 'é' + eval('1')\nx = (a\n .__class__)").sarif("strategies/tränd.py");
    assert_eq!((&log["version"], log["runs"].as_array().unwrap().len()), (&json!("2.1.0"), 1));
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let driver = &run["tool"]["driver"];
    for field in ["name", "version", "informationUri"] {
        assert!(driver[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
    let rules = driver["rules"].as_array().unwrap();
    assert_eq!(rules.len(), Code::ALL.len());
    for rule in rules {
        for path in ["/id", "/shortDescription/text", "/fullDescription/text", "/help/text", "/helpUri"] {
            assert!(
                rule.pointer(path).and_then(Value::as_str).is_some_and(|text| !text.is_empty()),
                "{path}"
            );
        }
        assert_eq!(rule["defaultConfiguration"]["level"], "error");
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(result["level"], "error");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let location = &result["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "strategies/tr%C3%A4nd.py");
    }
    assert_eq!(
        results[1]["locations"][0]["physicalLocation"]["region"],
        json!({"startLine": 2, "startColumn": 11, "endLine": 2, "endColumn": 15, "snippet": {"text": "eval"}})
    );
}
