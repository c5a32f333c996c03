//! The policy and the rejection as stored data.

use cofferdam_sandbox::{Bounds, Exports, Policy};

#[test]
fn a_policy_survives_storage() {
    let policy = Policy::default()
        .allow_names("talib", ["SMA", "RSI"])
        .allow_module("company")
        .deny_module("asyncio")
        .deny_name("print")
        .bounds(Bounds::default().source_bytes(1_000));
    let text = serde_json::to_string(&policy).unwrap();
    let read: Policy = serde_json::from_str(&text).unwrap();
    assert_eq!(read, policy);
    assert_eq!(read.modules()["numpy"], Exports::Reviewed);
    assert!(!read.modules().contains_key("asyncio"));
}

#[test]
fn missing_fields_take_the_default_and_unknown_ones_are_errors() {
    let read: Policy = serde_json::from_str(r#"{"bounds": {"depth": 50}}"#).unwrap();
    assert_eq!(read, Policy::default().bounds(Bounds::default().depth(50)));
    let error = serde_json::from_str::<Policy>(r#"{"bound": {}}"#).unwrap_err().to_string();
    assert!(error.contains("unknown field `bound`"), "{error}");
}

#[test]
fn a_violation_serialises_for_an_interface() {
    let rejection = Policy::default().check("x = eval").unwrap_err();
    let value = serde_json::to_value(rejection.violations()).unwrap();
    assert_eq!(
        value,
        serde_json::json!([{
            "code": "CD201",
            "title": "a builtin that is not allowed",
            "line": 1,
            "column": 5,
            "end_line": 1,
            "end_column": 9,
            "message": "builtin `eval` is not allowed",
            "help": "write the expression as code; for text that holds JSON use `json.loads`",
            "documentation": "https://github.com/cofferdam-rs/cofferdam/blob/main/docs/policy.md#cd201",
        }])
    );
}
