//! Reading the answers of functions.

use redis::Value;

use crate::Error;

/// An answer of another shape than the functions give: something else stands between.
pub(super) const fn odd() -> Error {
    Error::Corrupt { what: "answer of a script" }
}

pub(super) fn bytes(value: &Value) -> Result<&[u8], Error> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.as_bytes()),
        _ => Err(odd()),
    }
}

pub(super) fn into_bytes(value: Value) -> Result<Vec<u8>, Error> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        _ => Err(odd()),
    }
}

pub(super) fn text(value: &Value) -> Result<&str, Error> {
    std::str::from_utf8(bytes(value)?).map_err(|_| odd())
}

pub(super) fn integer(value: &Value) -> Result<i64, Error> {
    match value {
        Value::Int(number) => Ok(*number),
        _ => text(value)?.parse().map_err(|_| odd()),
    }
}

pub(super) fn array(value: Value) -> Result<Vec<Value>, Error> {
    match value {
        Value::Array(values) | Value::Set(values) => Ok(values),
        Value::Map(pairs) => Ok(pairs.into_iter().flat_map(|(key, value)| [key, value]).collect()),
        Value::Nil => Ok(Vec::new()),
        _ => Err(odd()),
    }
}

/// An array of so many values.
pub(super) fn row<const N: usize>(value: Value) -> Result<[Value; N], Error> {
    array(value)?.try_into().map_err(|_| odd())
}
