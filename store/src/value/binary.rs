//! A value as bytes: one that names the type and says whether it is NULL, then the value, little-endian.
//!
//! The numbers of the types are part of the spool's format: they never change, and a new one takes a new number.

use sea_orm::Value;

const BOOL: u8 = 1;
const TINY_INT: u8 = 2;
const SMALL_INT: u8 = 3;
const INT: u8 = 4;
const BIG_INT: u8 = 5;
const TINY_UNSIGNED: u8 = 6;
const SMALL_UNSIGNED: u8 = 7;
const UNSIGNED: u8 = 8;
const BIG_UNSIGNED: u8 = 9;
const FLOAT: u8 = 10;
const DOUBLE: u8 = 11;
const STRING: u8 = 12;
const CHAR: u8 = 13;
const BYTES: u8 = 14;
const JSON: u8 = 15;
/// Any other, as MessagePack with the variant's name.
const NAMED: u8 = 100;
/// Added to the type of a value that is NULL.
const NULL: u8 = 128;

/// Appends a value; fails only on one that serde refuses or that is longer than 4 GiB.
pub(crate) fn encode(value: &Value, bytes: &mut Vec<u8>) -> Result<(), String> {
    macro_rules! fixed {
        ($kind:expr, $value:expr) => {
            match $value {
                None => bytes.push($kind | NULL),
                Some(value) => {
                    bytes.push($kind);
                    bytes.extend_from_slice(&value.to_le_bytes());
                }
            }
        };
    }
    match value {
        Value::Bool(value) => fixed!(BOOL, value.map(u8::from)),
        Value::TinyInt(value) => fixed!(TINY_INT, value),
        Value::SmallInt(value) => fixed!(SMALL_INT, value),
        Value::Int(value) => fixed!(INT, value),
        Value::BigInt(value) => fixed!(BIG_INT, value),
        Value::TinyUnsigned(value) => fixed!(TINY_UNSIGNED, value),
        Value::SmallUnsigned(value) => fixed!(SMALL_UNSIGNED, value),
        Value::Unsigned(value) => fixed!(UNSIGNED, value),
        Value::BigUnsigned(value) => fixed!(BIG_UNSIGNED, value),
        Value::Float(value) => fixed!(FLOAT, value),
        Value::Double(value) => fixed!(DOUBLE, value),
        Value::Char(value) => fixed!(CHAR, value.map(u32::from)),
        Value::String(value) => push(bytes, STRING, value.as_deref().map(str::as_bytes))?,
        Value::Bytes(value) => push(bytes, BYTES, value.as_deref())?,
        Value::Json(value) => {
            let text = value.as_ref().map(|document| document.to_string());
            push(bytes, JSON, text.as_deref().map(str::as_bytes))?;
        }
        other => {
            let named = rmp_serde::to_vec_named(other).map_err(|error| error.to_string())?;
            push(bytes, NAMED, Some(&named))?;
        }
    }
    Ok(())
}

fn push(bytes: &mut Vec<u8>, kind: u8, held: Option<&[u8]>) -> Result<(), String> {
    let Some(held) = held else {
        bytes.push(kind | NULL);
        return Ok(());
    };
    let length = u32::try_from(held.len()).map_err(|_| "a value is longer than 4 GiB")?;
    bytes.push(kind);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(held);
    Ok(())
}

/// Takes a value off the front of `bytes`; the error says what is wrong with it.
pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Value, String> {
    let [kind] = take::<1>(bytes)?;
    let null = kind & NULL != 0;
    macro_rules! fixed {
        ($variant:ident, $number:ty) => {
            Value::$variant(if null { None } else { Some(<$number>::from_le_bytes(take(bytes)?)) })
        };
    }
    Ok(match kind & !NULL {
        BOOL => Value::Bool(if null { None } else { Some(take::<1>(bytes)? != [0]) }),
        TINY_INT => fixed!(TinyInt, i8),
        SMALL_INT => fixed!(SmallInt, i16),
        INT => fixed!(Int, i32),
        BIG_INT => fixed!(BigInt, i64),
        TINY_UNSIGNED => fixed!(TinyUnsigned, u8),
        SMALL_UNSIGNED => fixed!(SmallUnsigned, u16),
        UNSIGNED => fixed!(Unsigned, u32),
        BIG_UNSIGNED => fixed!(BigUnsigned, u64),
        FLOAT => fixed!(Float, f32),
        DOUBLE => fixed!(Double, f64),
        CHAR if null => Value::Char(None),
        CHAR => {
            let letter = char::from_u32(u32::from_le_bytes(take(bytes)?));
            Value::Char(Some(letter.ok_or("a letter is none")?))
        }
        STRING if null => Value::String(None),
        STRING => Value::String(Some(text(bytes)?.to_owned())),
        BYTES if null => Value::Bytes(None),
        BYTES => Value::Bytes(Some(held(bytes)?.to_vec())),
        JSON if null => Value::Json(None),
        JSON => Value::Json(Some(Box::new(
            serde_json::from_str(text(bytes)?).map_err(|error| format!("a document is none ({error})"))?,
        ))),
        NAMED if !null => rmp_serde::from_slice(held(bytes)?)
            .map_err(|error| format!("a value is of a type that this program is built without ({error})"))?,
        other => return Err(format!("a value has the type {other}, which is none")),
    })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], String> {
    let (first, rest) = bytes.split_first_chunk().ok_or("a value is cut short")?;
    *bytes = rest;
    Ok(*first)
}

fn held<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let length = u32::from_le_bytes(take(bytes)?) as usize;
    let (held, rest) = bytes.split_at_checked(length).ok_or("a value is cut short")?;
    *bytes = rest;
    Ok(held)
}

fn text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, String> {
    std::str::from_utf8(held(bytes)?).map_err(|_| "a text is no UTF-8".to_owned())
}
