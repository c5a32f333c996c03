//! What stands for the roads in a build without the feature of any database: a refusal.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DbBackend, DbErr};

use crate::{Error, batch::Verdict, beside::Beside, conflict::Conflict, row::Row, table::Table};

/// There is none.
pub(crate) enum Road {}

impl Road {
    pub(crate) fn new(
        connection: &DatabaseConnection,
        _: Arc<Table>,
        _: Conflict,
        _: usize,
    ) -> Result<Self, Error> {
        Err(Error::no_road(connection))
    }

    pub(crate) async fn learn(&mut self) {}

    pub(crate) fn rest(&self) {}

    pub(crate) async fn write(
        &mut self,
        _: &[Row],
        _: &mut Verdict,
        _: Option<&dyn Beside>,
    ) -> Result<(), Error> {
        match *self {}
    }
}

/// No database, so none that could be busy.
pub(crate) fn is_busy(_: &DbErr, _: DbBackend) -> bool {
    false
}

pub(crate) fn backend(connection: &DatabaseConnection) -> Result<DbBackend, Error> {
    Err(Error::no_road(connection))
}
