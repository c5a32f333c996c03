//! Refused rows that outlive the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

#[cfg(target_os = "linux")]
mod apart;
mod common;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use cofferdam_store::{BatchUpdateWriter, BatchWriter, DeadLetter, DeadLetters, Error, ErrorKind, Operation};
use common::{Kind, Place, coded, sample, trade, trades};
use sea_orm::{
    ActiveValue, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait, Schema, Set,
    Statement, TryIntoModel,
    prelude::{Date, DateTime, Time, Uuid},
};

fn writer(database: &DatabaseConnection, file: &Path) -> BatchWriter<trade::Entity> {
    BatchWriter::builder(database.clone()).dead_letters(DeadLetters::json_lines(file)).build().unwrap()
}

fn letters(file: &Path) -> Vec<DeadLetter<trade::Entity>> {
    DeadLetter::read(file).unwrap().map(Result::unwrap).collect()
}

fn bad(quantity: i32) -> trade::ActiveModel {
    trade(-quantity)
}

#[tokio::test]
async fn refused_rows_are_read_back_and_added_again() {
    let (folder, database) = trades(Kind::Sqlite).await;
    let file = folder.folder.path().join("dead.jsonl");
    let before = SystemTime::now();
    let first = writer(&database, &file);
    first.add_many((1..=20).map(|row| if row % 5 == 0 { bad(row) } else { trade(row) })).await.unwrap();
    first.add_many([coded("a \"quoted\"\nline", 1), coded("a \"quoted\"\nline", 2)]).await.unwrap();
    let summary = first.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.rejected), (17, 5));
    assert!(summary.rejected.is_empty(), "the file has them");
    assert!(summary.sink_error.is_none());

    // Another writer goes on with the same file.
    let second = writer(&database, &file);
    second.add(bad(99)).await.unwrap();
    assert_eq!(second.close().await.unwrap().counts.rejected, 1);

    let letters = letters(&file);
    let quantities: Vec<_> = letters.iter().map(|letter| letter.model.quantity.clone()).collect();
    assert_eq!(quantities, [-5, -10, -15, -20, 2, -99].map(Set));
    for letter in &letters {
        assert_eq!((letter.kind.as_str(), letter.operation), ("constraint", Operation::Insert));
        assert!(letter.error.contains("refused the row") && letter.error.contains("constraint failed"));
        // The file keeps whole milliseconds.
        assert!(letter.time + Duration::from_millis(1) > before && letter.time <= SystemTime::now());
        assert_eq!((&letter.model.id, &letter.model.note), (&ActiveValue::NotSet, &ActiveValue::NotSet));
    }
    assert_eq!(letters[4].model.code, Set(Some("a \"quoted\"\nline".to_owned())));

    let again = BatchWriter::<trade::Entity>::builder(database.clone()).build().unwrap();
    again
        .add_many(letters.into_iter().map(|letter| trade::ActiveModel {
            code: ActiveValue::NotSet,
            quantity: Set(7),
            ..letter.model
        }))
        .await
        .unwrap();
    assert_eq!(again.close().await.unwrap().counts.written, 6);
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 23);
}

#[tokio::test]
async fn a_line_says_everything_about_its_row() {
    let (folder, database) = trades(Kind::Sqlite).await;
    let file = folder.folder.path().join("dead.jsonl");
    let writer = BatchUpdateWriter::<trade::Entity>::builder(database)
        .dead_letters(DeadLetters::json_lines(&file))
        .build()
        .unwrap();
    let change = trade::ActiveModel { id: Set(5), note: Set(None), ..trade(3) };
    writer.add(change.clone()).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.rejected, 1);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.ends_with('\n'));
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&line["table"], &line["operation"], &line["kind"]),
        (&"trade".into(), &"update".into(), &"missing".into())
    );
    assert_eq!(line["key"], serde_json::json!({"id": {"type": "BigInt", "value": 5}}));
    assert_eq!(
        line["row"],
        serde_json::json!({
            "id": {"type": "BigInt", "value": 5},
            "quantity": {"type": "Int", "value": 3},
            "note": {"type": "String"},
        })
    );
    let letter = DeadLetter::<trade::Entity>::from_json(&text).unwrap();
    assert_eq!(letter.operation, Operation::Update);
    assert_eq!(letter.model, change);
}

#[tokio::test]
async fn every_type_keeps_its_value() {
    let folder = Place::new(Kind::Sqlite).await;
    let database = folder.connect().await;
    let create = Schema::new(DbBackend::Sqlite).create_table_from_entity(sample::Entity);
    database.execute(&create).await.unwrap();
    let date = Date::from_ymd_opt(2026, 11, 23).unwrap();
    let at = DateTime::new(date, Time::from_hms_micro_opt(23, 59, 59, 123_456).unwrap());
    let row = sample::Model {
        region: "zürich".to_owned(),
        number: i64::MIN,
        tiny: i8::MIN,
        small: i16::MAX,
        plain: i32::MIN,
        unsigned: u32::MAX,
        single: f32::MIN_POSITIVE,
        double: f64::NEG_INFINITY,
        flag: true,
        letter: "日本\u{1F980}".to_owned(),
        bytes: (0..=255).collect(),
        maybe_text: Some("\0\n".to_owned()),
        maybe_bytes: Some(Vec::new()),
        maybe_number: None,
        side: sample::Side::Sell,
        grade: Some(sample::Grade::High),
        document: serde_json::json!({"a": [1, 2.5, null, "x"]}),
        maybe_document: None,
        uuid: Uuid::from_u128(7),
        date,
        time: at.time(),
        at,
        at_utc: at.and_utc(),
        at_zone: "2026-11-23T01:02:03.000004+02:00".parse().unwrap(),
        cast: "1".to_owned(),
    };
    let file = folder.folder.path().join("dead.jsonl");
    let writer = BatchWriter::<sample::Entity>::builder(database)
        .dead_letters(DeadLetters::json_lines(&file))
        .build()
        .unwrap();
    // The second has the first one's key.
    writer.add_many([row.clone(), row.clone()]).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.rejected, 1);
    let mut letters = DeadLetter::<sample::Entity>::read(&file).unwrap();
    let model = letters.next().unwrap().unwrap().model;
    assert_eq!(TryIntoModel::<sample::Model>::try_into_model(model).unwrap(), row);
    assert!(letters.next().is_none());
}

#[tokio::test]
async fn a_callback_is_told_as_well() {
    let (folder, database) = trades(Kind::Sqlite).await;
    let file = folder.folder.path().join("dead.jsonl");
    let told = Arc::new(AtomicUsize::new(0));
    let writer = BatchWriter::<trade::Entity>::builder(database)
        .dead_letters(DeadLetters::json_lines(&file))
        .on_rejected({
            let told = Arc::clone(&told);
            move |_| {
                told.fetch_add(1, Ordering::SeqCst);
            }
        })
        .build()
        .unwrap();
    writer.add_many((1..=3).map(bad)).await.unwrap();
    drop(writer.close().await.unwrap());
    assert_eq!((told.load(Ordering::SeqCst), letters(&file).len()), (3, 3));
}

#[tokio::test]
async fn a_sink_keeps_the_backlog_empty() {
    let (folder, database) = trades(Kind::Sqlite).await;
    let file = folder.folder.path().join("dead.jsonl");
    let writer = BatchWriter::<trade::Entity>::builder(database)
        .dead_letters(DeadLetters::json_lines(&file))
        .max_rejected(5)
        .build()
        .unwrap();
    writer.add_many((1..=500).map(bad)).await.unwrap();
    assert_eq!(writer.close().await.unwrap().counts.rejected, 500);
    assert_eq!(letters(&file).len(), 500);
}

#[tokio::test]
async fn two_writers_cannot_share_a_file_and_a_bad_path_is_told_at_once() {
    let (folder, database) = trades(Kind::Sqlite).await;
    let file = folder.folder.path().join("dead.jsonl");
    let build = |path: &Path| {
        BatchWriter::<trade::Entity>::builder(database.clone())
            .dead_letters(DeadLetters::json_lines(path))
            .build()
    };
    let first = build(&file).unwrap();
    let error = build(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadLetters);
    assert!(error.to_string().contains("dead.jsonl"), "{error}");
    drop(first.close().await.unwrap());
    build(&file).unwrap();
    assert_eq!(
        build(&folder.folder.path().join("no/such.jsonl")).unwrap_err().kind(),
        ErrorKind::DeadLetters
    );
    assert_eq!(build(folder.folder.path()).unwrap_err().kind(), ErrorKind::DeadLetters);
}

#[tokio::test]
async fn a_line_that_was_cut_short_costs_only_itself() {
    let (folder, database) = trades(Kind::Sqlite).await;
    let file = folder.folder.path().join("dead.jsonl");
    let first = writer(&database, &file);
    first.add_many([bad(1), bad(2)]).await.unwrap();
    drop(first.close().await.unwrap());
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    let second = writer(&database, &file);
    second.add(bad(3)).await.unwrap();
    drop(second.close().await.unwrap());
    let read: Vec<_> = DeadLetter::<trade::Entity>::read(&file).unwrap().collect();
    assert_eq!(read.len(), 3);
    assert_eq!(read[0].as_ref().unwrap().model.quantity, Set(-1));
    assert_eq!(read[2].as_ref().unwrap().model.quantity, Set(-3));
    let Err(Error::Letter { place, .. }) = &read[1] else { panic!("{:?}", read[1]) };
    assert!(place.contains("line 2 of"), "{place}");
}

#[test]
fn what_is_no_letter_of_the_entity_is_refused() {
    let refused = |text: &str| {
        let error = DeadLetter::<trade::Entity>::from_json(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Letter);
        error.to_string()
    };
    let letter = |table: &str, row: &str| {
        format!(
            r#"{{"table":"{table}","time":"2026-11-28T00:00:00.000Z","operation":"insert","kind":"constraint","error":"x","key":null,"row":{row}}}"#
        )
    };
    DeadLetter::<trade::Entity>::from_json(&letter("trade", "{}")).unwrap();
    assert!(refused("").contains("EOF"));
    assert!(refused("[]").contains("invalid type"));
    assert!(refused("{}").contains("no table"));
    assert!(refused(&letter("child", "{}")).contains("of table child, not trade"));
    assert!(refused(&letter("trade", "3")).contains("no row"));
    assert!(refused(&letter("trade", r#"{"id": 3}"#)).contains("column id"));
    assert!(refused(&letter("trade", r#"{"gone": {"type": "Int", "value": 1}}"#)).contains("a column gone"));
    let retyped = letter("trade", r#"{"quantity": {"type": "String", "value": "x"}}"#);
    assert!(refused(&retyped).contains("column quantity has another type now"));
}

async fn table_of_dead_rows(database: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT letter FROM dead_rows WHERE table_name = 'trade' AND kind = 'constraint' \
               AND LOWER(error) LIKE '%constraint%' AND time LIKE '20__-__-__T__:__:__.___Z' ORDER BY id";
    let rows =
        database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "letter").unwrap()).collect()
}

async fn a_table_takes_the_rows(kind: Kind) {
    let (_folder, database) = trades(kind).await;
    database.execute_unprepared(&DeadLetters::create_table("dead_rows", kind.backend())).await.unwrap();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .dead_letters(DeadLetters::table("dead_rows"))
        .rows(2_000)
        .build()
        .unwrap();
    // More than one statement holds.
    writer.add_many((1..=1_200).map(bad)).await.unwrap();
    writer.add(trade(1)).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.rejected, summary.rejected.len()), (1, 1_200, 0));
    let letters = table_of_dead_rows(&database).await;
    assert_eq!(letters.len(), 1_200);
    for (letter, quantity) in letters.iter().zip(1..) {
        assert_eq!(DeadLetter::<trade::Entity>::from_json(letter).unwrap().model, bad(quantity));
    }
}

async fn a_table_takes_any_text_of_any_length(kind: Kind) {
    let (_folder, database) = trades(kind).await;
    database.execute_unprepared(&DeadLetters::create_table("dead_rows", kind.backend())).await.unwrap();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .dead_letters(DeadLetters::table("dead_rows"))
        .build()
        .unwrap();
    let long = trade::ActiveModel { note: Set(Some("\u{1F980}日本\n\"'\\".repeat(20_000))), ..bad(1) };
    writer.add(long.clone()).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert!(summary.sink_error.is_none(), "{:?}", summary.sink_error);
    let letters = table_of_dead_rows(&database).await;
    assert_eq!(DeadLetter::<trade::Entity>::from_json(&letters[0]).unwrap().model, long);
}

async fn a_table_that_is_locked_for_a_while_is_waited_for(kind: Kind) {
    let (place, database) = trades(kind).await;
    database.execute_unprepared(&DeadLetters::create_table("dead_rows", kind.backend())).await.unwrap();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .dead_letters(DeadLetters::table("dead_rows"))
        .build()
        .unwrap();
    let held = place.hold_table("dead_rows").await;
    writer.add(bad(1)).await.unwrap();
    // Longer than any of the databases waits by itself.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    held.release().await;
    let summary = writer.close().await.unwrap();
    assert!(summary.sink_error.is_none(), "{:?}", summary.sink_error);
    assert_eq!(table_of_dead_rows(&database).await.len(), 1);
}

async fn a_table_that_is_not_there_costs_no_row(kind: Kind) {
    let (_folder, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .dead_letters(DeadLetters::table("dead_rows"))
        .build()
        .unwrap();
    writer.add_many([trade(1), bad(1)]).await.unwrap();
    let summary = writer.flush().await.unwrap();
    assert_eq!(summary.rejected.len(), 1);
    assert_eq!(summary.rejected[0].model.quantity, Set(-1));
    let error = summary.sink_error.unwrap();
    assert_eq!(error.kind(), ErrorKind::DeadLetters);
    assert!(error.to_string().contains("dead_rows"), "{error}");
    let said = std::error::Error::source(&error).unwrap().to_string();
    let expected = ["no such table", "does not exist", "doesn't exist"];
    assert!(expected.iter().any(|expected| said.contains(expected)), "{said}");

    // The writer goes on, and so does the sink once its table is there.
    database.execute_unprepared(&DeadLetters::create_table("dead_rows", kind.backend())).await.unwrap();
    writer.add_many([trade(2), bad(2)]).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert!(summary.rejected.is_empty() && summary.sink_error.is_none());
    assert_eq!((summary.counts.written, summary.counts.rejected), (2, 2));
    assert_eq!(table_of_dead_rows(&database).await.len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_hands_the_rows_back_and_cuts_no_line() {
    apart::apart("full_disk");
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "it is a part of the test before it, which runs it where it may mount"]
async fn full_disk() {
    let Some(disk) = apart::small_disk(256) else { return };
    let (_folder, database) = trades(Kind::Sqlite).await;
    let file = disk.join("dead.jsonl");
    let writer = writer(&database, &file);
    writer.add(bad(1)).await.unwrap();
    assert!(writer.flush().await.unwrap().rejected.is_empty());
    let before = std::fs::read(&file).unwrap();

    let ballast = apart::fill(&disk);
    let heavy = |quantity| trade::ActiveModel { note: Set(Some("x".repeat(5_000))), ..bad(quantity) };
    writer.add_many([heavy(2), trade(1), heavy(3)]).await.unwrap();
    let summary = writer.flush().await.unwrap();
    assert_eq!(summary.counts.written, 1);
    let quantities: Vec<_> = summary.rejected.iter().map(|row| row.model.quantity.clone()).collect();
    assert_eq!(quantities, [-2, -3].map(Set));
    let error = summary.sink_error.unwrap();
    assert_eq!(error.kind(), ErrorKind::DeadLetters);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("No space left"), "{error:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before);

    std::fs::remove_file(ballast).unwrap();
    writer.add(heavy(4)).await.unwrap();
    let summary = writer.close().await.unwrap();
    assert!(summary.rejected.is_empty() && summary.sink_error.is_none());
    let quantities: Vec<_> = letters(&file).into_iter().map(|letter| letter.model.quantity).collect();
    assert_eq!(quantities, [-1, -4].map(Set));
}

everywhere! {
    a_table_takes_the_rows
    a_table_takes_any_text_of_any_length
    a_table_that_is_locked_for_a_while_is_waited_for
    a_table_that_is_not_there_costs_no_row
}
