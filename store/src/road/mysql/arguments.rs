//! What a statement binds, read where the rows lie: copies of texts would cost as much as encoding them.
//!
//! It must bind what [`bound::values`](crate::road::bound::values) binds, byte for byte. So it takes only the kinds that
//! are plainly the driver's own, and leaves the rows of all others to that.

use sea_orm::{
    Value,
    sqlx::{Arguments as _, error::BoxDynError, mysql::MySqlArguments},
};

use crate::road::part::Part;

/// The arguments of a statement, row by row; `None` if a value is of another kind.
pub(super) fn borrowed(part: Part<'_>) -> Option<MySqlArguments> {
    let mut arguments = MySqlArguments::default();
    let columns = part.shape()?.width();
    arguments.reserve(part.len() * columns, part.rows().map(|row| row.weight).sum::<usize>() / 2);
    for value in part.rows().flat_map(|row| &row.values) {
        add(&mut arguments, value)?.ok()?;
    }
    Some(arguments)
}

fn add(arguments: &mut MySqlArguments, value: &Value) -> Option<Result<(), BoxDynError>> {
    Some(match value {
        Value::Bool(flag) => arguments.add(flag),
        Value::TinyInt(number) => arguments.add(number),
        Value::SmallInt(number) => arguments.add(number),
        Value::Int(number) => arguments.add(number),
        Value::BigInt(number) => arguments.add(number),
        Value::TinyUnsigned(number) => arguments.add(number),
        Value::SmallUnsigned(number) => arguments.add(number),
        Value::Unsigned(number) => arguments.add(number),
        Value::BigUnsigned(number) => arguments.add(number),
        Value::Float(number) => arguments.add(number),
        Value::Double(number) => arguments.add(number),
        Value::String(text) => arguments.add(text.as_deref()),
        Value::Bytes(bytes) => arguments.add(bytes.as_deref()),
        Value::Json(document) => arguments.add(document.as_deref()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::{IntoArguments, MySql};

    use super::*;
    use crate::{
        operation::Operation,
        road::bound,
        row::{Row, Shape},
    };

    fn row(values: &[Value]) -> Row {
        let mut shape = Shape::empty(Operation::Insert);
        (0..values.len()).for_each(|column| shape.insert(column));
        Row::new(shape, values.to_vec())
    }

    #[test]
    fn what_is_borrowed_is_bound_as_what_is_copied() {
        let document = serde_json::json!({"b": [1, null, "ü\n"], "a": 1.5});
        let some = [
            true.into(),
            i8::MIN.into(),
            i16::MIN.into(),
            i32::MIN.into(),
            i64::MIN.into(),
            u8::MAX.into(),
            u16::MAX.into(),
            u32::MAX.into(),
            u64::MAX.into(),
            f32::MIN_POSITIVE.into(),
            f64::MAX.into(),
            "zürich 'x' \0 𝄞".into(),
            vec![0_u8, 255, 0].into(),
            document.into(),
        ];
        let none: Vec<Value> = some.iter().map(Value::as_null).collect();
        let long = [vec![Value::from("x".repeat(70_000))], some.to_vec().split_off(1)].concat();
        let rows = [row(&some), row(&none), row(&long), row(&some)];
        let rows: Vec<&Row> = rows.iter().collect();
        let part = Part::new(&rows, &[0, 1, 2, 3]);
        let copied: MySqlArguments = IntoArguments::<MySql>::into_arguments(bound::values(part));
        assert_eq!(format!("{:?}", borrowed(part).unwrap()), format!("{copied:?}"));
    }

    #[test]
    fn a_row_with_another_kind_of_value_is_left_to_copies() {
        let rows = [row(&[1.into(), "a".into()]), row(&[2.into(), Value::Char(Some('b'))])];
        let rows: Vec<&Row> = rows.iter().collect();
        assert!(borrowed(Part::new(&rows, &[0])).is_some());
        assert!(borrowed(Part::new(&rows, &[0, 1])).is_none());
    }
}
