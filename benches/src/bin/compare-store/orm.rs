//! What one writes with sea-orm alone: row by row, `insert_many`, and an update with a CASE for each column.

use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, ExprTrait,
    IntoActiveModel as _, QueryFilter, TransactionTrait as _,
};

use super::Problem;
use super::fill::{self, Change, Model};

/// Each row by a statement of its own, and each statement a commit.
pub(super) async fn insert_each(database: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), Problem> {
    for row in rows {
        fill::Entity::insert(row.into_active_model()).exec_without_returning(database).await?;
    }
    Ok(())
}

pub(super) async fn update_each(database: &impl ConnectionTrait, rows: Vec<Change>) -> Result<(), Problem> {
    for row in rows {
        fill::Entity::update(row.into_active_model()).exec_without_returning(database).await?;
    }
    Ok(())
}

/// As most programs do it: the model comes back as it is in the table.
pub(super) async fn insert_each_and_read(
    database: &DatabaseConnection,
    rows: Vec<Model>,
) -> Result<(), Problem> {
    for row in rows {
        row.into_active_model().reset_all().insert(database).await?;
    }
    Ok(())
}

pub(super) async fn update_each_and_read(
    database: &DatabaseConnection,
    rows: Vec<Change>,
) -> Result<(), Problem> {
    for row in rows {
        row.into_active_model().update(database).await?;
    }
    Ok(())
}

/// Row by row with one commit for all.
pub(super) async fn insert_in_one(database: &DatabaseConnection, rows: Vec<Model>) -> Result<(), Problem> {
    let transaction = database.begin().await?;
    insert_each(&transaction, rows).await?;
    Ok(transaction.commit().await?)
}

pub(super) async fn update_in_one(database: &DatabaseConnection, rows: Vec<Change>) -> Result<(), Problem> {
    let transaction = database.begin().await?;
    update_each(&transaction, rows).await?;
    Ok(transaction.commit().await?)
}

/// `insert_many` of so many rows, all in one transaction.
pub(super) async fn insert_many(
    database: &DatabaseConnection,
    rows: Vec<Model>,
    size: usize,
) -> Result<(), Problem> {
    let transaction = database.begin().await?;
    let mut rows = rows.into_iter().map(Model::into_active_model).peekable();
    while rows.peek().is_some() {
        let many = fill::Entity::insert_many(rows.by_ref().take(size));
        many.exec_without_returning(&transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// One statement for so many rows, all in one transaction.
pub(super) async fn update_by_case(
    database: &DatabaseConnection,
    rows: Vec<Change>,
    size: usize,
) -> Result<(), Problem> {
    let transaction = database.begin().await?;
    for chunk in rows.chunks(size) {
        let price = case(chunk, fill::Column::Price, |row| Expr::val(row.price));
        let quantity = case(chunk, fill::Column::Quantity, |row| Expr::val(row.quantity));
        let note = case(chunk, fill::Column::Note, |row| Expr::val(row.note.as_str()));
        fill::Entity::update_many()
            .col_expr(fill::Column::Price, price)
            .col_expr(fill::Column::Quantity, quantity)
            .col_expr(fill::Column::Note, note)
            .filter(fill::Column::Id.is_in(chunk.iter().map(|row| row.id)))
            .exec(&transaction)
            .await?;
    }
    Ok(transaction.commit().await?)
}

fn case(chunk: &[Change], column: fill::Column, value: impl Fn(&Change) -> Expr) -> Expr {
    let mut case = CaseStatement::new();
    for row in chunk {
        case = case.case(Expr::col(fill::Column::Id).eq(row.id), value(row));
    }
    case.finally(Expr::col(column)).into()
}
