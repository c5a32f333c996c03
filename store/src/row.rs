//! A row as the buffer holds it: what it is to do, and its values, flat.

use std::collections::BTreeMap;

use sea_orm::Value;

use crate::operation::Operation;

/// What a row is to do: which columns it sets, one bit a column in the entity's order, and which it expects to find as
/// they are given.
///
/// Rows of one shape go into one statement, and a statement's text is built once for a shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    operation: Operation,
    set: Bits,
    /// The columns of an update's condition; without any, it has none.
    expected: Bits,
}

/// One bit a column. The highest word is not 0, so that equal sets are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Bits(Vec<u64>);

impl Bits {
    fn insert(&mut self, column: usize) {
        let words = column / 64 + 1;
        self.0.resize(self.0.len().max(words), 0);
        if let Some(word) = self.0.get_mut(column / 64) {
            *word |= 1 << (column % 64);
        }
    }

    fn contains(&self, column: usize) -> bool {
        self.0.get(column / 64).is_some_and(|word| word & (1 << (column % 64)) != 0)
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|column| self.contains(*column))
    }
}

impl Shape {
    /// The shape that sets no column.
    pub(crate) fn empty(operation: Operation) -> Self {
        Self { operation, set: Bits::default(), expected: Bits::default() }
    }

    pub(crate) const fn operation(&self) -> Operation {
        self.operation
    }

    pub(crate) fn insert(&mut self, column: usize) {
        self.set.insert(column);
    }

    /// Makes a column part of the condition.
    pub(crate) fn expect(&mut self, column: usize) {
        self.expected.insert(column);
    }

    pub(crate) fn contains(&self, column: usize) -> bool {
        self.set.contains(column)
    }

    /// The columns that are set, ascending.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.set.iter()
    }

    /// The columns of the condition, ascending.
    pub(crate) fn expected(&self) -> impl Iterator<Item = usize> + '_ {
        self.expected.iter()
    }

    /// Whether it is an update that is done only if the row is as expected.
    pub(crate) const fn is_conditional(&self) -> bool {
        !self.expected.0.is_empty()
    }

    /// The shape that only names its row: by the columns `key`, and by what it expects.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(crate) fn named(&self, key: &[usize]) -> Self {
        let mut set = Bits::default();
        key.iter().for_each(|column| set.insert(*column));
        Self { operation: self.operation, set, expected: self.expected.clone() }
    }

    /// How many values a row of this shape holds.
    pub(crate) fn width(&self) -> usize {
        let count = |bits: &Bits| bits.0.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        count(&self.set) + count(&self.expected)
    }
}

/// Values with the numbers of their columns.
type Cells = Vec<(usize, Value)>;

/// One row. Invariant: `values` holds one value for each column that `shape` sets, in the entity's order, and then one
/// for each that it expects.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) shape: Shape,
    pub(crate) values: Vec<Value>,
    /// An estimate of the memory that the row holds, in bytes.
    pub(crate) weight: usize,
    /// The numbers under which a spool holds the row; several, once updates were merged. Empty without a spool.
    pub(crate) seqs: Vec<u64>,
}

impl Row {
    pub(crate) fn new(shape: Shape, values: Vec<Value>) -> Self {
        let weight = size_of::<Self>() + values.iter().map(weight).sum::<usize>();
        Self { shape, values, weight, seqs: Vec::new() }
    }

    pub(crate) const fn operation(&self) -> Operation {
        self.shape.operation()
    }

    /// The values that the row sets, with the numbers of their columns.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.shape.columns().zip(&self.values)
    }

    /// The values that the row expects, likewise.
    pub(crate) fn expected(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.shape.expected().zip(self.values.iter().skip(self.shape.columns().count()))
    }

    /// Splits the row into the values that it sets and those that it expects.
    pub(crate) fn into_cells(self) -> (Cells, Cells) {
        let Self { shape, mut values, .. } = self;
        let expected = values.split_off(shape.columns().count().min(values.len()));
        (shape.columns().zip(values).collect(), shape.expected().zip(expected).collect())
    }

    /// The values of the columns `key`, in that order; `None` if one of them is not set.
    pub(crate) fn key(&self, key: &[usize]) -> Option<Vec<Value>> {
        key.iter()
            .map(|wanted| self.cells().find(|(column, _)| column == wanted).map(|(_, value)| value.clone()))
            .collect()
    }

    /// Takes over what a later update of the same row sets. Neither may have a condition.
    pub(crate) fn overlay(&mut self, later: &Self) {
        let mut cells: BTreeMap<usize, Value> =
            self.shape.columns().zip(std::mem::take(&mut self.values)).collect();
        cells.extend(later.cells().map(|(column, value)| (column, value.clone())));
        let mut shape = Shape::empty(self.operation());
        cells.keys().for_each(|column| shape.insert(*column));
        let seqs = [std::mem::take(&mut self.seqs), later.seqs.clone()].concat();
        *self = Self { seqs, ..Self::new(shape, cells.into_values().collect()) };
    }
}

fn weight(value: &Value) -> usize {
    let held = match value {
        Value::String(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        Value::Json(Some(json)) => json_weight(json),
        _ => 0,
    };
    size_of::<Value>() + held
}

/// The rough size of a document; its depth is bounded by the parser that made it (serde_json stops at 128).
fn json_weight(json: &sea_orm::JsonValue) -> usize {
    use sea_orm::JsonValue;
    let held = match json {
        JsonValue::String(text) => text.len(),
        JsonValue::Array(items) => items.iter().map(json_weight).sum(),
        JsonValue::Object(fields) => fields.iter().map(|(name, value)| name.len() + json_weight(value)).sum(),
        _ => 0,
    };
    size_of::<JsonValue>() + held
}
