//! Tasks as records: what is written is read again, and what was not written is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::num::NonZeroU32;
use std::time::Duration;

use cofferdam_queue::{Backoff, Error, ErrorKind, Label, NewTask, Priority, TaskId, Unique};
use proptest::option::of;
use proptest::prelude::*;

fn label() -> impl Strategy<Value = Label> {
    "[a-zäß :@/#.]{1,20}".prop_map(|text| Label::new(&text).unwrap())
}

fn id() -> impl Strategy<Value = TaskId> {
    "\\PC{1,30}".prop_map(|text| TaskId::new(&text).unwrap())
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), 0..100_000_u64, 0..u64::MAX / 2_000].prop_map(Duration::from_millis)
}

fn backoff() -> impl Strategy<Value = Backoff> {
    (span(), span()).prop_map(|(one, other)| Backoff::new(one.min(other), one.max(other)).unwrap())
}

fn unique() -> impl Strategy<Value = Unique> {
    (label(), 0..3, span(), any::<bool>()).prop_map(|(key, kind, span, replacing)| {
        let unique = match kind {
            0 => Unique::until_done(key),
            1 => Unique::until_started(key),
            _ => Unique::for_duration(key, span),
        };
        if replacing { unique.replacing() } else { unique }
    })
}

fn positive() -> impl Strategy<Value = NonZeroU32> {
    (1..=u32::MAX).prop_map(|number| NonZeroU32::new(number).unwrap())
}

prop_compose! {
    fn plain()(
        id in id(), payload in proptest::collection::vec(any::<u8>(), 0..300), rank in 0..3_usize,
        delay in span(), attempts in positive(), crashes in positive(), backoff in of(backoff()),
    ) -> NewTask {
        let task = NewTask::new(payload).id(id).priority(Priority::ALL[rank]).delay(delay);
        let task = task.max_attempts(attempts).max_crashes(crashes);
        match backoff { Some(backoff) => task.backoff(backoff), None => task }
    }
}

prop_compose! {
    fn task()(
        task in prop_oneof![9 => plain(), 1 => Just(()).prop_map(|()| NewTask::marker())],
        labels in proptest::collection::vec(of(label()), 6), deadline in of(span()), unique in of(unique()),
        after in proptest::collection::vec(id(), 0..20), tolerant in any::<bool>(),
    ) -> NewTask {
        let setters =
            [NewTask::kind, NewTask::class, NewTask::tenant, NewTask::code, NewTask::group, NewTask::limit];
        let mut task = task;
        for (set, label) in setters.into_iter().zip(labels) {
            if let Some(label) = label {
                task = set(task, label);
            }
        }
        if let Some(deadline) = deadline { task = task.deadline(deadline); }
        if let Some(unique) = unique { task = task.unique(unique); }
        if tolerant { task.after_ended(after) } else { task.after(after) }
    }
}

proptest! {
    #[test]
    fn every_task_survives_the_round_trip(task in task()) {
        let again = NewTask::from_record(&task.to_record()).unwrap();
        prop_assert_eq!(format!("{again:?}"), format!("{task:?}"));
    }

    #[test]
    fn a_changed_byte_is_never_taken_for_another_task(
        task in task(), at in any::<prop::sample::Index>(), change in 1..=255_u8,
    ) {
        let mut record = task.to_record();
        let at = at.index(record.len());
        record[at] ^= change;
        let error = NewTask::from_record(&record).unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::InvalidInput);
        prop_assert!(!error.is_transient());
    }

    #[test]
    fn a_cut_or_lengthened_record_is_refused(task in task(), cut in any::<prop::sample::Index>(), more in any::<u8>()) {
        let mut record = task.to_record();
        prop_assert!(NewTask::from_record(&record[..cut.index(record.len())]).is_err());
        record.push(more);
        prop_assert!(NewTask::from_record(&record).is_err());
    }
}

#[test]
fn a_record_is_small() {
    let task = NewTask::new([0; 256]).id(TaskId::new("0123456789").unwrap());
    let beside = task.to_record().len() - 256 - 10;
    assert!(beside <= 16, "{beside} bytes beside the id and the payload");
}

#[test]
fn errors_say_what_to_do() {
    let mut newer = NewTask::new("x").to_record();
    newer[0] = 9;
    let error = NewTask::from_record(&newer).unwrap_err();
    assert!(matches!(error, Error::NewerRecord { found: 9, supported: 1 }));
    assert!(error.to_string().ends_with("upgrade the program"), "{error}");
    for bad in [&b""[..], b"\0", b"\x01", b"not a record"] {
        let error = NewTask::from_record(bad).unwrap_err();
        assert!(error.to_string().contains("restore it") || error.to_string().contains("upgrade"), "{error}");
    }
}

/// The format must not change under those who have stored records: this one was written by the first version.
#[test]
fn the_first_version_is_read_for_ever() {
    let task = NewTask::new("payload")
        .id(TaskId::new("order-17").unwrap())
        .priority(Priority::High)
        .delay(Duration::from_millis(1500))
        .kind(Label::new("price").unwrap())
        .unique(Unique::for_duration(Label::new("k").unwrap(), Duration::from_secs(1)).replacing());
    let written = [
        1, 130, 2, 8, 111, 114, 100, 101, 114, 45, 49, 55, 0, 220, 11, 5, 3, 5, 112, 114, 105, 99, 101, 1,
        107, 1, 2, 232, 7, 7, 112, 97, 121, 108, 111, 97, 100,
    ];
    let record = task.to_record();
    assert_eq!(record[..record.len() - 4], written);
    assert_eq!(format!("{:?}", NewTask::from_record(&record).unwrap()), format!("{task:?}"));
}
