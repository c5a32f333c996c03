//! The types in which values travel in PostgreSQL's binary format, one by one in COPY and as arrays.
//!
//! A value is encoded by the driver, which also encodes it where it is bound alone: there is one form of it.

use std::mem::discriminant;

use sea_orm::{
    Value,
    sea_query::{ColumnType, OptionEnum},
    sqlx::{
        Encode, Postgres, Type,
        encode::IsNull,
        error::BoxDynError,
        postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, types::Oid},
    },
};

use crate::{
    road::{part::Part, sql::chosen},
    row::{Row, Shape},
    table::{Column, Table},
};

/// A type that has a binary form here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Text,
    Bytea,
    Jsonb,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
    Numeric,
}

impl Wire {
    /// The name in the catalog.
    pub(super) const fn name(self) -> &'static str {
        self.definition().0
    }

    /// The name, the number of the type and that of its array. The numbers of built-in types never change
    /// (`pg_type.dat`).
    const fn definition(self) -> (&'static str, u32, u32) {
        match self {
            Self::Bool => ("bool", 16, 1000),
            Self::Int2 => ("int2", 21, 1005),
            Self::Int4 => ("int4", 23, 1007),
            Self::Int8 => ("int8", 20, 1016),
            Self::Float4 => ("float4", 700, 1021),
            Self::Float8 => ("float8", 701, 1022),
            Self::Text => ("text", 25, 1009),
            Self::Bytea => ("bytea", 17, 1001),
            Self::Jsonb => ("jsonb", 3802, 3807),
            Self::Date => ("date", 1082, 1182),
            Self::Time => ("time", 1083, 1183),
            Self::Timestamp => ("timestamp", 1114, 1115),
            Self::Timestamptz => ("timestamptz", 1184, 1185),
            Self::Uuid => ("uuid", 2950, 2951),
            Self::Numeric => ("numeric", 1700, 1231),
        }
    }

    /// The type of a value in a column, NULL or not.
    fn of(column: &Column, value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(_) => Self::Bool,
            Value::TinyInt(_) | Value::SmallInt(_) | Value::TinyUnsigned(_) => Self::Int2,
            Value::Int(_) | Value::SmallUnsigned(_) => Self::Int4,
            Value::BigInt(_) | Value::Unsigned(_) | Value::BigUnsigned(_) => Self::Int8,
            Value::Float(_) => Self::Float4,
            Value::Double(_) => Self::Float8,
            Value::String(_) | Value::Char(_) | Value::Enum(_) => Self::Text,
            Value::Bytes(_) => Self::Bytea,
            // A column of type json keeps a document as it was written; so it travels as text.
            Value::Json(_) if matches!(column.kind, ColumnType::Json) => Self::Text,
            Value::Json(_) => Self::Jsonb,
            Value::ChronoDate(_) => Self::Date,
            Value::ChronoTime(_) => Self::Time,
            Value::ChronoDateTime(_) => Self::Timestamp,
            Value::ChronoDateTimeUtc(_)
            | Value::ChronoDateTimeLocal(_)
            | Value::ChronoDateTimeWithTimeZone(_) => Self::Timestamptz,
            Value::Uuid(_) => Self::Uuid,
            Value::Decimal(_) => Self::Numeric,
            _ => return None,
        })
    }
}

/// The types of the rows' columns; `None` if one has no binary form here, or differs from row to row.
pub(super) fn of(table: &Table, shape: &Shape, part: Part<'_>) -> Option<Vec<Wire>> {
    let columns = chosen(table, shape);
    let mut rows = part.rows();
    let first = &rows.next()?.values;
    let wires = columns.iter().zip(first).map(|(column, value)| Wire::of(column, value));
    let wires = wires.collect::<Option<Vec<Wire>>>()?;
    // Each value is looked at, but values of one kind in one column travel alike, and nearly all are of one kind.
    let same = |row: &Row| {
        let mut cells = columns.iter().zip(&wires).zip(row.values.iter().zip(first));
        cells.all(|((column, wire), (value, first))| {
            discriminant(value) == discriminant(first) || Wire::of(column, value) == Some(*wire)
        })
    };
    (!wires.is_empty() && rows.all(same)).then_some(wires)
}

/// The arguments of an UNNEST: one array a column.
pub(super) fn arrays(wires: &[Wire], part: Part<'_>) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    for (column, wire) in wires.iter().enumerate() {
        sea_orm::sqlx::Arguments::add(&mut arguments, Array { wire: *wire, column, part })?;
    }
    Ok(arguments)
}

/// One column of some rows.
struct Array<'a> {
    wire: Wire,
    column: usize,
    part: Part<'a>,
}

impl Type<Postgres> for Array<'_> {
    /// Never asked for: [`Encode::produces`] knows the type of each array.
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("anyarray")
    }
}

impl<'q> Encode<'q, Postgres> for Array<'_> {
    /// The binary form of an array: dimensions, whether there are NULLs, element type, length, lower bound, elements.
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let (_, element, _) = self.wire.definition();
        for number in [1, 1, element, u32::try_from(self.part.len())?, 1] {
            buffer.extend_from_slice(&number.to_be_bytes());
        }
        for row in self.part.rows() {
            field(row.values.get(self.column), self.wire, buffer)?;
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        let (_, _, array) = self.wire.definition();
        Some(PgTypeInfo::with_oid(Oid(array)))
    }
}

/// Appends a value behind its length, as arrays and COPY want it; -1 is the length of NULL.
pub(super) fn field(
    value: Option<&Value>,
    wire: Wire,
    buffer: &mut PgArgumentBuffer,
) -> Result<(), BoxDynError> {
    let start = buffer.len();
    buffer.extend_from_slice(&(-1_i32).to_be_bytes());
    let Some(value) = value else { return Ok(()) };
    if let IsNull::No = encode(value, wire, buffer)? {
        let length = i32::try_from(buffer.len() - start - size_of::<i32>())?;
        if let Some(place) = buffer.get_mut(start..start + size_of::<i32>()) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}

fn encode(value: &Value, wire: Wire, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
    let mut bytes = |bytes: &[u8]| {
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    };
    match value {
        Value::String(Some(text)) => bytes(text.as_bytes()),
        Value::Enum(OptionEnum::Some(variant)) => bytes(variant.value.as_bytes()),
        Value::Char(Some(letter)) => bytes(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        Value::Bytes(Some(held)) => bytes(held),
        Value::Json(Some(document)) => {
            use std::io::Write as _;
            if wire == Wire::Jsonb {
                // The version of the format.
                buffer.push(1);
            }
            write!(&mut **buffer, "{document}")?;
            Ok(IsNull::No)
        }
        Value::Bool(Some(flag)) => put(flag, buffer),
        Value::TinyInt(Some(number)) => put(&i16::from(*number), buffer),
        Value::TinyUnsigned(Some(number)) => put(&i16::from(*number), buffer),
        Value::SmallInt(Some(number)) => put(number, buffer),
        Value::SmallUnsigned(Some(number)) => put(&i32::from(*number), buffer),
        Value::Int(Some(number)) => put(number, buffer),
        Value::Unsigned(Some(number)) => put(&i64::from(*number), buffer),
        Value::BigInt(Some(number)) => put(number, buffer),
        Value::BigUnsigned(Some(number)) => put(&i64::try_from(*number)?, buffer),
        Value::Float(Some(number)) => put(number, buffer),
        Value::Double(Some(number)) => put(number, buffer),
        Value::ChronoDate(Some(date)) => put(date, buffer),
        Value::ChronoTime(Some(time)) => put(time, buffer),
        Value::ChronoDateTime(Some(at)) => put(at, buffer),
        Value::ChronoDateTimeUtc(Some(at)) => put(at, buffer),
        Value::ChronoDateTimeLocal(Some(at)) => put(at, buffer),
        Value::ChronoDateTimeWithTimeZone(Some(at)) => put(at, buffer),
        Value::Uuid(Some(uuid)) => put(uuid, buffer),
        Value::Decimal(Some(number)) => put(number, buffer),
        // Every type that `Wire::of` knows has its arm, so what is left is NULL.
        _ => Ok(IsNull::Yes),
    }
}

/// The driver's form of a value.
fn put<'q>(value: &impl Encode<'q, Postgres>, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
    value.encode_by_ref(buffer)
}
