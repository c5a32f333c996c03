//! Files that are not what they should be.

use std::path::Path;

use cofferdam::{Cofferdam, Error};
use sea_orm::{ConnectionTrait, Database};

use super::{SANDBOX, closes, open};

async fn refused(folder: &Path) -> Error {
    Cofferdam::embedded(folder).sandbox(SANDBOX.clone()).open().await.map(|_| ()).unwrap_err()
}

/// The whole chain of an error.
fn text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_foreign_database_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cofferdam.sqlite3");
    let other = Database::connect(format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    other.execute_unprepared("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)").await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = refused(folder.path()).await;
    assert!(matches!(error, Error::ForeignDatabase { .. }), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_or_half_of_one_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cofferdam.sqlite3");
    std::fs::write(&file, "date,close\n2020-01-01,1\n".repeat(400)).unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = refused(folder.path()).await;
    assert!(text(&error).contains("not an SQLite database"), "{}", text(&error));
    assert_eq!(std::fs::read(&file).unwrap(), before);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cofferdam.sqlite3");
    let cofferdam = open(folder.path()).await;
    let program = cofferdam.check("result = 1").unwrap();
    cofferdam
        .submit(&cofferdam::Job::new(program, closes(vec![1.0; 20_000])).call([("x", 1.into())]))
        .await
        .unwrap();
    drop(cofferdam);
    // The file is closed in the background; its log is then folded into it.
    for _ in 0..500 {
        if !folder.path().join("cofferdam.sqlite3-wal").exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let error = refused(folder.path()).await;
    assert!(text(&error).contains("cofferdam.sqlite3"), "{}", text(&error));
    assert_eq!(std::fs::read(&file).unwrap(), &whole[..whole.len() / 2]);
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cofferdam.sqlite3");
    drop(open(folder.path()).await);
    let database = Database::connect(format!("sqlite://{}", file.display())).await.unwrap();
    database.execute_unprepared("UPDATE cofferdam_version SET version = 99").await.unwrap();
    database.close().await.unwrap();
    assert!(matches!(refused(folder.path()).await, Error::NewerDatabase { found: 99, known: 1 }));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refused(&file.join("below")).await;
    assert!(matches!(error, Error::Folder { .. }), "{error}");
    assert!(error.to_string().contains("file/below"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_was_changed_in_the_database_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let cofferdam = open(folder.path()).await;
    let program = cofferdam.check("result = 1").unwrap();
    let job = cofferdam::Job::new(program, closes(vec![1.0])).call([("x", 1.into())]);
    let id = cofferdam.submit(&job).await.unwrap();
    let database =
        Database::connect(format!("sqlite://{}", cofferdam.database_path().display())).await.unwrap();
    database.execute_unprepared("UPDATE cofferdam_programs SET source = 'result = 2'").await.unwrap();
    database.close().await.unwrap();
    let worker = super::work(&cofferdam);
    let error = cofferdam.outcome(&id).await.unwrap_err();
    assert!(
        matches!(&error, Error::JobDied { reason, .. } if reason.contains("its text was changed")),
        "{error}"
    );
    worker.abort();
}
