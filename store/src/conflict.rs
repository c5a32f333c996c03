//! What an insert does when its row is already there.

use sea_orm::EntityTrait;

/// What an insert does with a row whose key the table already holds.
///
/// The key is the primary key, or what [`conflict_target`](crate::WriterBuilder::conflict_target) names. A row that
/// conflicts with another one elsewhere is refused, whatever is chosen here.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum OnConflict<E: EntityTrait> {
    /// Refuse the row; it comes back as [`Error::Constraint`](crate::Error::Constraint). The default.
    Reject,
    /// Keep the row that is there and count the new one as skipped.
    ///
    /// This makes a repeated write harmless: after an outcome that is not known (a killed process, a lost
    /// connection) the same rows are added again, and none is written twice.
    DoNothing,
    /// Overwrite these columns of the row that is there, as far as the new row sets them.
    Update(Vec<E::Column>),
}

/// The same, in numbers of columns of a [`Table`](crate::table::Table).
#[derive(Debug, Clone)]
pub(crate) enum Conflict {
    Reject,
    DoNothing { target: Vec<usize> },
    Update { target: Vec<usize>, columns: Vec<usize> },
}

impl Conflict {
    /// The columns whose conflict it is about.
    pub(crate) fn target(&self) -> &[usize] {
        match self {
            Self::Reject => &[],
            Self::DoNothing { target } | Self::Update { target, .. } => target,
        }
    }
}
