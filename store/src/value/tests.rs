//! What is read back is what was written, for every type of value.

use proptest::prelude::*;
use sea_orm::{
    JsonValue, Value,
    prelude::{BigDecimal, Decimal, Uuid},
    sea_query::prelude::{chrono, time},
};

use super::{binary, json};

fn document() -> impl Strategy<Value = JsonValue> {
    let leaf = prop_oneof![
        Just(JsonValue::Null),
        any::<bool>().prop_map(JsonValue::from),
        any::<i64>().prop_map(JsonValue::from),
        any::<u64>().prop_map(JsonValue::from),
        proptest::num::f64::NORMAL.prop_map(JsonValue::from),
        any::<String>().prop_map(JsonValue::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(JsonValue::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|fields| JsonValue::Object(fields.into_iter().collect())),
        ]
    })
}

fn chrono_at() -> impl Strategy<Value = chrono::NaiveDateTime> {
    // Years that four digits hold, and those that they do not.
    (-8_000_000_000_000_i64..8_000_000_000_000, 0_u32..1_000_000_000)
        .prop_map(|(seconds, nanos)| chrono::DateTime::from_timestamp(seconds, nanos).unwrap().naive_utc())
}

fn time_at() -> impl Strategy<Value = time::OffsetDateTime> {
    (-300_000_000_000_i64..250_000_000_000, 0_i64..1_000_000_000, -86_399_i32..86_400).prop_map(
        |(seconds, nanos, offset)| {
            let at = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap()
                + time::Duration::nanoseconds(nanos);
            at.to_offset(time::UtcOffset::from_whole_seconds(offset).unwrap())
        },
    )
}

/// Every type that these tests are built with, NULL included.
fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        any::<Option<bool>>().prop_map(Value::Bool),
        any::<Option<i8>>().prop_map(Value::TinyInt),
        any::<Option<i16>>().prop_map(Value::SmallInt),
        any::<Option<i32>>().prop_map(Value::Int),
        any::<Option<i64>>().prop_map(Value::BigInt),
        any::<Option<u8>>().prop_map(Value::TinyUnsigned),
        any::<Option<u16>>().prop_map(Value::SmallUnsigned),
        any::<Option<u32>>().prop_map(Value::Unsigned),
        any::<Option<u64>>().prop_map(Value::BigUnsigned),
        proptest::option::of(proptest::num::f32::ANY).prop_map(Value::Float),
        proptest::option::of(proptest::num::f64::ANY).prop_map(Value::Double),
        any::<Option<String>>().prop_map(Value::String),
        any::<Option<char>>().prop_map(Value::Char),
        any::<Option<Vec<u8>>>().prop_map(Value::Bytes),
        proptest::option::of(document().prop_map(Box::new)).prop_map(Value::Json),
    ];
    let zone = (chrono_at(), -86_399_i32..86_400).prop_map(|(at, offset)| {
        at.and_utc().with_timezone(&chrono::FixedOffset::east_opt(offset - offset % 60).unwrap())
    });
    let named = prop_oneof![
        proptest::option::of(chrono_at().prop_map(|at| at.date())).prop_map(Value::ChronoDate),
        proptest::option::of(chrono_at().prop_map(|at| at.time())).prop_map(Value::ChronoTime),
        proptest::option::of(chrono_at()).prop_map(Value::ChronoDateTime),
        proptest::option::of(chrono_at().prop_map(|at| at.and_utc())).prop_map(Value::ChronoDateTimeUtc),
        proptest::option::of(zone).prop_map(Value::ChronoDateTimeWithTimeZone),
        proptest::option::of(time_at().prop_map(time::OffsetDateTime::date)).prop_map(Value::TimeDate),
        proptest::option::of(time_at().prop_map(time::OffsetDateTime::time)).prop_map(Value::TimeTime),
        proptest::option::of(time_at()).prop_map(Value::TimeDateTimeWithTimeZone),
        proptest::option::of(any::<u128>().prop_map(Uuid::from_u128)).prop_map(Value::Uuid),
        proptest::option::of(
            (any::<i64>(), 0_u32..29).prop_map(|(digits, scale)| Decimal::new(digits, scale))
        )
        .prop_map(Value::Decimal),
        proptest::option::of(
            (any::<i128>(), -20_i64..60)
                .prop_map(|(digits, scale)| Box::new(BigDecimal::new(digits.into(), scale)))
        )
        .prop_map(Value::BigDecimal),
    ];
    prop_oneof![plain, named]
}

/// NaN is NaN, whatever its bits: no column promises to keep them.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float(Some(left)), Value::Float(Some(right))) if left.is_nan() => right.is_nan(),
        (Value::Double(Some(left)), Value::Double(Some(right))) if left.is_nan() => right.is_nan(),
        (Value::Float(Some(left)), Value::Float(Some(right))) => left.to_bits() == right.to_bits(),
        (Value::Double(Some(left)), Value::Double(Some(right))) => left.to_bits() == right.to_bits(),
        _ => left == right,
    }
}

fn through_json(value: &Value) -> Value {
    let text = json::encode(value).unwrap().to_string();
    let JsonValue::Object(object) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
    json::decode(object).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn through_binary(value: &Value) -> Value {
    let mut bytes = Vec::new();
    binary::encode(value, &mut bytes).unwrap();
    // Something follows, as in a row.
    bytes.push(7);
    let mut rest = bytes.as_slice();
    let back = binary::decode(&mut rest).unwrap();
    assert_eq!(rest, [7]);
    back
}

proptest! {
    #[test]
    fn a_value_comes_back_from_bytes(value in value()) {
        let back = through_binary(&value);
        prop_assert!(same(&value, &back), "{value:?} became {back:?}");
    }

    #[test]
    fn bytes_that_are_no_value_are_refused_or_read_but_never_a_panic(bytes: Vec<u8>) {
        let _ = binary::decode(&mut bytes.as_slice());
    }

    #[test]
    fn a_value_that_is_cut_short_is_refused(value in value(), cut: proptest::sample::Index) {
        let mut bytes = Vec::new();
        binary::encode(&value, &mut bytes).unwrap();
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(binary::decode(&mut bytes.as_slice()).is_err());
    }

    #[test]
    fn a_value_comes_back_from_json(value in value()) {
        let back = through_json(&value);
        prop_assert!(same(&value, &back), "{value:?} became {back:?}");
    }
}

#[test]
fn a_document_that_is_null_is_not_a_null() {
    let document = Value::Json(Some(Box::new(JsonValue::Null)));
    assert_eq!(through_json(&document), document);
    assert_eq!(through_json(&Value::Json(None)), Value::Json(None));
    assert_eq!(through_binary(&document), document);
    assert_eq!(through_binary(&Value::Json(None)), Value::Json(None));
}

#[test]
fn json_that_is_no_value_is_refused_with_the_reason() {
    let refused = |text: &str| {
        let JsonValue::Object(object) = serde_json::from_str(text).unwrap() else { panic!("{text}") };
        json::decode(object).unwrap_err()
    };
    assert!(refused("{}").contains("no type"));
    assert!(refused(r#"{"type": "Int", "value": 2147483648}"#).contains("Int"));
    assert!(refused(r#"{"type": "Int", "value": "5"}"#).contains("Int"));
    assert!(refused(r#"{"type": "Char", "value": "ab"}"#).contains("Char"));
    assert!(refused(r#"{"type": "Bytes", "value": "abc"}"#).contains("Bytes"));
    assert!(refused(r#"{"type": "Bytes", "value": "zz"}"#).contains("Bytes"));
    assert!(refused(r#"{"type": "Uuid", "value": "x"}"#).contains("Uuid"));
    assert!(refused(r#"{"type": "Unheard", "value": 1}"#).contains("Unheard"));
}
