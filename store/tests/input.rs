//! Input that makes no sense, or hardly any: an error says what is wrong, or nothing is wrong with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::error::Error as _;

use cofferdam_store::{BatchUpdateWriter, BatchWriter, Counts, DeadLetters, ErrorKind, OnConflict};
use common::{Kind, Place, trade, trades};
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait, Set};

/// The table `trade` with another belief of what is in it.
mod mistaken {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "trade")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        /// A whole number, in the table.
        pub quantity: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A table that has no primary key.
mod reading {
    use sea_orm::entity::prelude::*;

    #[derive(Copy, Clone, Default, Debug, DeriveEntity)]
    pub struct Entity;

    impl EntityName for Entity {
        fn table_name(&self) -> &'static str {
            "reading"
        }
    }

    #[derive(Clone, Debug, PartialEq, DeriveModel, DeriveActiveModel)]
    pub struct Model {
        pub sensor: String,
        pub value: f64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
    pub enum Column {
        Sensor,
        Value,
    }

    impl ColumnTrait for Column {
        type EntityName = Entity;

        fn def(&self) -> ColumnDef {
            match self {
                Self::Sensor => ColumnType::string(Some(40)).def(),
                Self::Value => ColumnType::Double.def(),
            }
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter)]
    pub enum PrimaryKey {}

    impl PrimaryKeyTrait for PrimaryKey {
        type ValueType = String;

        fn auto_increment() -> bool {
            false
        }
    }

    impl PrimaryKeyToColumn for PrimaryKey {
        type Column = Column;

        fn into_column(self) -> Column {
            match self {}
        }

        fn from_column(_: Column) -> Option<Self> {
            None
        }
    }

    impl IdenStatic for PrimaryKey {
        fn as_str(&self) -> &'static str {
            match *self {}
        }
    }

    impl Iden for PrimaryKey {
        fn unquoted(&self) -> &str {
            match *self {}
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

async fn values_of_another_type_than_the_column_are_refused_and_none_is_lost(kind: Kind) {
    let place = Place::new(kind).await;
    let database = place.connect().await;
    let create = match kind {
        // Otherwise any column holds anything.
        Kind::Sqlite => "CREATE TABLE trade (id INTEGER PRIMARY KEY, quantity INTEGER NOT NULL) STRICT",
        Kind::Postgres | Kind::Mariadb => {
            "CREATE TABLE trade (id BIGINT PRIMARY KEY, quantity INTEGER NOT NULL)"
        }
    };
    database.execute_unprepared(create).await.unwrap();
    let writer = BatchWriter::<mistaken::Entity>::builder(database.clone()).build().unwrap();
    for id in 1..=100 {
        let quantity = if id == 34 { "many".to_owned() } else { id.to_string() };
        writer.add(mistaken::Model { id, quantity }).await.unwrap();
    }
    if kind == Kind::Postgres {
        // It looks at the type, not at the value, so the entity is at fault and no row.
        let error = writer.close().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Schema);
        assert!(error.source().unwrap().to_string().contains("quantity"), "{error}");
        assert_eq!(writer.take_unwritten().len(), 100);
        return;
    }
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.rejected), (99, 1));
    let [refused] = &summary.rejected[..] else { panic!("{:?}", summary.rejected) };
    assert_eq!(refused.model, mistaken::ActiveModel { id: Set(34), quantity: Set("many".to_owned()) });
    assert_eq!(refused.error.kind(), ErrorKind::Constraint);
}

async fn nothing_is_written_as_nothing(kind: Kind) {
    let (_place, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    assert_eq!(writer.add_many(Vec::<trade::Model>::new()).await.unwrap(), 0);
    assert_eq!(writer.flush().await.unwrap().counts, Counts::default());
    assert_eq!(writer.close().await.unwrap().counts, Counts::default());
    let updates = BatchUpdateWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    assert_eq!(updates.add_many(Vec::<trade::ActiveModel>::new()).await.unwrap(), 0);
    assert_eq!(updates.close().await.unwrap().counts, Counts::default());
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 0);
}

async fn an_entity_without_a_primary_key_is_inserted_and_not_updated(kind: Kind) {
    let place = Place::new(kind).await;
    let database = place.connect().await;
    let create = "CREATE TABLE reading (sensor VARCHAR(40) NOT NULL, value DOUBLE PRECISION NOT NULL)";
    database.execute_unprepared(create).await.unwrap();
    let writer = BatchWriter::<reading::Entity>::builder(database.clone()).build().unwrap();
    let readings: Vec<_> = (0..200)
        .map(|number| reading::Model { sensor: format!("s{}", number % 3), value: f64::from(number) })
        .collect();
    writer.add_many(readings.clone()).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 200);
    let mut read = reading::Entity::find().all(&database).await.unwrap();
    read.sort_by(|one, other| one.value.total_cmp(&other.value));
    assert_eq!(read, readings);
    let error = BatchUpdateWriter::<reading::Entity>::builder(database.clone()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("has no primary key"), "{error}");
    let error = BatchWriter::<reading::Entity>::builder(database)
        .on_conflict(OnConflict::DoNothing)
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("conflict_target"), "{error}");
}

/// A name that is no text, as Unix allows them.
#[cfg(unix)]
#[tokio::test]
async fn a_path_that_is_not_utf_8_is_a_path() {
    use std::os::unix::ffi::OsStrExt;

    let (place, database) = trades(Kind::Sqlite).await;
    let path = |name: &[u8]| place.folder.path().join(std::ffi::OsStr::from_bytes(name));
    let (spool, letters) = (path(b"spool-\xff"), path(b"letters-\xff.jsonl"));
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .spool(spool.as_path())
        .dead_letters(DeadLetters::json_lines(&letters))
        .build()
        .unwrap();
    writer.add(trade(1)).await.unwrap();
    writer.add(trade(-1)).await.unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.rejected), (1, 1));
    assert!(spool.is_dir());
    assert_eq!(std::fs::read_to_string(&letters).unwrap().lines().count(), 1);
    let error = BatchWriter::<trade::Entity>::builder(database)
        .dead_letters(DeadLetters::json_lines(path(b"no-\xff/such.jsonl")))
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadLetters);
}

everywhere! {
    values_of_another_type_than_the_column_are_refused_and_none_is_lost
    nothing_is_written_as_nothing
    an_entity_without_a_primary_key_is_inserted_and_not_updated
}
