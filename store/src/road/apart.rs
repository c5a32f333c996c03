//! A batch of new rows and updates in an order that takes few statements: updates of rows that were there before, then
//! all new rows, then updates of those.
//!
//! The life of a row is an insert and some updates, so that rows of many lives alternate, and the strict order would be
//! a statement a row. This order must come to the same, verdict by verdict. It does where what a row does cannot depend
//! on the rows that change places with it:
//! - No update comes before a new row with its key. Where a new row gets its key from the database, an update that was
//!   meant for it is missing in this order, since it comes first; [`apply_apart`](super::apply::apply_apart) finds that
//!   out.
//! - No update changes a column that other rows decide about: of a unique index, or of a reference to the table itself.
//!   So no new row meets another fate, be it refused or left out, because of an update.
//! - New rows overwrite rows that are there only by the key of the updates, and all keys are of a kind of which two that
//!   differ are two rows.
//!
//! What became of the rows may then still not be told as it is: see [`Apart::told`].
//!
//! Triggers that look at other rows are beyond this.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use sea_orm::Value;

use crate::{batch::Verdict, conflict::Conflict, operation::Operation, row::Row};

/// What the order depends on.
pub(super) struct Rules<'a> {
    /// The key of the updates.
    pub(super) key: &'a [usize],
    pub(super) conflict: &'a Conflict,
    /// The columns that other rows decide about; `None` if it may be any.
    pub(super) shared: Option<&'a [usize]>,
}

/// A batch in such an order.
#[derive(Default)]
pub(super) struct Apart<'a> {
    /// The rows, those of them owned that were merged of several, and their places in the batch.
    rows: Vec<(Cow<'a, Row>, usize)>,
    /// Which of them are new, and which are updates that come before those and after.
    pub(super) new: Vec<usize>,
    pub(super) before: Vec<usize>,
    pub(super) after: Vec<usize>,
    /// Whether the database makes up keys of new rows.
    pub(super) makes_keys: bool,
    /// How many rows were merged into others.
    merged: u64,
    /// Whether two keys may differ and be of one row.
    vague: bool,
}

impl Rules<'_> {
    /// The rows in such an order, if it is sure to come to the same.
    pub(super) fn apart<'a>(&self, rows: &[&'a Row]) -> Option<Apart<'a>> {
        let overwrites = matches!(self.conflict, Conflict::Update { .. });
        if overwrites && !self.targets_key() {
            return None;
        }
        let (mut inserted, mut updated) = (HashSet::new(), HashSet::new());
        let mut apart = Apart::default();
        // The update of each row that a later one may be merged into.
        let mut last: HashMap<Vec<Value>, usize> = HashMap::new();
        for (origin, row) in rows.iter().enumerate() {
            let place = apart.rows.len();
            let key = row.key(self.key);
            let plain: Option<Vec<Value>> = key.iter().flatten().map(plain).collect();
            apart.vague |= key.is_some() && plain != key;
            apart.makes_keys |= key.is_none();
            let identity = if overwrites { key.as_ref().and(plain) } else { key.clone() };
            if row.operation() == Operation::Insert {
                match identity {
                    Some(key) if updated.contains(&key) => return None,
                    None if overwrites => return None,
                    key => inserted.extend(key),
                }
                apart.new.push(place);
                apart.rows.push((Cow::Borrowed(row), origin));
                continue;
            }
            let (identity, key) = (identity?, key?);
            if row.shape.columns().any(|column| self.is_shared(column)) {
                return None;
            }
            if row.shape.is_conditional() {
                last.remove(&key);
            } else {
                let earlier = *last.entry(key).or_insert(place);
                if let Some((earlier, _)) = apart.rows.get_mut(earlier) {
                    earlier.to_mut().overlay(row);
                    apart.merged += 1;
                    continue;
                }
            }
            let side = if inserted.contains(&identity) { &mut apart.after } else { &mut apart.before };
            side.push(place);
            updated.insert(identity);
            apart.rows.push((Cow::Borrowed(row), origin));
        }
        Some(apart)
    }

    /// Whether a conflict is about the key of the updates.
    fn targets_key(&self) -> bool {
        let target = self.conflict.target();
        target.len() == self.key.len() && self.key.iter().all(|column| target.contains(column))
    }

    /// Whether other rows decide about what an update may write to a column. The key only names its row.
    fn is_shared(&self, column: usize) -> bool {
        !self.key.contains(&column)
            && (self.shared.is_none_or(|shared| shared.contains(&column))
                || self.conflict.target().contains(&column))
    }
}

impl Apart<'_> {
    /// The rows, for a [`Part`](super::part::Part).
    pub(super) fn rows(&self) -> Vec<&Row> {
        self.rows.iter().map(|(row, _)| row.as_ref()).collect()
    }

    /// What is to be told of the batch, if the rows in this order met this; `None` if the strict order may tell something
    /// else: of rows that were merged across others and refused together, and where one row has several keys.
    pub(super) fn told(&self, met: Verdict) -> Option<Verdict> {
        if self.vague && !met.rejected.is_empty() {
            return None;
        }
        let origin = |(place, error)| match self.rows.get(place)? {
            (Cow::Borrowed(_), origin) => Some((*origin, error)),
            (Cow::Owned(_), _) => None,
        };
        let rejected = met.rejected.into_iter().map(origin).collect::<Option<Vec<_>>>()?;
        let settled = self.rows.len() + usize::try_from(self.merged).unwrap_or_default();
        Some(Verdict { settled, coalesced: self.merged, rejected, ..met })
    }
}

/// A value of a key in a form in which all that a database could take for the same are the same; `None` where it is not
/// known what it takes for the same: collations may ignore accents, and types may pad.
fn plain(value: &Value) -> Option<Value> {
    match value {
        Value::String(Some(text)) if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Some(text.to_ascii_lowercase().into())
        }
        Value::TinyInt(Some(_))
        | Value::SmallInt(Some(_))
        | Value::Int(Some(_))
        | Value::BigInt(Some(_))
        | Value::TinyUnsigned(Some(_))
        | Value::SmallUnsigned(Some(_))
        | Value::Unsigned(Some(_))
        | Value::BigUnsigned(Some(_)) => Some(value.clone()),
        #[cfg(feature = "postgres")]
        Value::Uuid(Some(_)) => Some(value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Shape;

    const KEY: usize = 0;
    const CODE: usize = 1;
    const STATE: usize = 2;

    fn row(operation: Operation, cells: &[(usize, Value)]) -> Row {
        let mut shape = Shape::empty(operation);
        cells.iter().for_each(|(column, _)| shape.insert(*column));
        Row::new(shape, cells.iter().map(|(_, value)| value.clone()).collect())
    }

    fn insert(key: i32) -> Row {
        row(Operation::Insert, &[(KEY, key.into()), (STATE, "new".into())])
    }

    fn change(key: i32) -> Row {
        row(Operation::Update, &[(KEY, key.into()), (STATE, "old".into())])
    }

    /// The places of the updates that come before, of the new rows, and of the updates that come after.
    fn apart(conflict: &Conflict, rows: &[Row]) -> Option<[Vec<usize>; 3]> {
        let rules = Rules { key: &[KEY], conflict, shared: Some(&[KEY, CODE]) };
        let Apart { before, new, after, .. } = rules.apart(&rows.iter().collect::<Vec<_>>())?;
        Some([before, new, after])
    }

    #[test]
    fn updates_of_older_rows_come_first_and_those_of_new_ones_last() {
        let rows = [insert(1), change(1), change(9), insert(2), change(1), change(2), change(9)];
        // The places are those of what is left once the others were merged.
        let expected = [vec![2], vec![0, 3], vec![1, 4]];
        assert_eq!(apart(&Conflict::Reject, &rows).unwrap(), expected);
        let rules = Rules { key: &[KEY], conflict: &Conflict::Reject, shared: Some(&[]) };
        assert_eq!(rules.apart(&rows.iter().collect::<Vec<_>>()).unwrap().merged, 2);
    }

    #[test]
    fn what_could_come_to_something_else_keeps_its_order() {
        let unnamed = || row(Operation::Insert, &[(STATE, "new".into())]);
        let moves = row(Operation::Update, &[(KEY, 9.into()), (CODE, "a".into())]);
        let to_key = Conflict::Update { target: vec![KEY], columns: vec![STATE] };
        let to_code = Conflict::Update { target: vec![CODE], columns: vec![STATE] };
        assert!(apart(&Conflict::Reject, &[change(1), insert(1)]).is_none());
        assert!(apart(&Conflict::Reject, &[insert(1), moves]).is_none());
        assert!(apart(&Conflict::Reject, &[unnamed(), change(1)]).is_some());
        assert!(apart(&to_key, &[unnamed(), change(1)]).is_none());
        assert!(apart(&to_key, &[insert(1), change(1)]).is_some());
        assert!(apart(&to_code, &[insert(1), change(1)]).is_none());
        let unknown = Rules { key: &[KEY], conflict: &Conflict::Reject, shared: None };
        assert!(unknown.apart(&[&insert(1), &change(1)]).is_none());
    }

    #[test]
    fn keys_that_a_database_may_take_for_one_are_one_or_keep_their_order() {
        let named = |operation, key: &str| row(operation, &[(KEY, key.into()), (STATE, "new".into())]);
        let to_key = Conflict::Update { target: vec![KEY], columns: vec![STATE] };
        let both = |first, second| {
            apart(&to_key, &[named(Operation::Insert, first), named(Operation::Update, second)])
        };
        assert_eq!(both("a", "A").unwrap(), [vec![], vec![0], vec![1]]);
        assert_eq!(both("a", "b").unwrap(), [vec![1], vec![0], vec![]]);
        assert!(both("é", "e").is_none());
        assert!(both("a", "a ").is_none());
    }
}
