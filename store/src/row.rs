//! A row as the buffer holds it: which columns it sets, and their values, flat.

use sea_orm::Value;

/// Which columns a row sets: one bit a column, in the entity's order.
///
/// Rows of one shape go into one statement, and a statement's text is built once for a shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape(Box<[u64]>);

impl Shape {
    /// The shape that sets none of `columns` columns.
    pub(crate) fn empty(columns: usize) -> Self {
        Self(vec![0; columns.div_ceil(64)].into_boxed_slice())
    }

    pub(crate) fn insert(&mut self, column: usize) {
        if let Some(word) = self.0.get_mut(column / 64) {
            *word |= 1 << (column % 64);
        }
    }

    pub(crate) fn contains(&self, column: usize) -> bool {
        self.0.get(column / 64).is_some_and(|word| word & (1 << (column % 64)) != 0)
    }

    /// The columns that are set, ascending.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|column| self.contains(*column))
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
