//! What is written: a fill of an order, ten columns and some 200 bytes, and a change of three of the columns.
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

use sea_orm::{ActiveValue, IntoActiveModel, entity::prelude::*};

/// The table. Nothing else of a server is touched.
pub(super) const TABLE: &str = "compare_store_fill";

/// The columns in the order of the table.
pub(super) const COLUMNS: usize = 10;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "compare_store_fill")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub symbol: String,
    pub side: String,
    pub price: f64,
    pub quantity: i64,
    pub fee: f64,
    pub at: i64,
    pub venue: String,
    pub client: Option<String>,
    pub note: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// New values for three columns of a row.
pub(super) struct Change {
    pub(super) id: i64,
    pub(super) price: f64,
    pub(super) quantity: i64,
    pub(super) note: String,
}

impl IntoActiveModel<ActiveModel> for Change {
    fn into_active_model(self) -> ActiveModel {
        ActiveModel {
            id: ActiveValue::Unchanged(self.id),
            price: ActiveValue::Set(self.price),
            quantity: ActiveValue::Set(self.quantity),
            note: ActiveValue::Set(self.note),
            ..<ActiveModel as ActiveModelTrait>::default()
        }
    }
}

/// The row with this key. `benches/peers/sqlalchemy/turn.py` makes the same one.
pub(super) fn row(id: i64) -> Model {
    Model {
        id,
        symbol: "EURUSD".to_owned(),
        side: if id % 2 == 0 { "buy" } else { "sell" }.to_owned(),
        price: 1.08 + id as f64 * 1e-6,
        quantity: 100 + id,
        fee: 0.25,
        at: 1_700_000_000_000 + id,
        venue: "first venue of the list".to_owned(),
        client: (id % 3 == 0).then(|| format!("client-{id:08}")),
        note: format!("fill {id} {}", "x".repeat(80)),
    }
}

/// The change of the row with this key; likewise.
pub(super) fn change(id: i64) -> Change {
    Change { id, price: 2.0 + id as f64, quantity: -id, note: format!("changed {id}") }
}

/// The row with this key after its change.
pub(super) fn changed(id: i64) -> Model {
    let Change { id, price, quantity, note } = change(id);
    Model { price, quantity, note, ..row(id) }
}
