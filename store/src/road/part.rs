//! Some rows of a batch, by their places in it.

use crate::row::{Row, Shape};

/// Rows of one shape, and so of one operation, out of a batch.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    rows: &'a [&'a Row],
    places: &'a [usize],
}

impl<'a> Part<'a> {
    pub(super) fn new(rows: &'a [&'a Row], places: &'a [usize]) -> Self {
        Self { rows, places }
    }

    pub(super) fn len(self) -> usize {
        self.places.len()
    }

    pub(super) fn rows(self) -> impl Iterator<Item = &'a Row> {
        let Self { rows, places } = self;
        places.iter().filter_map(move |place| rows.get(*place).copied())
    }

    /// The shape of the rows; `None` if there are none.
    pub(super) fn shape(self) -> Option<&'a Shape> {
        self.rows().next().map(|row| &row.shape)
    }

    /// The place in the batch of the row that is the `number`th here, counted from 0.
    pub(super) fn place(self, number: usize) -> Option<usize> {
        self.places.get(number).copied()
    }

    /// Other rows of the batch, at these places.
    #[cfg(feature = "sqlite")]
    pub(super) fn at(self, places: &'a [usize]) -> Self {
        Self { places, ..self }
    }

    /// The first `rows` of the rows, and the others.
    pub(super) fn split(self, rows: usize) -> (Self, Self) {
        let (first, others) = self.places.split_at(rows.min(self.places.len()));
        (Self { places: first, ..self }, Self { places: others, ..self })
    }
}
