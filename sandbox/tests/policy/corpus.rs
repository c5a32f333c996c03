//! Every row of the corpus, with the rules that must refuse it.

use std::collections::BTreeMap;

use cofferdam_sandbox::{Code, Policy};
use serde::Deserialize;

use crate::codes;

#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) layer: String,
}

fn rows(text: &str) -> Vec<Row> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn attacks() -> Vec<Row> {
    rows(include_str!("../corpus/attacks.jsonl"))
}

pub(crate) fn benign() -> Vec<Row> {
    rows(include_str!("../corpus/benign.jsonl"))
}

/// For each static attack, the rule that must refuse it.
pub(crate) fn expected() -> BTreeMap<&'static str, Code> {
    EXPECTED.iter().copied().collect()
}

/// For each attack of the static layer, a rule that must be among those that refuse it.
const EXPECTED: &[(&str, Code)] = &[
    ("atk-001", Code::SpecialAttribute),
    ("atk-003", Code::SpecialAttribute),
    ("atk-005", Code::NameNotExported),
    ("atk-007", Code::SpecialAttribute),
    ("atk-009", Code::SpecialAttribute),
    ("atk-011", Code::SpecialAttribute),
    ("atk-013", Code::SpecialAttribute),
    ("atk-015", Code::SpecialAttribute),
    ("atk-016", Code::DeniedName),
    ("atk-018", Code::DeniedName),
    ("atk-020", Code::DeniedName),
    ("atk-022", Code::DeniedName),
    ("atk-024", Code::DeniedName),
    ("atk-026", Code::SpecialAttribute),
    ("atk-028", Code::DeniedName),
    ("atk-030", Code::PrivateAttribute),
    ("atk-032", Code::FormatField),
    ("atk-034", Code::NameNotExported),
    ("atk-036", Code::SpecialAttribute),
    ("atk-038", Code::FrameAttribute),
    ("atk-040", Code::FrameAttribute),
    ("atk-042", Code::FrameAttribute),
    ("atk-044", Code::SpecialAttribute),
    ("atk-046", Code::ModuleNotAllowed),
    ("atk-048", Code::ModuleNotAllowed),
    ("atk-050", Code::NameNotExported),
    ("atk-052", Code::NameNotExported),
    ("atk-054", Code::ModuleNotAllowed),
    ("atk-056", Code::NameNotExported),
    ("atk-058", Code::NameNotExported),
    ("atk-060", Code::SpecialAttribute),
    ("atk-061", Code::DeniedName),
    ("atk-063", Code::DeniedName),
    ("atk-065", Code::MatchArguments),
    ("atk-067", Code::DeniedName),
    ("atk-069", Code::DeniedName),
    ("atk-071", Code::DeniedName),
    ("atk-073", Code::ModuleNotAllowed),
    ("atk-075", Code::Encoding),
    ("atk-077", Code::Encoding),
    ("atk-079", Code::ControlCharacter),
    ("atk-081", Code::ModuleNotAllowed),
    // The bombs are larger than any program; smaller ones are tried in `bounds`.
    ("atk-082", Code::SourceTooLarge),
    ("atk-084", Code::SourceTooLarge),
    ("atk-086", Code::SourceTooLarge),
    ("atk-088", Code::SourceTooLarge),
    ("atk-117", Code::ModuleNotAllowed),
    ("atk-118", Code::NameNotExported),
    ("atk-120", Code::NameNotExported),
    ("atk-122", Code::EvaluatingMethod),
    ("atk-124", Code::MethodByName),
    ("atk-126", Code::NameNotExported),
    ("atk-128", Code::FileMethod),
    ("atk-130", Code::NameNotExported),
    ("atk-132", Code::SpecialAttribute),
    ("atk-135", Code::ModuleNotAllowed),
    ("atk-141", Code::ModuleNotAllowed),
    ("atk-143", Code::ModuleModified),
    ("atk-145", Code::DeniedName),
    ("atk-146", Code::NewerGrammar),
    ("atk-148", Code::DeniedName),
    ("atk-150", Code::DeniedName),
];

#[test]
fn every_static_attack_is_refused_for_its_reason() {
    let expected = expected();
    let rows: Vec<Row> = attacks().into_iter().filter(|row| row.layer == "static").collect();
    assert_eq!(rows.len(), expected.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let found = codes(&row.code);
        if !found.contains(&expected[row.id.as_str()]) {
            wrong.push(format!("{}: {found:?} instead of {:?}", row.id, expected[row.id.as_str()]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn runtime_attacks_are_refused_only_for_their_imports() {
    for row in attacks().iter().filter(|row| row.layer == "runtime") {
        let found = codes(&row.code);
        let imports = matches!(row.id.as_str(), "atk-133" | "atk-137" | "atk-139");
        let expected = if imports { vec![Code::ModuleNotAllowed] } else { vec![] };
        assert_eq!(found, expected, "{}", row.id);
    }
}

#[test]
fn every_benign_program_is_accepted() {
    for row in benign() {
        let verdict = Policy::default().check(&row.code);
        // Grammar of Python 3.12 that the parser does not read.
        if row.id == "ben-060" {
            let rejection = verdict.unwrap_err();
            assert_eq!(rejection.violations()[0].code, Code::NewerGrammar);
            assert!(rejection.violations()[0].help.contains("variable first"));
            continue;
        }
        let refused = verdict.map_err(|rejection| rejection.render(&row.id)).err();
        assert_eq!(refused, None);
    }
}
