//! The road to MySQL and MariaDB.
//!
//! What makes it fast: one transaction a batch, and statements of some hundred rows whose text is built once for a
//! shape and a size. Updates join the table with their rows. LOAD DATA LOCAL would need the server's permission, and the
//! driver knows no answer to the server's call for the file.
//!
//! MySQL has no conflict target: ON DUPLICATE KEY acts on any unique index, and would overwrite, or silently leave, a
//! row that has nothing to do with the new one. So the statement counts in variables of the session what it met, and a
//! statement that met a conflict outside of the target is undone, and its rows are singled out.

mod arguments;
mod fault;
mod session;
mod shared;
mod statement;

use std::sync::Arc;

use sea_orm::sqlx::{self, MySql, MySqlPool};

pub(super) use self::fault::severity;
use self::{fault::fault, session::Session, statement::Rows};
use super::{
    bound,
    database::{Asked, Database, Touched},
    fault::{Fault, Severity},
    part::Part,
    spare::Spare,
    texts::{Text, Texts},
};
use crate::{
    conflict::Conflict,
    operation::Operation,
    row::{Row, Shape},
    table::Table,
};

/// How many values one statement binds: the protocol counts them in 16 bits.
const MAX_VARIABLES: usize = 65_535;

/// A table of a MySQL or MariaDB database.
pub(super) struct Mysql {
    spare: Spare<MySql>,
    table: Arc<Table>,
    conflict: Arc<Conflict>,
    texts: Texts,
    /// The queries for updates that are not to be done.
    absent: Texts,
    /// What the server says of itself; `None` before it was asked.
    server: Option<Server>,
}

/// What the statements depend on.
#[derive(Debug, Clone, Copy)]
struct Server {
    /// How many bytes a packet may hold.
    packet: usize,
    rows: Rows,
}

impl Mysql {
    /// `rows` is the size at which batches become due.
    pub(super) fn new(pool: MySqlPool, table: Arc<Table>, conflict: Arc<Conflict>, rows: usize) -> Self {
        let texts = || Texts::new(rows, MAX_VARIABLES);
        Self { spare: Spare::new(pool), table, conflict, texts: texts(), absent: texts(), server: None }
    }

    fn rows(&self) -> Rows {
        self.server.map_or(Rows::Selects, |server| server.rows)
    }
}

async fn execute(session: &mut Session, text: Text, part: Part<'_>) -> Result<u64, Fault> {
    match arguments::borrowed(part) {
        Some(arguments) => session.execute(text, arguments).await,
        None => session.execute(text, bound::values(part)).await,
    }
}

impl Asked for Mysql {
    async fn change(&mut self, session: &mut Session, part: Part<'_>, shape: &Shape) -> Result<u64, Fault> {
        let given = (part.len(), self.rows());
        let text = self.texts.text(shape, part.len(), || statement::update(&self.table, shape, given));
        // The driver asks for the rows that were found, whether or not they were changed by it.
        execute(session, text, part).await
    }

    /// A query with a condition locks the rows.
    async fn absent(
        &mut self,
        session: &mut Session,
        part: Part<'_>,
        shape: &Shape,
    ) -> Result<Touched, Fault> {
        let given = (part.len(), self.rows());
        let text = self.absent.text(shape, part.len(), || statement::absent(&self.table, shape, given));
        session.absent(text, bound::names(&self.table, part)).await
    }
}

impl Database for Mysql {
    type Session = Session;

    /// A failed statement is undone alone, but one that met a foreign conflict has not failed.
    fn forgets(&self) -> bool {
        matches!(*self.conflict, Conflict::DoNothing { .. } | Conflict::Update { .. })
    }

    /// Never: what is not followed by a second statement needs a commit of its own, by which to know whether a lost
    /// connection lost it.
    fn alone(&self, _: &[&Row]) -> bool {
        false
    }

    async fn learn(&mut self) -> Result<(), Fault> {
        if self.server.is_none() {
            let query = sqlx::query_as::<_, (u64, String)>(
                "SELECT CAST(@@max_allowed_packet AS UNSIGNED), VERSION()",
            );
            let (packet, version) = query.fetch_one(self.spare.pool()).await.map_err(fault)?;
            let rows = if version.contains("MariaDB") { Rows::Values } else { Rows::Selects };
            self.server = Some(Server { packet: usize::try_from(packet).unwrap_or(usize::MAX), rows });
        }
        Ok(())
    }

    async fn shared(&self) -> Result<Vec<Option<String>>, Fault> {
        shared::columns(self.spare.pool(), &self.table).await
    }

    fn rest(&self) {
        self.spare.release();
    }

    async fn begin(&self) -> Result<Session, Fault> {
        Session::begin(&self.spare).await
    }

    async fn single(&self) -> Result<Session, Fault> {
        Session::begin(&self.spare).await
    }

    /// A row's weight in memory is above its size in a packet, save for documents full of characters that JSON
    /// escapes; half a packet leaves room for those.
    fn fit(&self, part: Part<'_>) -> usize {
        let columns = part.shape().map_or(0, Shape::width);
        let room = self.server.map_or(usize::MAX, |server| server.packet) / 2;
        let mut bytes = 0_usize;
        let light = part.rows().take_while(|row| {
            bytes = bytes.saturating_add(row.weight);
            bytes <= room
        });
        self.texts.fit(columns, light.count().max(1))
    }

    async fn write(&mut self, session: &mut Session, part: Part<'_>) -> Result<Touched, Fault> {
        let Some(shape) = part.shape() else { return Ok(Touched::default()) };
        let rows = part.len() as u64;
        if let Some(Server { packet, .. }) = self.server
            && part.rows().map(|row| row.weight).sum::<usize>() > packet
        {
            // The server would close the connection.
            let reason = format!("the row is larger than max_allowed_packet, which is {packet} bytes");
            return Err(Fault::new(Severity::Row, sqlx::Error::Encode(reason.into())));
        }
        if shape.operation() == Operation::Update {
            return self.update(session, part, shape).await;
        }
        let text = self
            .texts
            .text(shape, part.len(), || statement::insert(&self.table, shape, part.len(), &self.conflict));
        match &*self.conflict {
            Conflict::Reject => execute(session, text, part).await.map(Touched::rows),
            conflict => {
                session.reset_conflicts().await?;
                execute(session, text, part).await?;
                let (met, foreign) = session.conflicts().await?;
                if foreign > 0 {
                    let reason = "the row conflicts with another one outside of the conflict target";
                    return Err(Fault::new(Severity::Row, sqlx::Error::Encode(reason.into())));
                }
                let skipped = if statement::overwrites(shape, conflict) { 0 } else { met };
                Ok(Touched::rows(rows.saturating_sub(skipped)))
            }
        }
    }
}
