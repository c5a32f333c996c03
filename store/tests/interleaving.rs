//! Inserts, upserts and updates that alternate at random over few rows end as they do one by one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::time::Duration;

use cofferdam_store::{ErrorKind, OnConflict, Operation, Store};
use common::{Kind, trade, trades};
use proptest::{
    collection::vec,
    option::{of, weighted},
    prelude::{Just, Strategy},
    prop_oneof,
    test_runner::{Config, TestCaseError, TestRunner},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait,
    IdenStatic as _, QueryOrder, Set,
    sea_query::{Condition, Query},
};
use trade::{ActiveModel, Column, Entity};

const CODES: [&str; 4] = ["a", "b", "c", "d"];
/// What an upsert overwrites.
const OVERWRITTEN: [Column; 2] = [Column::Quantity, Column::Note];

#[derive(Debug, Clone, Copy)]
enum Conflict {
    Reject,
    DoNothing(Column),
    Update(Column),
}

#[derive(Debug, Clone)]
struct Plan {
    /// By what updates name their row.
    key: Column,
    conflict: Conflict,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    operation: Operation,
    model: ActiveModel,
    expected: Option<ActiveModel>,
}

/// What became of all: the rows, those that were refused, how many were written and how many skipped.
#[derive(Debug, Default, PartialEq)]
struct End {
    rows: Vec<trade::Model>,
    refused: Vec<(Operation, String, ErrorKind)>,
    written: u64,
    skipped: u64,
}

fn plan() -> impl Strategy<Value = Plan> {
    let column = || prop_oneof![Just(Column::Id), Just(Column::Code)];
    let conflict = prop_oneof![
        Just(Conflict::Reject),
        column().prop_map(Conflict::DoNothing),
        column().prop_map(Conflict::Update)
    ];
    let number = || 0..CODES.len();
    let insert =
        (weighted(0.3, number()), weighted(0.8, number()), 0..3_i32).prop_map(|(id, code, quantity)| Step {
            operation: Operation::Insert,
            model: ActiveModel {
                id: id.map_or(ActiveValue::NotSet, id_of),
                code: code.map_or(ActiveValue::NotSet, code_of),
                quantity: Set(quantity),
                ..Default::default()
            },
            expected: None,
        });
    // Both names of a row; the one that is not the key is a change, or goes.
    let update = (number(), weighted(0.1, number()), of(0..3_i32), weighted(0.3, 0..3_i32)).prop_map(
        |(row, moves, quantity, expected)| Step {
            operation: Operation::Update,
            model: ActiveModel {
                id: id_of(row),
                code: moves.map_or(ActiveValue::NotSet, code_of),
                quantity: quantity.map_or(ActiveValue::NotSet, Set),
                ..Default::default()
            },
            expected: expected.map(|quantity| ActiveModel { quantity: Set(quantity), ..Default::default() }),
        },
    );
    (column(), conflict, vec(prop_oneof![insert, update], 1..24)).prop_map(|(key, conflict, steps)| Plan {
        key,
        conflict,
        steps: marked(key, steps),
    })
}

fn id_of(number: usize) -> ActiveValue<i64> {
    Set(i64::try_from(number).unwrap() + 1)
}

fn code_of(number: usize) -> ActiveValue<Option<String>> {
    Set(Some(CODES[number].to_owned()))
}

/// Gives each step its mark, and updates their key. Of neighbouring updates, which have no order among each other, only
/// one passes a unique value on.
fn marked(key: Column, mut steps: Vec<Step>) -> Vec<Step> {
    let mut moved = false;
    for (number, step) in steps.iter_mut().enumerate() {
        step.model.note = Set(Some(format!("{number}")));
        if step.operation == Operation::Insert {
            moved = false;
            continue;
        }
        if matches!(key, Column::Code) {
            let (row, moves) = (step.model.id.take().unwrap(), step.model.code.take().flatten());
            step.model.code = code_of(usize::try_from(row).unwrap() - 1);
            let moves = moves.map(|code| CODES.iter().position(|other| *other == code).unwrap());
            step.model.id = moves.map_or(ActiveValue::NotSet, id_of);
        }
        let other = if matches!(key, Column::Id) { Column::Code } else { Column::Id };
        if step.model.get(other).is_set() && std::mem::replace(&mut moved, true) {
            step.model.not_set(other);
        }
    }
    steps
}

/// Two rows, whatever was there.
async fn reset(kind: Kind, database: &DatabaseConnection) {
    let sequence = match kind {
        Kind::Sqlite => "DELETE FROM sqlite_sequence; INSERT INTO sqlite_sequence VALUES ('trade', 999)",
        Kind::Postgres => "ALTER SEQUENCE trade_id_seq RESTART WITH 1000",
        Kind::Mariadb => "ALTER TABLE trade AUTO_INCREMENT = 1000",
    };
    database.execute_unprepared("DELETE FROM trade").await.unwrap();
    database.execute_unprepared(sequence).await.unwrap();
    let row = |number| ActiveModel { id: id_of(number), code: code_of(number), ..trade(1) };
    Entity::insert_many([row(0), row(1)]).exec(database).await.unwrap();
}

async fn rows(database: &DatabaseConnection) -> Vec<trade::Model> {
    let mut rows = Entity::find().order_by_asc(Column::Id).all(database).await.unwrap();
    // Those that the database makes up leave gaps, and not the same ones.
    rows.iter_mut().for_each(|row| row.id = row.id.min(1_000));
    rows
}

async fn together(database: &DatabaseConnection, plan: &Plan) -> End {
    let builder = Store::<Entity>::builder(database.clone()).rows(1_000).linger(Duration::from_secs(3_600));
    let builder = match plan.conflict {
        Conflict::Reject => builder,
        Conflict::DoNothing(target) => builder.on_conflict(OnConflict::DoNothing).conflict_target([target]),
        Conflict::Update(target) => {
            builder.on_conflict(OnConflict::Update(OVERWRITTEN.to_vec())).conflict_target([target])
        }
    };
    let store = builder.key([plan.key]).build().unwrap();
    for Step { operation, model, expected } in plan.steps.clone() {
        match (operation, expected) {
            (Operation::Insert, _) => store.insert(model).await,
            (Operation::Update, None) => store.update(model).await,
            (Operation::Update, Some(expected)) => store.update_if(model, expected).await,
        }
        .unwrap();
    }
    let summary = store.close().await.unwrap();
    let refused = summary.rejected.into_iter();
    End {
        rows: rows(database).await,
        refused: refused
            .map(|row| (row.operation, row.model.note.unwrap().unwrap(), row.error.kind()))
            .collect(),
        written: summary.counts.written + summary.counts.coalesced,
        skipped: summary.counts.skipped,
    }
}

async fn one_by_one(kind: Kind, database: &DatabaseConnection, plan: &Plan) -> End {
    let mut end = End::default();
    for (step, merged) in merged(plan) {
        let kind = match step.operation {
            Operation::Insert => insert(kind, database, plan.conflict, &step.model).await,
            Operation::Update => update(database, plan.key, &step).await,
        };
        match kind {
            Ok(true) => end.written += 1,
            Ok(false) => end.skipped += 1,
            Err(kind) => end.refused.push((step.operation, step.model.note.unwrap().unwrap(), kind)),
        }
        end.written += merged;
    }
    end.rows = rows(database).await;
    end
}

/// Neighbouring updates of one row are one, as is told of them; and how many were merged into each.
fn merged(plan: &Plan) -> Vec<(Step, u64)> {
    let mut merged: Vec<(Step, u64)> = Vec::new();
    for step in plan.steps.clone() {
        let run = merged.iter_mut().rev().take_while(|(other, _)| other.operation == Operation::Update);
        let same = |(other, _): &&mut (Step, u64)| other.model.get(plan.key) == step.model.get(plan.key);
        let earlier = run.filter(same).take(1).find(|(earlier, _)| earlier.expected.is_none());
        if let (Operation::Update, None, Some((earlier, merged))) = (step.operation, &step.expected, earlier)
        {
            for column in [Column::Id, Column::Code, Column::Quantity, Column::Note] {
                if let Set(value) = step.model.get(column) {
                    earlier.model.set(column, value);
                }
            }
            *merged += 1;
            continue;
        }
        merged.push((step, 0));
    }
    merged
}

/// Whether the row was written, not skipped.
async fn insert(
    kind: Kind,
    database: &DatabaseConnection,
    conflict: Conflict,
    model: &ActiveModel,
) -> Result<bool, ErrorKind> {
    use sea_orm::sea_query::OnConflict;

    let mut insert = Entity::insert(model.clone());
    let action = match conflict {
        Conflict::Reject => None,
        Conflict::DoNothing(target) => Some((target, OnConflict::column(target).do_nothing().to_owned())),
        Conflict::Update(target) => {
            Some((target, OnConflict::column(target).update_columns(OVERWRITTEN).to_owned()))
        }
    };
    if let Some((target, action)) = action {
        if kind != Kind::Mariadb {
            insert = insert.on_conflict(action);
        } else if let Some(met) = met(database, target, model).await? {
            // It knows no target, so it is looked up.
            if let Conflict::Update(_) = conflict {
                let row = ActiveModel { id: ActiveValue::Unchanged(met), ..model.clone() };
                let row = ActiveModel { code: ActiveValue::NotSet, ..row };
                row.update(database).await.unwrap();
                return Ok(true);
            }
            return Ok(false);
        }
    }
    let statement = sea_orm::QueryTrait::into_query(insert);
    done(database.execute(&statement).await).map(|rows| rows == 1)
}

/// The key of the row that conflicts with a new one in the target. The server looks at the primary key first.
async fn met(
    database: &DatabaseConnection,
    target: Column,
    model: &ActiveModel,
) -> Result<Option<i64>, ErrorKind> {
    for column in [Column::Id, Column::Code] {
        let Set(value) = model.get(column) else { continue };
        let row = sea_orm::QueryFilter::filter(Entity::find(), column.eq(value)).one(database).await.unwrap();
        let Some(row) = row else { continue };
        let same = model.get(target) == Set(sea_orm::ModelTrait::get(&row, target));
        return if same { Ok(Some(row.id)) } else { Err(ErrorKind::Constraint) };
    }
    Ok(None)
}

async fn update(database: &DatabaseConnection, key: Column, step: &Step) -> Result<bool, ErrorKind> {
    let named = Condition::all().add(key.eq(step.model.get(key).into_value().unwrap()));
    let mut condition = named.clone();
    if let Some(expected) = &step.expected {
        condition = condition.add(Column::Quantity.eq(expected.quantity.clone().unwrap()));
    }
    let mut update = Query::update();
    update.table(Entity).cond_where(condition);
    for column in [Column::Id, Column::Code, Column::Quantity, Column::Note] {
        if let (true, Set(value)) = (column.as_str() != key.as_str(), step.model.get(column)) {
            update.value(column, value);
        }
    }
    if done(database.execute(&update).await)? == 1 {
        return Ok(true);
    }
    let there = sea_orm::QueryFilter::filter(Entity::find(), named).one(database).await.unwrap().is_some();
    Err(if there { ErrorKind::Stale } else { ErrorKind::Missing })
}

fn done(end: Result<sea_orm::ExecResult, DbErr>) -> Result<u64, ErrorKind> {
    match end {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) if error.sql_err().is_some() => Err(ErrorKind::Constraint),
        Err(error) => panic!("{error}"),
    }
}

fn ends_as_one_by_one(kind: Kind, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_place, database) = runtime.block_on(trades(kind));
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let test = |plan: Plan| {
        let (found, expected) = runtime.block_on(async {
            reset(kind, &database).await;
            let found = together(&database, &plan).await;
            reset(kind, &database).await;
            (found, one_by_one(kind, &database, &plan).await)
        });
        if found == expected {
            return Ok(());
        }
        Err(TestCaseError::fail(format!("found {found:#?}\nexpected {expected:#?}")))
    };
    if let Err(error) = runner.run(&plan(), test) {
        panic!("{error}");
    }
    runtime.block_on(database.close()).unwrap();
}

#[test]
fn sqlite_ends_as_one_by_one() {
    ends_as_one_by_one(Kind::Sqlite, 600);
}

#[test]
fn postgres_ends_as_one_by_one() {
    ends_as_one_by_one(Kind::Postgres, 150);
}

#[test]
fn mariadb_ends_as_one_by_one() {
    ends_as_one_by_one(Kind::Mariadb, 60);
}
