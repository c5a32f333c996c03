//! The tables beside the queue's: programs, data sets, trials.
//!
//! They lie in the queue's file and begin with `cofferdam_`. Programs and data sets are stored once, under the hash of
//! their content, so a job in the queue is small and a worker can check that it got what was meant.

#[allow(unreachable_pub, reason = "sea-orm makes public types beside the entity")]
pub(crate) mod dataset;
#[allow(unreachable_pub, reason = "sea-orm makes public types beside the entity")]
pub(crate) mod program;
mod schema;
#[allow(unreachable_pub, reason = "sea-orm makes public types beside the entity")]
pub(crate) mod trial;

pub(crate) use schema::{open, refuse_foreign};

use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseConnection, EntityTrait};

use crate::sandbox::{Policy, Program};
use crate::{Dataset, Error};

/// Stores a program unless it is there.
pub(crate) async fn put_program(database: &DatabaseConnection, program: &Program) -> Result<(), Error> {
    put(
        database,
        program::ActiveModel {
            hash: Set(program.hash().to_owned()),
            source: Set(program.source().to_owned()),
            entry: Set(program.entry().map(str::to_owned)),
        },
        program::Column::Hash,
        "store the program",
    )
    .await
}

/// Reads a program and checks it again: what lies in a database may have been changed there.
pub(crate) async fn get_program(
    database: &DatabaseConnection,
    policy: &Policy,
    hash: &str,
) -> Result<Program, Error> {
    let record = || format!("program {hash}");
    let row =
        program::Entity::find_by_id(hash).one(database).await.map_err(Error::database("read a program"))?;
    let row = row.ok_or_else(|| Error::damaged(record(), "it is not there"))?;
    let program = policy.check(&row.source)?;
    let program = match row.entry {
        Some(entry) => program.with_entry(entry),
        None => program,
    };
    if program.hash() == hash { Ok(program) } else { Err(Error::damaged(record(), "its text was changed")) }
}

/// Stores a data set unless it is there, and gives its hash.
pub(crate) async fn put_dataset(database: &DatabaseConnection, dataset: &Dataset) -> Result<String, Error> {
    let body = dataset.to_bytes();
    let hash = blake3::hash(&body).to_hex().to_string();
    put(
        database,
        dataset::ActiveModel { hash: Set(hash.clone()), body: Set(body) },
        dataset::Column::Hash,
        "store the data set",
    )
    .await?;
    Ok(hash)
}

/// Reads a data set.
pub(crate) async fn get_dataset(database: &DatabaseConnection, hash: &str) -> Result<Dataset, Error> {
    let record = || format!("data set {hash}");
    let row =
        dataset::Entity::find_by_id(hash).one(database).await.map_err(Error::database("read a data set"))?;
    let body = row.ok_or_else(|| Error::damaged(record(), "it is not there"))?.body;
    if blake3::hash(&body).to_hex().as_str() != hash {
        return Err(Error::damaged(record(), "its bytes were changed"));
    }
    Dataset::from_bytes(&body).ok_or_else(|| Error::damaged(record(), "it is not a data set"))
}

async fn put<A>(
    database: &DatabaseConnection,
    row: A,
    key: <A::Entity as EntityTrait>::Column,
    action: &'static str,
) -> Result<(), Error>
where
    A: ActiveModelTrait + Send,
{
    // That it is there already is as good as an insert.
    let insert = A::Entity::insert(row).on_conflict_do_nothing_on([key]);
    insert.exec_without_returning(database).await.map(drop).map_err(Error::database(action))
}
