//! Every type that a column can have goes through the writer as it goes through sea-orm row by row.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use cofferdam_store::{BatchUpdateWriter, BatchWriter, ErrorKind};
use common::{Kind, Place, sample, trade, trades};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseConnection, EntityTrait, IntoActiveModel, Schema,
    Set,
    prelude::{Date, DateTime, Time, Uuid},
};

async fn samples() -> (Place, DatabaseConnection) {
    let file = Place::new(Kind::Sqlite).await;
    let database = file.connect().await;
    let backend = database.get_database_backend();
    let create = Schema::new(backend).create_table_from_entity(sample::Entity);
    database.execute(&create).await.unwrap();
    (file, database)
}

/// Rows with the least, the most and the oddest value of each type.
fn rows() -> Vec<sample::Model> {
    let date = Date::from_ymd_opt(2026, 11, 23).unwrap();
    let at = DateTime::new(date, Time::from_hms_micro_opt(23, 59, 59, 123_456).unwrap());
    let plain = sample::Model {
        region: "zürich 'x' \"y\"".to_owned(),
        number: 1,
        tiny: 0,
        small: 0,
        plain: 0,
        unsigned: 0,
        single: 0.0,
        double: 0.0,
        flag: false,
        letter: String::new(),
        bytes: Vec::new(),
        maybe_text: None,
        maybe_bytes: None,
        maybe_number: None,
        side: sample::Side::Buy,
        grade: None,
        document: serde_json::json!({}),
        maybe_document: None,
        uuid: Uuid::nil(),
        date,
        time: Time::MIN,
        at,
        at_utc: at.and_utc(),
        at_zone: at.and_utc().fixed_offset(),
        cast: "1".to_owned(),
    };
    vec![
        plain.clone(),
        sample::Model {
            number: i64::MIN,
            tiny: i8::MIN,
            small: i16::MIN,
            plain: i32::MIN,
            single: f32::MIN_POSITIVE,
            double: f64::MIN,
            ..plain.clone()
        },
        sample::Model {
            region: String::new(),
            number: i64::MAX,
            tiny: i8::MAX,
            small: i16::MAX,
            plain: i32::MAX,
            unsigned: u32::MAX,
            single: f32::MAX,
            double: f64::INFINITY,
            flag: true,
            letter: "日本\u{1F980}".to_owned(),
            bytes: (0..=255).collect(),
            maybe_text: Some("a\nb\t?".to_owned()),
            maybe_bytes: Some(vec![0]),
            maybe_number: Some(-1),
            side: sample::Side::Sell,
            grade: Some(sample::Grade::High),
            document: serde_json::json!({"a": [1, 2.5, null, "x"], "b": {"c": true}}),
            maybe_document: Some(serde_json::json!([])),
            uuid: Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0),
            time: Time::from_hms_micro_opt(12, 34, 56, 789).unwrap(),
            at_zone: "2026-11-23T01:02:03.000004+02:00".parse().unwrap(),
            cast: "two".to_owned(),
            ..plain
        },
    ]
}

/// What the table holds, as text, with SQLite's own idea of each value's type.
async fn raw(database: &DatabaseConnection) -> Vec<String> {
    let columns: Vec<String> = "region number tiny small plain unsigned single double flag letter bytes \
        maybe_text maybe_bytes maybe_number side grade document maybe_document uuid date time at at_utc at_zone cast"
        .split_whitespace()
        .map(|column| format!("typeof(\"{column}\") || ' ' || quote(\"{column}\")"))
        .collect();
    let sql = format!(
        "SELECT {} AS raw FROM \"select from\" ORDER BY region, number",
        columns.join(" || ', ' || ")
    );
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, sql);
    let rows = database.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "raw").unwrap()).collect()
}

#[tokio::test]
async fn a_batch_leaves_the_same_bytes_as_the_same_rows_one_by_one() {
    let (_one, one_by_one) = samples().await;
    for row in rows() {
        row.into_active_model().reset_all().insert(&one_by_one).await.unwrap();
    }
    let (_two, batched) = samples().await;
    let writer = BatchWriter::<sample::Entity>::builder(batched.clone()).build().unwrap();
    // A model goes in as it is: what is unchanged is inserted too, as sea-orm does.
    writer.add_many(rows()).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 3);
    assert_eq!(raw(&batched).await, raw(&one_by_one).await);
    let mut read = sample::Entity::find().all(&batched).await.unwrap();
    read.sort_by_key(|row| rows().iter().position(|other| other.number == row.number));
    assert_eq!(read, rows());
}

#[tokio::test]
async fn a_batch_of_updates_leaves_the_same_bytes_as_the_same_updates_one_by_one() {
    let (_one, one_by_one) = samples().await;
    let (_two, batched) = samples().await;
    let keyed =
        |model: sample::Model, (region, number): (String, i64)| sample::Model { region, number, ..model };
    for database in [&one_by_one, &batched] {
        let models = rows().into_iter().map(IntoActiveModel::into_active_model);
        sample::Entity::insert_many(models).exec_without_returning(database).await.unwrap();
    }
    // Each row gets the values of the next.
    let rotated: Vec<sample::ActiveModel> = rows()
        .into_iter()
        .zip(rows().into_iter().cycle().skip(1))
        .map(|(old, new)| {
            let key = (old.region, old.number);
            let mut model = keyed(new, key.clone()).into_active_model().reset_all();
            model.region = ActiveValue::Unchanged(key.0);
            model.number = ActiveValue::Unchanged(key.1);
            model
        })
        .collect();
    for model in rotated.clone() {
        model.update(&one_by_one).await.unwrap();
    }
    let writer = BatchUpdateWriter::<sample::Entity>::builder(batched.clone()).build().unwrap();
    writer.add_many(rotated).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 3);
    assert_eq!(raw(&batched).await, raw(&one_by_one).await);
}

#[tokio::test]
async fn columns_that_are_not_set_take_their_defaults_and_shapes_may_mix() {
    let (_file, database) = trades(Kind::Sqlite).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).rows(1_000).build().unwrap();
    for row in 0..400 {
        let model = match row % 4 {
            0 => trade(row),
            1 => trade::ActiveModel { state: Set("shut".to_owned()), ..trade(row) },
            2 => trade::ActiveModel { note: Set(None), ..trade(row) },
            _ => trade::ActiveModel {
                note: Set(Some("n".to_owned())),
                id: Set(i64::from(row) + 1),
                ..trade(row)
            },
        };
        writer.add(model).await.unwrap();
    }
    assert_eq!(writer.close().await.unwrap().counts.written, 400);
    let rows = trade::Entity::find().all(&database).await.unwrap();
    for (row, read) in (0..400).zip(rows) {
        // The generated keys follow the order of adding.
        assert_eq!((read.id, read.quantity), (i64::from(row) + 1, row));
        assert_eq!(read.state, if row % 4 == 1 { "shut" } else { "open" });
        assert_eq!(read.note.as_deref(), if row % 4 == 3 { Some("n") } else { None });
    }
}

mod counter {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "counter")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub at: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

async fn a_row_that_sets_nothing_is_a_row_of_defaults(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let id = match kind {
        Kind::Sqlite => "INTEGER PRIMARY KEY",
        Kind::Postgres => "BIGSERIAL PRIMARY KEY",
        Kind::Mariadb => "BIGINT AUTO_INCREMENT PRIMARY KEY",
    };
    let create = format!("CREATE TABLE counter (id {id}, at VARCHAR(10) DEFAULT 'now')");
    database.execute_unprepared(&create).await.unwrap();
    let writer = BatchWriter::<counter::Entity>::builder(database.clone()).build().unwrap();
    writer.add_many((0..3).map(|_| <counter::ActiveModel as ActiveModelTrait>::default())).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 3);
    let rows = counter::Entity::find().all(&database).await.unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.at.as_deref() == Some("now")));
}

mod large {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "large")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub number: u64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn a_number_that_sqlite_cannot_hold_is_refused_by_add() {
    let (_file, database) = trades(Kind::Sqlite).await;
    database.execute_unprepared("CREATE TABLE large (id INTEGER PRIMARY KEY, number INTEGER)").await.unwrap();
    let writer = BatchWriter::<large::Entity>::builder(database).build().unwrap();
    let most = u64::try_from(i64::MAX).unwrap();
    writer.add(large::Model { id: 1, number: most }).await.unwrap();
    let error = writer.add(large::Model { id: 2, number: most + 1 }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    assert!(error.to_string().contains("number"), "{error}");
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.accepted, counts.written), (1, 1));
}

async fn a_wide_table_is_written_whole(kind: Kind) {
    use wide::{ActiveModel, Column, Entity};
    let (_file, database) = trades(kind).await;
    let names: Vec<String> = (0..200).map(|column| format!("c{column} BIGINT")).collect();
    let sql = format!("CREATE TABLE wide (id BIGINT PRIMARY KEY, {})", names.join(", "));
    database.execute_unprepared(&sql).await.unwrap();
    let writer = BatchWriter::<Entity>::builder(database.clone()).rows(700).build().unwrap();
    for id in 0..700 {
        let mut row = <ActiveModel as ActiveModelTrait>::default();
        row.id = Set(id);
        for column in <Column as sea_orm::Iterable>::iter().skip(1) {
            row.set(column, id.into());
        }
        writer.add(row).await.unwrap();
    }
    assert_eq!(writer.close().await.unwrap().counts.written, 700);
    let rows = Entity::find().all(&database).await.unwrap();
    assert_eq!(rows.len(), 700);
    assert!(rows.iter().all(|row| [row.c0, row.c99, row.c199] == [Some(row.id); 3]));
}

/// An entity of 201 columns.
mod wide {
    use sea_orm::entity::prelude::*;

    macro_rules! entity {
        ($($field:ident)*) => {
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = "wide")]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: i64,
                $(pub $field: Option<i64>,)*
            }
        };
    }

    entity! {
        c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12 c13 c14 c15 c16 c17 c18 c19
        c20 c21 c22 c23 c24 c25 c26 c27 c28 c29 c30 c31 c32 c33 c34 c35 c36 c37 c38 c39
        c40 c41 c42 c43 c44 c45 c46 c47 c48 c49 c50 c51 c52 c53 c54 c55 c56 c57 c58 c59
        c60 c61 c62 c63 c64 c65 c66 c67 c68 c69 c70 c71 c72 c73 c74 c75 c76 c77 c78 c79
        c80 c81 c82 c83 c84 c85 c86 c87 c88 c89 c90 c91 c92 c93 c94 c95 c96 c97 c98 c99
        c100 c101 c102 c103 c104 c105 c106 c107 c108 c109 c110 c111 c112 c113 c114 c115 c116 c117 c118 c119
        c120 c121 c122 c123 c124 c125 c126 c127 c128 c129 c130 c131 c132 c133 c134 c135 c136 c137 c138 c139
        c140 c141 c142 c143 c144 c145 c146 c147 c148 c149 c150 c151 c152 c153 c154 c155 c156 c157 c158 c159
        c160 c161 c162 c163 c164 c165 c166 c167 c168 c169 c170 c171 c172 c173 c174 c175 c176 c177 c178 c179
        c180 c181 c182 c183 c184 c185 c186 c187 c188 c189 c190 c191 c192 c193 c194 c195 c196 c197 c198 c199
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

everywhere! {
    a_row_that_sets_nothing_is_a_row_of_defaults
    a_wide_table_is_written_whole
}
