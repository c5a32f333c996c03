//! What is written beside the rows of a batch, in their transaction.

use sea_orm::Statement;

use crate::row::Row;

/// Says what a road is to run in each transaction of a batch, after its rows and before the commit.
pub(crate) trait Beside: Send + Sync {
    /// The statement for the transaction after which the rows `..settled` of the batch are decided. `refused` are
    /// the places of those that were refused, in this transaction or before.
    fn statement(&self, rows: &[Row], settled: usize, refused: &[usize]) -> Statement;
}
