//! A value as a JSON object: `{"type": "Int", "value": 5}`, and without `value` if it is NULL.
//!
//! A number that JSON does not have (NaN, the infinities) is a text, and bytes are a text of hexadecimal digits. In
//! an array column, which is encoded by serde, NaN and the infinities are lost: they come back as NULL.

use std::fmt::Write;

use sea_orm::{JsonValue, Value};
use serde_json::Map;

/// Encodes a value; fails only on a value that serde refuses.
pub(crate) fn encode(value: &Value) -> Result<JsonValue, String> {
    let (name, inner) = match value {
        Value::Bool(value) => ("Bool", value.map(JsonValue::from)),
        Value::TinyInt(value) => ("TinyInt", value.map(JsonValue::from)),
        Value::SmallInt(value) => ("SmallInt", value.map(JsonValue::from)),
        Value::Int(value) => ("Int", value.map(JsonValue::from)),
        Value::BigInt(value) => ("BigInt", value.map(JsonValue::from)),
        Value::TinyUnsigned(value) => ("TinyUnsigned", value.map(JsonValue::from)),
        Value::SmallUnsigned(value) => ("SmallUnsigned", value.map(JsonValue::from)),
        Value::Unsigned(value) => ("Unsigned", value.map(JsonValue::from)),
        Value::BigUnsigned(value) => ("BigUnsigned", value.map(JsonValue::from)),
        Value::Float(value) => ("Float", value.map(|value| float(f64::from(value)))),
        Value::Double(value) => ("Double", value.map(float)),
        Value::String(value) => ("String", value.as_deref().map(JsonValue::from)),
        Value::Char(value) => ("Char", value.map(|letter| letter.to_string().into())),
        Value::Bytes(value) => ("Bytes", value.as_deref().map(|bytes| hexadecimal(bytes).into())),
        Value::Json(value) => ("Json", value.as_deref().cloned()),
        other => return encode_named(other),
    };
    Ok(object(name, inner))
}

/// Decodes what [`encode`] made; the error says what is wrong with it.
pub(crate) fn decode(mut object: Map<String, JsonValue>) -> Result<Value, String> {
    let Some(JsonValue::String(name)) = object.remove("type") else {
        return Err("a value has no type".to_owned());
    };
    let inner = object.remove("value");
    let wrong = || format!("what is said to be a {name} is none");
    macro_rules! whole {
        ($variant:ident, $read:ident) => {
            Value::$variant(match inner {
                None => None,
                Some(number) => {
                    Some(number.$read().and_then(|number| number.try_into().ok()).ok_or_else(wrong)?)
                }
            })
        };
    }
    Ok(match name.as_str() {
        "Bool" => Value::Bool(optional(inner, |value| value.as_bool()).ok_or_else(wrong)?),
        "TinyInt" => whole!(TinyInt, as_i64),
        "SmallInt" => whole!(SmallInt, as_i64),
        "Int" => whole!(Int, as_i64),
        "BigInt" => whole!(BigInt, as_i64),
        "TinyUnsigned" => whole!(TinyUnsigned, as_u64),
        "SmallUnsigned" => whole!(SmallUnsigned, as_u64),
        "Unsigned" => whole!(Unsigned, as_u64),
        "BigUnsigned" => whole!(BigUnsigned, as_u64),
        #[expect(clippy::cast_possible_truncation, reason = "it was a single-precision number before")]
        "Float" => Value::Float(
            optional(inner, |value| read_float(&value)).ok_or_else(wrong)?.map(|value| value as f32),
        ),
        "Double" => Value::Double(optional(inner, |value| read_float(&value)).ok_or_else(wrong)?),
        "String" => Value::String(optional(inner, text).ok_or_else(wrong)?),
        "Char" => Value::Char(optional(inner, |value| letter(&value)).ok_or_else(wrong)?),
        "Bytes" => Value::Bytes(optional(inner, |value| bytes(&value)).ok_or_else(wrong)?),
        "Json" => Value::Json(inner.map(Box::new)),
        _ => {
            let named = Map::from_iter([(name.clone(), inner.unwrap_or(JsonValue::Null))]);
            serde_json::from_value(named.into())
                .map_err(|error| format!("a value of type {name} cannot be read ({error})"))?
        }
    })
}

/// Encodes a value through serde, which makes `{"Uuid": "…"}` of it, or `{"Uuid": null}`.
fn encode_named(value: &Value) -> Result<JsonValue, String> {
    let JsonValue::Object(named) = serde_json::to_value(value).map_err(|error| error.to_string())? else {
        return Err("a value has no name".to_owned());
    };
    let (name, inner) = named.into_iter().next().ok_or("a value has no name")?;
    Ok(object(&name, Some(inner).filter(|inner| !inner.is_null())))
}

fn object(name: &str, inner: Option<JsonValue>) -> JsonValue {
    let mut object = Map::from_iter([("type".to_owned(), JsonValue::from(name))]);
    if let Some(inner) = inner {
        object.insert("value".to_owned(), inner);
    }
    object.into()
}

fn optional<T>(inner: Option<JsonValue>, read: impl FnOnce(JsonValue) -> Option<T>) -> Option<Option<T>> {
    inner.map_or(Some(None), |inner| read(inner).map(Some))
}

fn float(value: f64) -> JsonValue {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), JsonValue::Number)
}

fn read_float(value: &JsonValue) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn text(value: JsonValue) -> Option<String> {
    if let JsonValue::String(text) = value { Some(text) } else { None }
}

fn letter(value: &JsonValue) -> Option<char> {
    let mut letters = value.as_str()?.chars();
    letters.next().filter(|_| letters.next().is_none())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(value: &JsonValue) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = value
        .as_str()?
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| digit.try_into().ok()))
        .collect();
    digits?.chunks(2).map(|pair| if let [high, low] = pair { Some(high << 4 | low) } else { None }).collect()
}
