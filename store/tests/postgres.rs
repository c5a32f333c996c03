//! PostgreSQL's three ways put the same into the table, for every type that a column can have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use cofferdam_store::{BatchUpdateWriter, BatchWriter, ErrorKind, OnConflict};
use common::{Kind, Place};
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

    /// One column of every type that has a binary form.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "select from")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub region: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub small: i16,
        pub plain: i32,
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
        #[sea_orm(column_type = "JsonBinary", nullable)]
        pub maybe_document: Option<Json>,
        pub uuid: Uuid,
        #[sea_orm(column_type = "Decimal(Some((20, 4)))")]
        pub price: Decimal,
        pub date: Date,
        pub time: Time,
        pub at: DateTime,
        pub at_utc: DateTimeUtc,
        pub at_zone: DateTimeWithTimeZone,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Which statement wrote a row stands in a column of its own, which the entity does not know.
const CREATE: &str = "CREATE TYPE side AS ENUM ('buy', 'sell it'); \
    CREATE TABLE \"select from\" (region VARCHAR(60), number BIGINT, small SMALLINT NOT NULL, plain INTEGER NOT NULL, \
    single REAL NOT NULL, double DOUBLE PRECISION NOT NULL, flag BOOLEAN NOT NULL, \
    bytes BYTEA NOT NULL, maybe_text TEXT, maybe_bytes BYTEA, maybe_number BIGINT, side side NOT NULL, \
    maybe_side side, document JSON NOT NULL, maybe_document JSONB, uuid UUID NOT NULL, price NUMERIC(20, 4) NOT NULL, \
    date DATE NOT NULL, time TIME NOT NULL, at TIMESTAMP NOT NULL, at_utc TIMESTAMPTZ NOT NULL, \
    at_zone TIMESTAMPTZ NOT NULL, way TEXT DEFAULT current_query(), PRIMARY KEY (region, number))";

async fn samples() -> (Place, DatabaseConnection) {
    let place = Place::new(Kind::Postgres).await;
    let database = place.connect().await;
    database.execute_unprepared(CREATE).await.unwrap();
    (place, database)
}

/// Rows with the least, the most and the oddest value of each type, as many as asked for.
fn rows(count: i64) -> Vec<sample::Model> {
    let date = Date::from_ymd_opt(2026, 11, 23).unwrap();
    let at = DateTime::new(date, Time::from_hms_micro_opt(23, 59, 59, 123_456).unwrap());
    let plain = sample::Model {
        region: "zürich 'x' \"y\" \\ \t {1,2} NULL".to_owned(),
        number: 0,
        small: 0,
        plain: 0,
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
        at_zone: at.and_utc().fixed_offset(),
    };
    (0..count)
        .map(|number| match number % 4 {
            0 => sample::Model { number, ..plain.clone() },
            1 => sample::Model {
                number: i64::MIN + number,
                small: i16::MIN,
                plain: i32::MIN,
                single: f32::MIN_POSITIVE,
                double: f64::MIN,
                price: Decimal::new(-9_999_999_999_999_999, 4),
                date: Date::from_ymd_opt(1, 1, 1).unwrap(),
                ..plain.clone()
            },
            2 => sample::Model {
                region: String::new(),
                number: i64::MAX - number,
                small: i16::MAX,
                plain: i32::MAX,
                single: f32::INFINITY,
                double: f64::NEG_INFINITY,
                flag: true,
                bytes: vec![0, 255, 0],
                maybe_text: Some(String::new()),
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
            _ => sample::Model {
                number,
                maybe_text: Some("𝄞".repeat(1_000)),
                maybe_document: Some(serde_json::json!([{"deep": [[[]]]}])),
                price: Decimal::new(1_234_567, 2),
                ..plain.clone()
            },
        })
        .collect()
}

async fn strings(database: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = database.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "text").unwrap()).collect()
}

/// All that the table holds, as text. A document of type json is compared as a document, since sea-orm's driver
/// spaces and orders it anew.
async fn raw(database: &DatabaseConnection) -> Vec<String> {
    let columns = "region number small plain single double flag bytes maybe_text maybe_bytes maybe_number \
        side maybe_side document::jsonb maybe_document uuid price date time at at_utc at_zone"
        .split_whitespace()
        .map(|column| format!("quote_nullable({column})"))
        .collect::<Vec<_>>();
    let sql = format!(
        "SELECT concat_ws(', ', {}) AS text FROM \"select from\" ORDER BY region, number",
        columns.join(", ")
    );
    strings(database, &sql).await
}

async fn ways(database: &DatabaseConnection) -> Vec<String> {
    strings(
        database,
        "SELECT DISTINCT CASE WHEN way LIKE 'COPY%' THEN 'copy' WHEN way LIKE '%UNNEST%' THEN 'unnest' \
         ELSE 'values' END AS text FROM \"select from\" ORDER BY 1",
    )
    .await
}

#[tokio::test]
async fn each_way_leaves_the_same_as_the_same_rows_one_by_one() {
    for (count, way) in [(4, "values"), (400, "unnest"), (3_500, "copy")] {
        let (_batched, batched) = samples().await;
        let writer = BatchWriter::<sample::Entity>::builder(batched.clone())
            .rows(3_500)
            .linger(std::time::Duration::from_secs(3_600))
            .bytes(64 << 20)
            .build()
            .unwrap();
        writer.add_many(rows(count)).await.unwrap();
        assert_eq!(writer.close().await.unwrap().counts.written, count as u64);
        assert_eq!(ways(&batched).await, [way]);
        let (_single, single) = samples().await;
        for row in rows(count) {
            let row = row.into_active_model().reset_all();
            sample::Entity::insert(row).exec_without_returning(&single).await.unwrap();
        }
        assert_eq!(raw(&batched).await, raw(&single).await, "{way}");
        let read = sample::Entity::find().all(&batched).await.unwrap();
        assert_eq!(read.len(), rows(count).len());
        for row in rows(count) {
            assert!(read.contains(&row), "{way} changed {row:?}");
        }
    }
}

#[tokio::test]
async fn documents_of_type_json_are_kept_as_they_were_written_by_each_way() {
    for count in [4, 400, 3_500] {
        let (_place, database) = samples().await;
        let writer =
            BatchWriter::<sample::Entity>::builder(database.clone()).rows(3_500).bytes(64 << 20).build();
        let writer = writer.unwrap();
        writer.add_many(rows(count)).await.unwrap();
        drop(writer.close().await.unwrap());
        let text = "SELECT DISTINCT document::text AS text FROM \"select from\" ORDER BY 1";
        assert_eq!(
            strings(&database, text).await,
            ["{\"a\":1.5,\"b\":[1,null,\"ü\\n\"]}", "{}"],
            "{count} rows"
        );
    }
}

#[tokio::test]
async fn each_way_of_updating_leaves_the_same_as_the_same_updates_one_by_one() {
    for count in [4, 400] {
        let (_batched, batched) = samples().await;
        let (_single, single) = samples().await;
        for database in [&batched, &single] {
            let writer = BatchWriter::<sample::Entity>::builder(database.clone()).build().unwrap();
            writer.add_many(rows(count)).await.unwrap();
            drop(writer.close().await.unwrap());
        }
        // Each row gets the values of the next.
        let changes: Vec<sample::ActiveModel> = rows(count)
            .into_iter()
            .zip(rows(count).into_iter().cycle().skip(1))
            .map(|(old, new)| {
                let mut model = new.into_active_model().reset_all();
                model.region = ActiveValue::Unchanged(old.region);
                model.number = ActiveValue::Unchanged(old.number);
                model
            })
            .collect();
        let writer = BatchUpdateWriter::<sample::Entity>::builder(batched.clone())
            .rows(400)
            .linger(std::time::Duration::from_secs(3_600))
            .build()
            .unwrap();
        writer.add_many(changes.clone()).await.unwrap();
        assert_eq!(writer.close().await.unwrap().counts.written, count as u64);
        for change in changes {
            change.update(&single).await.unwrap();
        }
        assert_eq!(raw(&batched).await, raw(&single).await, "{count} rows");
    }
}

#[tokio::test]
async fn missing_rows_are_told_by_key_in_order_by_each_way() {
    for count in [5, 400] {
        let (_place, database) = samples().await;
        let writer = BatchWriter::<sample::Entity>::builder(database.clone()).build().unwrap();
        writer.add_many(rows(count).into_iter().step_by(2)).await.unwrap();
        drop(writer.close().await.unwrap());
        let writer =
            BatchUpdateWriter::<sample::Entity>::builder(database.clone()).rows(400).build().unwrap();
        for row in rows(count) {
            let mut change = <sample::ActiveModel as ActiveModelTrait>::default();
            change.region = ActiveValue::Unchanged(row.region);
            change.number = ActiveValue::Unchanged(row.number);
            change.plain = Set(17);
            writer.add(change).await.unwrap();
        }
        let summary = writer.close().await.unwrap();
        let missing: Vec<i64> = rows(count).iter().skip(1).step_by(2).map(|row| row.number).collect();
        assert_eq!(summary.counts.written + missing.len() as u64, count as u64);
        let told: Vec<i64> = summary.rejected.iter().map(|row| row.model.number.clone().unwrap()).collect();
        assert_eq!(told, missing);
        assert!(summary.rejected.iter().all(|row| row.error.kind() == ErrorKind::Missing));
    }
}

#[tokio::test]
async fn bad_rows_cost_only_themselves_on_each_way() {
    for count in [6, 400, 3_500] {
        let (_place, database) = samples().await;
        let sql = "ALTER TABLE \"select from\" ADD CHECK (plain <> 5)";
        database.execute_unprepared(sql).await.unwrap();
        let writer = BatchWriter::<sample::Entity>::builder(database.clone()).rows(3_500).bytes(64 << 20);
        let writer = writer.build().unwrap();
        let mut rows = rows(count);
        let bad = [1, rows.len() / 2, rows.len() - 1];
        bad.iter().for_each(|place| rows[*place].plain = 5);
        writer.add_many(rows.clone()).await.unwrap();
        let summary = writer.close().await.unwrap();
        assert_eq!((summary.counts.written, summary.counts.rejected), (count as u64 - 3, 3));
        let told: Vec<i64> = summary.rejected.iter().map(|row| row.model.number.clone().unwrap()).collect();
        assert_eq!(told, bad.map(|place| rows[place].number));
        assert_eq!(sample::Entity::find().count(&database).await.unwrap(), count as u64 - 3);
    }
}

#[tokio::test]
async fn rows_that_meet_in_one_upsert_are_written_one_after_the_other() {
    let (_place, database) = samples().await;
    let writer = BatchWriter::<sample::Entity>::builder(database.clone())
        .on_conflict(OnConflict::Update(vec![sample::Column::Plain]))
        .rows(1_000)
        .build()
        .unwrap();
    let template = rows(1).remove(0);
    for round in 0..1_000 {
        let row = sample::Model { number: i64::from(round % 100), plain: round, ..template.clone() };
        writer.add(row).await.unwrap();
    }
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.skipped, counts.rejected), (1_000, 0, 0));
    let read = sample::Entity::find().order_by_asc(sample::Column::Number).all(&database).await.unwrap();
    assert_eq!(read.iter().map(|row| row.plain).collect::<Vec<_>>(), (900..1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn columns_that_copy_would_fill_otherwise_are_not_copied() {
    // An identity that is always generated refuses a given value in an INSERT, and takes it in a COPY; a column of
    // another number type would be filled with broken bytes.
    let (_place, database) = samples().await;
    database.execute_unprepared("ALTER TABLE \"select from\" ALTER plain TYPE BIGINT").await.unwrap();
    let writer = BatchWriter::<sample::Entity>::builder(database.clone()).rows(3_500).bytes(64 << 20).build();
    let writer = writer.unwrap();
    writer.add_many(rows(3_500)).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 3_500);
    assert_eq!(ways(&database).await, ["unnest"]);
}

mod odd {
    use sea_orm::entity::prelude::*;

    /// Types without a binary form here, in a schema that is not on the search path.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(schema_name = "cofferdam store elsewhere", table_name = "odd")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub numbers: Vec<i32>,
        pub texts: Vec<String>,
        pub maybe_numbers: Option<Vec<i64>>,
        #[sea_orm(column_type = "Inet")]
        pub address: IpNetwork,
        #[sea_orm(column_type = "custom(\"citext_like\")", save_as = "VARCHAR(5)")]
        pub cast: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn arrays_addresses_casts_and_foreign_schemas_are_written_and_updated() {
    let place = Place::new(Kind::Postgres).await;
    let database = place.connect().await;
    database
        .execute_unprepared(
            "DROP SCHEMA IF EXISTS \"cofferdam store elsewhere\" CASCADE; \
             CREATE SCHEMA \"cofferdam store elsewhere\"; \
             CREATE TABLE \"cofferdam store elsewhere\".odd (id INTEGER PRIMARY KEY, \
             numbers INTEGER[] NOT NULL, texts TEXT[] NOT NULL, maybe_numbers BIGINT[], address INET NOT NULL, \
             \"cast\" TEXT NOT NULL)",
        )
        .await
        .unwrap();
    let row = |id: i32| odd::Model {
        id,
        numbers: (0..id % 5).collect(),
        texts: vec!["a,b".to_owned(), "{\"}".to_owned(), String::new()],
        maybe_numbers: (id % 2 == 0).then(|| vec![i64::MIN, i64::MAX]),
        address: "10.1.2.0/24".parse().unwrap(),
        cast: "12345".to_owned(),
    };
    let writer = BatchWriter::<odd::Entity>::builder(database.clone()).rows(1_500).build().unwrap();
    writer.add_many((0..1_500).map(row)).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 1_500);
    let read = odd::Entity::find().order_by_asc(odd::Column::Id).all(&database).await.unwrap();
    assert_eq!(read, (0..1_500).map(row).collect::<Vec<_>>());

    let updates = BatchUpdateWriter::<odd::Entity>::builder(database.clone()).build().unwrap();
    for id in 0..200 {
        let mut change = <odd::ActiveModel as ActiveModelTrait>::default();
        change.id = ActiveValue::Unchanged(id);
        change.maybe_numbers = Set(None);
        change.texts = Set(vec![id.to_string()]);
        updates.add(change).await.unwrap();
    }
    assert_eq!(updates.close().await.unwrap().counts.written, 200);
    let read = odd::Entity::find().order_by_asc(odd::Column::Id).all(&database).await.unwrap();
    assert!(
        read.iter().take(200).all(|row| row.maybe_numbers.is_none() && row.texts == [row.id.to_string()])
    );
    assert_eq!(read[300], row(300));
    let sql = "DROP SCHEMA \"cofferdam store elsewhere\" CASCADE";
    database.execute_unprepared(sql).await.unwrap();
}

mod numbers {
    use sea_orm::entity::prelude::*;

    /// Number types that PostgreSQL does not have, and that go into the next larger one.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "numbers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub tiny: i8,
        pub unsigned: u32,
        pub large: u64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn numbers_that_postgresql_does_not_have_go_into_the_next_larger_type() {
    for count in [3, 100, 8_000] {
        let place = Place::new(Kind::Postgres).await;
        let database = place.connect().await;
        let create =
            "CREATE TABLE numbers (id BIGINT PRIMARY KEY, tiny SMALLINT, unsigned BIGINT, large BIGINT)";
        database.execute_unprepared(create).await.unwrap();
        let writer = BatchWriter::<numbers::Entity>::builder(database.clone()).rows(8_000).build().unwrap();
        let large = u64::try_from(i64::MAX).unwrap();
        let row = |id| numbers::Model { id, tiny: i8::MIN, unsigned: u32::MAX, large };
        writer.add_many((0..count).map(row)).await.unwrap();
        let error = writer.add(numbers::Model { large: large + 1, ..row(-1) }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRow);
        assert_eq!(writer.close().await.unwrap().counts.written, count as u64);
        let sql = "SELECT DISTINCT concat_ws(' ', tiny, unsigned, large) AS text FROM numbers";
        assert_eq!(strings(&database, sql).await, ["-128 4294967295 9223372036854775807"]);
    }
}

#[tokio::test]
async fn lost_connections_cost_no_row_and_double_none() {
    let (place, database) = common::trades(Kind::Postgres).await;
    let writer = BatchWriter::<common::trade::Entity>::builder(database.clone())
        .on_conflict(OnConflict::DoNothing)
        .build()
        .unwrap();
    let other = place.connect_with(1).await;
    let name = place.name();
    let kill = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE query LIKE 'INSERT INTO \"trade\"%' AND pid <> pg_backend_pid() \
         AND pid IN (SELECT l.pid FROM pg_locks l WHERE l.relation = '{name}.trade'::regclass)"
    );
    let adding = tokio::spawn({
        let writer = writer.clone();
        async move {
            for id in 1..=20_000 {
                writer.add(common::trade::ActiveModel { id: Set(id), ..common::trade(1) }).await.unwrap();
            }
        }
    });
    // Twenty times, not without end: a writer that never gets through gives up in the end, and rightly.
    for _ in 0..20 {
        other.execute_unprepared(&kill).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    adding.await.unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written + counts.skipped, counts.rejected, counts.unwritten), (20_000, 0, 0));
    assert_eq!(common::trade::Entity::find().count(&database).await.unwrap(), 20_000);
}
