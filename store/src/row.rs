//! A row as the buffer holds it: which columns it sets, and their values, flat.

use sea_orm::Value;

/// Which columns a row sets: one bit a column, in the entity's order.
///
/// Rows of one shape go into one statement, and a statement's text is built once for a shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    /// The first 64 columns, which is all that most tables have: a shape of these takes no memory of its own.
    first: u64,
    more: Box<[u64]>,
}

impl Shape {
    /// The shape that sets none of `columns` columns.
    pub(crate) fn empty(columns: usize) -> Self {
        Self { first: 0, more: vec![0; columns.div_ceil(64).saturating_sub(1)].into_boxed_slice() }
    }

    pub(crate) fn insert(&mut self, column: usize) {
        let word = match (column / 64).checked_sub(1) {
            None => Some(&mut self.first),
            Some(word) => self.more.get_mut(word),
        };
        if let Some(word) = word {
            *word |= 1 << (column % 64);
        }
    }

    pub(crate) fn contains(&self, column: usize) -> bool {
        self.word(column / 64).is_some_and(|word| word & (1 << (column % 64)) != 0)
    }

    /// The columns that are set, ascending.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        (0..64 * (1 + self.more.len())).filter(|column| self.contains(*column))
    }

    fn word(&self, number: usize) -> Option<u64> {
        match number.checked_sub(1) {
            None => Some(self.first),
            Some(number) => self.more.get(number).copied(),
        }
    }
}

/// One row. Invariant: `values` holds one value for each column of `shape`, in the entity's order.
#[derive(Debug)]
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

    /// The row's values with the numbers of their columns.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.shape.columns().zip(&self.values)
    }

    /// Splits the row into cells.
    pub(crate) fn into_cells(self) -> Vec<(usize, Value)> {
        let Self { shape, values, .. } = self;
        shape.columns().zip(values).collect()
    }

    /// The values of the columns `key`, in that order; `None` if one of them is not set.
    pub(crate) fn key(&self, key: &[usize]) -> Option<Vec<Value>> {
        key.iter()
            .map(|wanted| self.cells().find(|(column, _)| column == wanted).map(|(_, value)| value.clone()))
            .collect()
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
