//! What is found in a folder that a crash, or worse, has left.

use std::{fs, path::PathBuf, sync::Arc};

use sea_orm::{DbBackend, Value, sea_query::ColumnType};
use tempfile::TempDir;

use super::{
    disk::{Disk, file_name},
    folder::{self, Opened},
    format::{self, Found, Front, Header, Record},
    ledger::Ledger,
    schema::{Schema, Takes},
    settings::Spool,
};
use crate::{
    Error,
    operation::Operation,
    row::{Row, Shape},
    table::{Column, Table},
};

const FIRST: u64 = (1 << 40) | 1;
const INSERTS: Takes = Takes::Only(Operation::Insert);
const UPDATES: Takes = Takes::Only(Operation::Update);

fn schema() -> Schema {
    let columns = ["id", "note"].map(|name| Column::plain(name, ColumnType::Text)).into_iter().collect();
    let table =
        Arc::new(Table { backend: DbBackend::Sqlite, name: "t", schema: None, columns, key: vec![0] });
    Schema { table, kinds: vec!["BigInteger".to_owned(), "Text".to_owned()], takes: INSERTS }
}

fn row(number: i64) -> Row {
    let mut shape = Shape::empty(Operation::Insert);
    shape.insert(0);
    shape.insert(1);
    Row::new(shape, vec![number.into(), format!("row {number}").into()])
}

/// A spool of one file with so many rows, and where each of them begins.
fn spool(rows: i64) -> (TempDir, Spool, PathBuf, Vec<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let header = Header { first: FIRST, id: 7, schema: schema().describe() };
    let note = Record::note(&Ledger::default()).numbered(0);
    let mut disk = Disk::begin(folder.path(), header.clone(), &note).unwrap();
    let mut places = vec![header.bytes().len() + note.len()];
    for (number, seq) in (0..rows).zip(FIRST..) {
        let record = Record::row(&row(number), 2).unwrap().numbered(seq);
        places.push(places.last().unwrap() + record.len());
        disk.append(&record, seq).unwrap();
    }
    disk.sync().unwrap();
    let path = folder.path().join(file_name(FIRST));
    let settings = Spool::new(folder.path());
    (folder, settings, path, places)
}

fn open(settings: &Spool) -> Result<Opened, Error> {
    folder::open(settings, &schema())
}

/// The numbers in the rows of all files.
fn numbers(opened: &Opened) -> Vec<i64> {
    let mut numbers = Vec::new();
    for file in &opened.stored {
        let bytes = fs::read(&file.path).unwrap();
        let Front::Header(_, mut rest) = format::front(&bytes) else { panic!("no header") };
        loop {
            match format::next(rest) {
                Found::Record { payload, size, .. } => {
                    if format::is_row(payload) {
                        let row = format::row(payload, &file.places).unwrap();
                        let Some(Value::BigInt(Some(number))) = row.values.first() else { panic!("{row:?}") };
                        numbers.push(*number);
                    }
                    rest = &rest[size..];
                }
                Found::End => break,
                other => panic!("{other:?}"),
            }
        }
    }
    numbers
}

#[test]
fn whole_rows_are_found_and_the_next_opening_has_new_numbers() {
    let (_folder, settings, _, places) = spool(3);
    let opened = open(&settings).unwrap();
    assert_eq!(numbers(&opened), [0, 1, 2]);
    assert_eq!((opened.id, opened.first), (7, (2 << 40) | 1));
    let [file] = opened.stored.as_slice() else { panic!("{:?}", opened.stored) };
    assert_eq!((file.first, file.last, file.bytes), (FIRST, FIRST + 2, places[3] as u64));
}

#[test]
fn a_record_that_is_cut_short_anywhere_costs_only_itself() {
    let (_folder, settings, path, places) = spool(3);
    let whole = fs::read(&path).unwrap();
    for cut in places[2] + 1..places[3] {
        fs::write(&path, &whole[..cut]).unwrap();
        let opened = open(&settings).unwrap();
        assert_eq!(numbers(&opened), [0, 1], "cut at {cut}");
        assert_eq!(opened.stored[0].last, FIRST + 1);
        assert_eq!(fs::metadata(&path).unwrap().len(), places[2] as u64, "cut at {cut}");
    }
    // What a loss of power may leave: the length, but not the bytes.
    let blank = [&whole[..places[2]], &[0; 64]].concat();
    fs::write(&path, blank).unwrap();
    assert_eq!(numbers(&open(&settings).unwrap()), [0, 1]);
}

#[test]
fn a_header_that_is_cut_short_anywhere_is_that_of_a_file_without_rows() {
    let (_folder, settings, path, places) = spool(0);
    let whole = fs::read(&path).unwrap();
    let header = places[0] - Record::note(&Ledger::default()).numbered(0).len();
    for cut in 0..header {
        fs::write(&path, &whole[..cut]).unwrap();
        let opened = open(&settings).unwrap();
        assert!(opened.stored.is_empty() && !path.exists(), "cut at {cut}");
        assert_eq!(opened.first, (2 << 40) | 1, "a number that may be in the database is used again");
    }
}

#[test]
fn any_flipped_bit_is_told_with_its_place_and_never_costs_a_row_in_silence() {
    let (_folder, settings, path, places) = spool(3);
    let whole = fs::read(&path).unwrap();
    for byte in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << bit;
            fs::write(&path, &flipped).unwrap();
            match open(&settings) {
                Err(Error::SpoolDamaged { file, offset }) => {
                    assert_eq!(file, path);
                    let start = places.iter().copied().filter(|start| *start <= byte).max();
                    if let Some(start) = start {
                        assert_eq!(offset, start as u64, "bit {bit} of byte {byte}");
                    }
                }
                Err(Error::SpoolForeign { .. }) => {
                    assert!((8..10).contains(&byte), "byte {byte} is no version")
                }
                end => panic!("bit {bit} of byte {byte}: {end:?}"),
            }
            assert_eq!(fs::read(&path).unwrap(), flipped, "a spool that is refused was changed");
        }
    }
}

#[test]
fn quarantine_keeps_all_that_is_whole_and_a_copy() {
    let (_folder, settings, path, places) = spool(4);
    let lenient = settings.clone().quarantine(true);
    let whole = fs::read(&path).unwrap();
    // In the length, in the number, and in the values.
    for byte in [places[1], places[1] + 5, places[1] + 25] {
        let mut damaged = whole.clone();
        damaged[byte] ^= 4;
        fs::write(&path, &damaged).unwrap();
        let copy = path.with_extension("spool.damaged");
        let opened = open(&lenient).unwrap();
        assert_eq!(numbers(&opened), [0, 2, 3], "byte {byte}");
        drop(opened);
        assert_eq!(fs::read(&copy).unwrap(), damaged);
        assert_eq!(numbers(&open(&settings).unwrap()), [0, 2, 3], "it was not mended");
        fs::remove_file(copy).unwrap();
    }
    // A file without a sound header is kept only as a copy.
    let mut damaged = whole;
    damaged[3] ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert!(open(&lenient).unwrap().stored.is_empty());
    assert!(!path.exists() && path.with_extension("spool.damaged").exists());
}

#[test]
fn a_file_in_the_middle_must_be_whole_and_followed_by_its_next() {
    let (folder, settings, path, places) = spool(3);
    let header = Header { first: FIRST + 3, id: 7, schema: schema().describe() };
    let second = folder.path().join(file_name(FIRST + 3));
    fs::write(&second, header.bytes()).unwrap();
    assert_eq!(numbers(&open(&settings).unwrap()), [0, 1, 2]);
    let whole = fs::read(&path).unwrap();
    // In the middle of a record, and behind one.
    for cut in [places[3] - 1, places[2]] {
        fs::write(&path, &whole[..cut]).unwrap();
        let Err(Error::SpoolDamaged { file, offset }) = open(&settings) else { panic!("cut at {cut}") };
        assert_eq!((file, offset), (path.clone(), places[2] as u64));
    }
}

#[test]
fn another_version_and_another_spool_are_refused() {
    let (folder, settings, path, _) = spool(1);
    let whole = fs::read(&path).unwrap();
    let mut newer = whole.clone();
    newer[8] = 3;
    fs::write(&path, &newer).unwrap();
    let error = open(&settings).unwrap_err();
    assert!(error.to_string().contains("is of version 3 of the format, not of 2 or earlier"), "{error}");
    fs::write(&path, whole).unwrap();
    let header = Header { first: (2 << 40) | 1, id: 8, schema: schema().describe() };
    fs::write(folder.path().join(file_name(header.first)), header.bytes()).unwrap();
    let error = open(&settings).unwrap_err();
    assert!(error.to_string().contains("belongs to another spool"), "{error}");
}

#[test]
fn columns_may_come_and_change_places_but_not_go_or_change_their_type() {
    let (_folder, settings, _, _) = spool(2);
    let with = |columns: &[(&'static str, &str)], key: usize, takes| {
        let kinds = columns.iter().map(|(_, kind)| (*kind).to_owned()).collect();
        let columns = columns.iter().map(|(name, _)| Column::plain(name, ColumnType::Text)).collect();
        let table =
            Arc::new(Table { backend: DbBackend::Sqlite, name: "t", schema: None, columns, key: vec![key] });
        folder::open(&settings, &Schema { table, kinds, takes })
    };
    let grown = with(&[("note", "Text"), ("new", "Text"), ("id", "BigInteger")], 2, INSERTS).unwrap();
    assert_eq!(grown.stored[0].places.columns, [2, 0]);
    drop(grown);
    let refused = |columns, key, takes| {
        let error = with(columns, key, takes).unwrap_err();
        assert!(matches!(error, Error::SpoolForeign { .. }));
        error.to_string()
    };
    assert!(refused(&[("id", "BigInteger")], 0, INSERTS).contains("the column note, which t does not have"));
    let retyped = refused(&[("id", "BigInteger"), ("note", "Json")], 0, INSERTS);
    assert!(retyped.contains("the column note as Text, which t has as Json now"), "{retyped}");
    let columns = [("id", "BigInteger"), ("note", "Text")];
    assert!(refused(&columns, 1, INSERTS).contains("another key than note"));
    assert!(refused(&columns, 0, UPDATES).contains("rows to insert, not to update"));
    // A writer of both takes them.
    drop(with(&columns, 0, Takes::Both).unwrap());
}
