//! What the table holds, to the byte.

use sea_orm::{
    Value,
    prelude::{
        BigDecimal, ChronoDate, ChronoDateTime, ChronoDateTimeLocal, ChronoDateTimeUtc,
        ChronoDateTimeWithTimeZone, ChronoTime, Decimal, TimeDate, TimeDateTimeWithTimeZone, TimeTime, Uuid,
    },
    sea_query::{Enum, OptionEnum},
};

use super::{super::cell::cell, Case, same};
use crate::{conflict::Conflict, operation::Operation};

/// A column of each affinity.
const SETUP: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, plain, text TEXT, whole INTEGER, real REAL, number NUMERIC)";
const COLUMNS: &[&str] = &["id", "plain", "text", "whole", "real", "number"];
const LOOK: &str = "SELECT id || ': ' || typeof(plain) || ' ' || quote(plain) || ', ' || typeof(text) || ' ' || quote(text) \
     || ', ' || typeof(whole) || ' ' || quote(whole) || ', ' || typeof(real) || ' ' || quote(real) || ', ' \
     || typeof(number) || ' ' || quote(number) FROM t ORDER BY id";

fn inserts(values: impl IntoIterator<Item = Value>) -> Case {
    let row =
        |(id, value): (i64, Value)| std::iter::once(id.into()).chain(std::iter::repeat_n(value, 5)).collect();
    Case {
        setup: SETUP.into(),
        columns: COLUMNS,
        key: vec![0],
        operation: Operation::Insert,
        conflict: Conflict::Reject,
        rows: (1..).zip(values).map(row).collect(),
        look: LOOK,
    }
}

fn stamps() -> Vec<Value> {
    let mut values = Vec::new();
    for text in [
        "1970-01-01T00:00:00Z",
        "2026-11-23T23:59:59.5Z",
        "0001-01-01T12:34:56.000789Z",
        "9999-12-31T01:02:03.123456789Z",
    ] {
        let utc: ChronoDateTimeUtc = text.parse().unwrap();
        let zoned: ChronoDateTimeWithTimeZone =
            format!("{}-03:30", text.trim_end_matches('Z')).parse().unwrap();
        let naive: ChronoDateTime = utc.naive_utc();
        values.extend([
            Value::from(utc),
            zoned.into(),
            ChronoDateTimeLocal::from(utc).into(),
            naive.into(),
            naive.date().into(),
            naive.time().into(),
        ]);
    }
    values.push(ChronoDate::from_ymd_opt(-44, 3, 15).unwrap().into());
    values.push(ChronoDate::from_ymd_opt(12_345, 6, 7).unwrap().into());
    values.push(ChronoTime::MIN.into());
    values
}

fn known() -> Vec<Value> {
    let mut values: Vec<Value> = vec![
        true.into(),
        false.into(),
        i8::MIN.into(),
        i16::MAX.into(),
        i32::MIN.into(),
        i64::MIN.into(),
        i64::MAX.into(),
        u8::MAX.into(),
        u16::MAX.into(),
        u32::MAX.into(),
        Value::BigUnsigned(Some(i64::MAX.unsigned_abs())),
        0.1_f32.into(),
        f32::MAX.into(),
        0.1_f64.into(),
        f64::MIN_POSITIVE.into(),
        (-0.0_f64).into(),
        f64::INFINITY.into(),
        f64::NAN.into(),
        f32::NAN.into(),
        'ß'.into(),
        '\0'.into(),
        "".into(),
        "12".into(),
        " 1e3".into(),
        "a\0b".into(),
        "日本\u{1F980} 'x'".into(),
        Value::Enum(OptionEnum::Some(Box::new(Enum { type_name: "side".into(), value: "buy".into() }))),
        Value::Enum(OptionEnum::None("side".into())),
        Vec::<u8>::new().into(),
        vec![0_u8, 255, 0].into(),
        serde_json::json!({"b": [1, 2.5, null, "x\u{0}\"é"], "a": {"c": 1e300}}).into(),
        serde_json::json!(null).into(),
        Uuid::nil().into(),
        Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0).into(),
        Decimal::new(-123_456_789_012_345, 7).into(),
        Decimal::new(100, 2).into(),
        Decimal::MAX.into(),
    ];
    values.extend(stamps());
    let nulls: Vec<Value> = values.iter().map(Value::as_null).collect();
    values.extend(nulls);
    values
}

/// Types that have no cell, and so go by the driver.
fn unknown() -> Vec<Value> {
    vec![
        TimeDate::MIN.into(),
        TimeTime::MIDNIGHT.into(),
        TimeDateTimeWithTimeZone::UNIX_EPOCH.into(),
        BigDecimal::from(7).into(),
    ]
}

#[test]
fn every_type_is_stored_as_the_driver_stores_it() {
    assert!(known().iter().all(|value| cell(value).is_some()));
    let outcome = same(&inserts(known()));
    assert_eq!((outcome.written, outcome.table.len()), (known().len() as u64, known().len()));
    assert!(
        outcome.table.iter().any(|row| row.contains("text '2026-11-23T23:59:59.500+00:00'")),
        "{outcome:#?}"
    );
}

#[test]
fn a_type_without_a_cell_goes_by_the_driver_wherever_it_stands() {
    assert!(unknown().iter().all(|value| cell(value).is_none()));
    for place in [0, 1, 30] {
        let mut values: Vec<Value> = (0..40_i32).map(Value::from).collect();
        values.splice(place..place, unknown());
        let outcome = same(&inserts(values));
        assert_eq!((outcome.written, outcome.table.len()), (44, 44));
    }
}

#[test]
fn an_update_stores_what_an_insert_stores() {
    let mut case = inserts(known());
    case.setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, plain, text TEXT, whole INTEGER, real REAL, number NUMERIC);
        WITH RECURSIVE n(id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < 1000) INSERT INTO t (id) SELECT id FROM n"
        .into();
    case.operation = Operation::Update;
    let updated = same(&case);
    assert_eq!(updated.written, known().len() as u64);
    assert_eq!(updated.table[..known().len()], same(&inserts(known())).table);
}

#[test]
fn text_and_bytes_of_any_size_are_whole() {
    let sizes = [0, 1, 4_095, 4_096, 100_000, 3_000_000];
    let texts = sizes.map(|size| "ä".repeat(size));
    let bytes = sizes.map(|size| vec![7_u8; size]);
    let values = texts.iter().map(|text| Value::from(text.as_str()));
    let mut case = inserts(values.chain(bytes.into_iter().map(Value::from)));
    case.look = "SELECT typeof(plain) || ' ' || quote(plain) FROM t ORDER BY id";
    let outcome = same(&case);
    let expected = texts.iter().map(|text| format!("text '{text}'"));
    let expected = expected.chain(sizes.iter().map(|size| format!("blob X'{}'", "07".repeat(*size))));
    assert!(outcome.table.into_iter().eq(expected));
}

#[test]
fn ten_thousand_rows_are_there_in_order() {
    let mut case = inserts((0..10_000_i64).map(|number| Value::from(number * 3)));
    case.look = "SELECT id || ' ' || plain || ' ' || text FROM t ORDER BY rowid";
    let outcome = same(&case);
    let expected = (0..10_000).map(|number| format!("{} {} {}", number + 1, number * 3, number * 3));
    assert!(outcome.table.into_iter().eq(expected));
}
