//! The table of trials: an append-only record of everything that was tried, the failures included.

use sea_orm::entity::prelude::*;

/// One parameter set on one range of bars, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cofferdam_trials")]
pub struct Model {
    /// A hash of the study, the parameters and the bars.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// A hash of the program, the data, the seed and the limits.
    pub study: String,
    /// The parameters as a JSON object.
    pub parameters: String,
    /// The first bar that the program saw.
    pub first_bar: i64,
    /// One past the last bar that the program saw.
    pub end_bar: i64,
    /// The positions as run lengths, `[[position, bars], …]`; NULL when the trial failed.
    pub positions: Option<String>,
    /// What sort of failure it was; NULL when the trial succeeded.
    pub failure: Option<String>,
    /// The failure in words.
    pub detail: Option<String>,
    /// How long the program ran, in microseconds.
    pub wall_us: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
