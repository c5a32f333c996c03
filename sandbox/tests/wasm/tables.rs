//! The policy's tables of modules against the Python that runs the programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cofferdam_sandbox::Policy;
use serde_json::{Map, Value};

use super::run;

fn tables() -> Map<String, Value> {
    let tables = Policy::tables()["modules"].as_object().cloned().unwrap();
    tables
        .into_iter()
        .filter(|(module, _)| !module.starts_with("numpy") && !module.starts_with("pandas"))
        .collect()
}

#[test]
fn the_policy_allows_the_modules_that_the_guest_has() {
    let reviewed: BTreeSet<String> = tables().into_iter().map(|(module, _)| module).collect();
    let present: BTreeSet<String> =
        cofferdam_python::MODULES.iter().map(|&module| module.to_owned()).collect();
    assert_eq!(reviewed, present);
}

#[tokio::test]
async fn every_name_of_the_tables_exists_in_the_guest() {
    let mut source = String::from("result = []\n");
    for (module, names) in tables() {
        writeln!(source, "import {module}").unwrap();
        writeln!(source, "result += ['{module}.' + n for n in {names} if not hasattr({module}, n)]").unwrap();
    }
    let absent: Vec<String> = serde_json::from_value(run(&source).await.result.unwrap()).unwrap();
    assert_eq!(absent, [""; 0]);
}
