//! MySQL and MariaDB: every type, and the conflicts that their SQL cannot name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use cofferdam_store::{BatchUpdateWriter, BatchWriter, ErrorKind, OnConflict};
use common::{Kind, Place, coded, trade, trades};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait,
    IntoActiveModel, PaginatorTrait, QueryOrder, Set, Statement,
    prelude::{Date, DateTime, Decimal, Time, Uuid},
};

mod sample {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "side")]
    pub enum Side {
        #[sea_orm(string_value = "buy")]
        Buy,
        #[sea_orm(string_value = "sell it")]
        Sell,
    }

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "select from")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub region: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub tiny: i8,
        pub small: i16,
        pub plain: i32,
        pub unsigned: u32,
        pub large: u64,
        pub single: f32,
        pub double: f64,
        pub flag: bool,
        pub bytes: Vec<u8>,
        pub maybe_text: Option<String>,
        pub maybe_bytes: Option<Vec<u8>>,
        pub maybe_number: Option<i64>,
        pub side: Side,
        pub maybe_side: Option<Side>,
        pub document: Json,
        pub maybe_document: Option<Json>,
        pub uuid: Uuid,
        pub price: Decimal,
        pub date: Date,
        pub time: Time,
        pub at: DateTime,
        pub at_utc: DateTimeUtc,
        #[sea_orm(save_as = "CHAR")]
        pub cast: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The key is of another collation than a connection's, where a join by a bare placeholder would be refused.
const CREATE: &str = "CREATE TABLE `select from` (region VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \
    number BIGINT, tiny TINYINT NOT NULL, small SMALLINT NOT NULL, plain INT NOT NULL, `unsigned` INT UNSIGNED NOT NULL, \
    large BIGINT UNSIGNED NOT NULL, single FLOAT NOT NULL, `double` DOUBLE NOT NULL, flag BOOL NOT NULL, \
    bytes BLOB NOT NULL, maybe_text TEXT CHARACTER SET utf8mb4, maybe_bytes BLOB, maybe_number BIGINT, \
    side ENUM('buy', 'sell it') NOT NULL, maybe_side ENUM('buy', 'sell it'), document JSON NOT NULL, \
    maybe_document JSON, uuid BINARY(16) NOT NULL, price DECIMAL(20, 4) NOT NULL, date DATE NOT NULL, \
    time TIME(6) NOT NULL, at DATETIME(6) NOT NULL, at_utc TIMESTAMP(6) NOT NULL, `cast` VARCHAR(10) NOT NULL, \
    PRIMARY KEY (region, number))";

async fn samples() -> (Place, DatabaseConnection) {
    let place = Place::new(Kind::Mariadb).await;
    let database = place.connect().await;
    database.execute_unprepared(CREATE).await.unwrap();
    (place, database)
}

fn rows(count: i64) -> Vec<sample::Model> {
    let date = Date::from_ymd_opt(2026, 11, 23).unwrap();
    let at = DateTime::new(date, Time::from_hms_micro_opt(23, 59, 59, 123_456).unwrap());
    let plain = sample::Model {
        region: "zürich 'x' \"y\" \\ `z`".to_owned(),
        number: 0,
        tiny: 0,
        small: 0,
        plain: 0,
        unsigned: 0,
        large: 0,
        single: 0.0,
        double: 0.0,
        flag: false,
        bytes: Vec::new(),
        maybe_text: None,
        maybe_bytes: None,
        maybe_number: None,
        side: sample::Side::Buy,
        maybe_side: None,
        document: serde_json::json!({}),
        maybe_document: None,
        uuid: Uuid::nil(),
        price: Decimal::ZERO,
        date,
        time: Time::MIN,
        at,
        at_utc: at.and_utc(),
        cast: "1".to_owned(),
    };
    (0..count)
        .map(|number| match number % 3 {
            0 => sample::Model { number, ..plain.clone() },
            1 => sample::Model {
                number: i64::MIN + number,
                tiny: i8::MIN,
                small: i16::MIN,
                plain: i32::MIN,
                double: f64::MIN,
                price: Decimal::new(-9_999_999_999_999_999, 4),
                date: Date::from_ymd_opt(1_000, 1, 1).unwrap(),
                ..plain.clone()
            },
            _ => sample::Model {
                region: "Zürich".to_owned(),
                number: i64::MAX - number,
                tiny: i8::MAX,
                small: i16::MAX,
                plain: i32::MAX,
                unsigned: u32::MAX,
                large: u64::MAX,
                single: 1.5,
                double: f64::MAX,
                flag: true,
                bytes: vec![0, 255, 0],
                maybe_text: Some("𝄞\0".repeat(100)),
                maybe_bytes: Some(Vec::new()),
                maybe_number: Some(-1),
                side: sample::Side::Sell,
                maybe_side: Some(sample::Side::Sell),
                document: serde_json::json!({"b": [1, null, "ü\n"], "a": 1.5}),
                maybe_document: Some(serde_json::json!("text")),
                uuid: Uuid::from_u128(u128::MAX),
                price: Decimal::new(1, 4),
                date: Date::from_ymd_opt(9_999, 12, 31).unwrap(),
                time: Time::from_hms_micro_opt(23, 59, 59, 999_999).unwrap(),
                ..plain.clone()
            },
        })
        .collect()
}

/// All that the table holds, byte by byte.
async fn raw(database: &DatabaseConnection) -> Vec<String> {
    let columns =
        "region number tiny small plain unsigned large single double flag bytes maybe_text maybe_bytes \
        maybe_number side maybe_side document maybe_document uuid price date time at at_utc cast"
            .split_whitespace()
            .map(|column| format!("COALESCE(HEX(CAST(`{column}` AS BINARY)), 'NULL')"))
            .collect::<Vec<_>>();
    let sql = format!(
        "SELECT CONCAT_WS(', ', {}) AS text FROM `select from` ORDER BY region, number",
        columns.join(", ")
    );
    let rows = database.query_all_raw(Statement::from_string(DbBackend::MySql, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "text").unwrap()).collect()
}

#[tokio::test]
async fn a_batch_leaves_the_same_bytes_as_the_same_rows_one_by_one() {
    let (_batched, batched) = samples().await;
    let writer = BatchWriter::<sample::Entity>::builder(batched.clone()).rows(600).build().unwrap();
    writer.add_many(rows(600)).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 600);
    let (_single, single) = samples().await;
    for row in rows(600) {
        let row = row.into_active_model().reset_all();
        sample::Entity::insert(row).exec_without_returning(&single).await.unwrap();
    }
    assert_eq!(raw(&batched).await, raw(&single).await);
    let read = sample::Entity::find().all(&batched).await.unwrap();
    assert_eq!(read.len(), 600);
    for row in rows(600) {
        assert!(read.contains(&row), "{row:?} was changed");
    }
}

#[tokio::test]
async fn a_batch_of_updates_leaves_the_same_bytes_as_the_same_updates_one_by_one() {
    let (_batched, batched) = samples().await;
    let (_single, single) = samples().await;
    for database in [&batched, &single] {
        let writer = BatchWriter::<sample::Entity>::builder(database.clone()).build().unwrap();
        writer.add_many(rows(300)).await.unwrap();
        drop(writer.close().await.unwrap());
    }
    let changes: Vec<sample::ActiveModel> = rows(300)
        .into_iter()
        .zip(rows(300).into_iter().cycle().skip(1))
        .map(|(old, new)| {
            let mut model = new.into_active_model().reset_all();
            model.region = ActiveValue::Unchanged(old.region);
            model.number = ActiveValue::Unchanged(old.number);
            model
        })
        .collect();
    let writer = BatchUpdateWriter::<sample::Entity>::builder(batched.clone()).build().unwrap();
    writer.add_many(changes.clone()).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 300);
    for change in changes {
        sample::Entity::update(change).exec(&single).await.unwrap();
    }
    assert_eq!(raw(&batched).await, raw(&single).await);
}

#[tokio::test]
async fn updates_that_change_nothing_are_written_and_missing_rows_are_not_made() {
    let (_place, database) = samples().await;
    let writer = BatchWriter::<sample::Entity>::builder(database.clone()).build().unwrap();
    writer.add_many(rows(10)).await.unwrap();
    drop(writer.close().await.unwrap());
    let writer = BatchUpdateWriter::<sample::Entity>::builder(database.clone()).build().unwrap();
    for row in rows(14) {
        let mut change = <sample::ActiveModel as ActiveModelTrait>::default();
        change.region = ActiveValue::Unchanged(row.region);
        change.number = ActiveValue::Unchanged(row.number);
        change.plain = Set(row.plain);
        writer.add(change).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.skipped, summary.counts.rejected), (10, 0, 4));
    let told: Vec<i64> = summary.rejected.iter().map(|row| row.model.number.clone().unwrap()).collect();
    assert_eq!(told, rows(14).iter().skip(10).map(|row| row.number).collect::<Vec<_>>());
    assert!(summary.rejected.iter().all(|row| row.error.kind() == ErrorKind::Missing));
    assert_eq!(sample::Entity::find().count(&database).await.unwrap(), 10);
}

#[tokio::test]
async fn a_conflict_outside_of_the_target_is_refused_and_overwrites_nothing() {
    let (_place, database) = trades(Kind::Mariadb).await;
    let keyed = |id, code: &str, quantity| trade::ActiveModel { id: Set(id), ..coded(code, quantity) };
    trade::Entity::insert_many([keyed(1, "a", 1), keyed(2, "b", 1)]).exec(&database).await.unwrap();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .on_conflict(OnConflict::Update(vec![trade::Column::Quantity]))
        .build()
        .unwrap();
    // The third has the code of another row, which must keep its quantity.
    writer.add_many([keyed(1, "x", 5), keyed(3, "c", 1), keyed(4, "b", 9), keyed(3, "c", 7)]).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.skipped, summary.counts.rejected), (3, 0, 1));
    assert_eq!(summary.rejected[0].model.id, Set(4));
    assert_eq!(summary.rejected[0].error.kind(), ErrorKind::Constraint);
    let read = trade::Entity::find().order_by_asc(trade::Column::Id).all(&database).await.unwrap();
    let read: Vec<_> = read.iter().map(|row| (row.id, row.code.as_deref().unwrap(), row.quantity)).collect();
    assert_eq!(read, [(1, "a", 5), (2, "b", 1), (3, "c", 7)]);
}

#[tokio::test]
async fn a_batch_that_is_larger_than_a_packet_is_cut_and_a_row_that_is_larger_is_refused() {
    let (_place, database) = trades(Kind::Mariadb).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .rows(60)
        .bytes(100 << 20)
        .capacity_bytes(200 << 20)
        .build()
        .unwrap();
    let noted = |size| trade::ActiveModel { note: Set(Some("x".repeat(size))), ..trade(1) };
    writer.add_many((0..40).map(|_| noted(1 << 20))).await.unwrap();
    writer.add(noted(20 << 20)).await.unwrap();
    writer.add(noted(1)).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.rejected), (41, 1));
    assert_eq!(summary.rejected[0].error.kind(), ErrorKind::Constraint);
    let said = std::error::Error::source(&summary.rejected[0].error).unwrap().to_string();
    assert!(said.contains("max_allowed_packet"), "{said}");
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 41);
}

#[tokio::test]
async fn lost_connections_cost_no_row_and_double_none() {
    let (place, database) = trades(Kind::Mariadb).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .on_conflict(OnConflict::DoNothing)
        .build()
        .unwrap();
    let other = place.connect_with(1).await;
    let adding = tokio::spawn({
        let writer = writer.clone();
        async move {
            for id in 1..=20_000 {
                writer.add(trade::ActiveModel { id: Set(id), ..trade(1) }).await.unwrap();
            }
        }
    });
    let list = format!(
        "SELECT CAST(id AS SIGNED) AS id FROM information_schema.processlist \
         WHERE db = '{}' AND id <> connection_id()",
        place.name()
    );
    // Twenty times, not without end: a writer that never gets through gives up in the end, and rightly.
    for _ in 0..20 {
        let rows =
            other.query_all_raw(Statement::from_string(DbBackend::MySql, list.as_str())).await.unwrap();
        for row in rows {
            let id: i64 = row.try_get("", "id").unwrap();
            // It may have ended by itself.
            let _ = other.execute_unprepared(&format!("KILL {id}")).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    adding.await.unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written + counts.skipped, counts.rejected, counts.unwritten), (20_000, 0, 0));
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 20_000);
}
