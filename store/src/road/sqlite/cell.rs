//! What SQLite stores for a value: the very bytes that the driver binds, so that it does not show in the table which
//! way a row went.

use sea_orm::{Value, sea_query::OptionEnum};

/// A value as SQLite takes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'value> {
    Null,
    Integer(i64),
    Real(f64),
    /// Where it lies in the row.
    Text(&'value str),
    /// Written for this call.
    Made(String),
    Blob(&'value [u8]),
}

/// A value as SQLite takes it; `None` if its type is left to the driver.
pub(super) fn cell(value: &Value) -> Option<Cell<'_>> {
    Some(match value {
        Value::Bool(value) => or_null(value, |value| Cell::Integer(i64::from(*value))),
        Value::TinyInt(value) => or_null(value, |value| Cell::Integer(i64::from(*value))),
        Value::SmallInt(value) => or_null(value, |value| Cell::Integer(i64::from(*value))),
        Value::Int(value) => or_null(value, |value| Cell::Integer(i64::from(*value))),
        Value::BigInt(value) => or_null(value, |value| Cell::Integer(*value)),
        Value::TinyUnsigned(value) => or_null(value, |value| Cell::Integer(i64::from(*value))),
        Value::SmallUnsigned(value) => or_null(value, |value| Cell::Integer(i64::from(*value))),
        Value::Unsigned(value) => or_null(value, |value| Cell::Integer(i64::from(*value))),
        Value::BigUnsigned(Some(value)) => Cell::Integer(i64::try_from(*value).ok()?),
        Value::BigUnsigned(None) => Cell::Null,
        Value::Float(value) => or_null(value, |value| Cell::Real(f64::from(*value))),
        Value::Double(value) => or_null(value, |value| Cell::Real(*value)),
        Value::String(value) => or_null(value, |value| Cell::Text(value)),
        Value::Char(value) => or_null(value, |value| Cell::Made(value.to_string())),
        Value::Enum(OptionEnum::Some(value)) => Cell::Text(&value.value),
        Value::Enum(OptionEnum::None(_)) => Cell::Null,
        Value::Bytes(value) => or_null(value, |value| Cell::Blob(value)),
        Value::Json(Some(value)) => Cell::Made(serde_json::to_string(value).ok()?),
        Value::Json(None) => Cell::Null,
        Value::Uuid(value) => or_null(value, |value| Cell::Blob(value.as_bytes())),
        Value::Decimal(value) => or_null(value, |value| Cell::Made(value.to_string())),
        Value::ChronoDate(value) => or_null(value, |value| Cell::Made(value.format("%F").to_string())),
        Value::ChronoTime(value) => or_null(value, |value| Cell::Made(value.format("%T%.f").to_string())),
        Value::ChronoDateTime(value) => {
            or_null(value, |value| Cell::Made(value.format("%F %T%.f").to_string()))
        }
        Value::ChronoDateTimeUtc(value) => or_null(value, |value| Cell::Made(value.to_rfc3339())),
        Value::ChronoDateTimeLocal(value) => or_null(value, |value| Cell::Made(value.to_rfc3339())),
        Value::ChronoDateTimeWithTimeZone(value) => or_null(value, |value| Cell::Made(value.to_rfc3339())),
        #[allow(
            unreachable_patterns,
            reason = "other types come with features of sea-orm that others ask for"
        )]
        _ => return None,
    })
}

fn or_null<'value, T>(
    value: &'value Option<T>,
    some: impl FnOnce(&'value T) -> Cell<'value>,
) -> Cell<'value> {
    value.as_ref().map_or(Cell::Null, some)
}
