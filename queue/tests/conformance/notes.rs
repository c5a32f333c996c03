//! What a run leaves behind while it goes on: a checkpoint for the next run, progress for those who watch.

use std::time::Duration;

use cofferdam_queue::{Error, MAX_BATCH, MAX_NOTE_BYTES, Note, ReapScope, Topic};

use super::*;

async fn note(queue: &Queue, worker: &WorkerId, note: Note) -> bool {
    queue.note(worker, vec![note]).await.unwrap().is_empty()
}

async fn progress_of(queue: &Queue, name: &str) -> Option<Vec<u8>> {
    match queue.state(&id(name)).await.unwrap() {
        Some(TaskState::Leased { progress, .. }) => progress,
        other => panic!("{name} does not run but is {other:?}"),
    }
}

pub(crate) async fn a_checkpoint_is_handed_to_the_next_run(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a").max_crashes(times(9))).await.unwrap();
    assert_eq!(claim_one(&queue, &me).await.checkpoint, None);
    let mut written = None;
    // However a run ends that is not the last, the next one finds what it left.
    for round in 0_u8..5 {
        setup.clock.advance(LEASE);
        queue.reap(ReapScope::Expired).await.unwrap();
        let delivery = claim_one(&queue, &me).await;
        assert_eq!(delivery.checkpoint, written, "in round {round}");
        let lease = delivery.lease;
        let checkpoint = vec![round; 1000];
        assert!(note(&queue, &me, Note::new(lease.clone()).checkpoint(checkpoint.clone())).await);
        written = Some(checkpoint);
        let ending = match round {
            0 => failed(&lease, Duration::ZERO),
            1 => crashed(&lease),
            2 => handed_back(&lease),
            _ => continue,
        };
        settle_one(&queue, &me, ending).await;
    }
}

pub(crate) async fn a_note_changes_only_what_it_names(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a")).await.unwrap();
    let lease = claim_one(&queue, &me).await.lease;
    let blank = || Note::new(lease.clone());
    let notes = vec![
        blank().checkpoint(b"first".to_vec()).progress(b"10 %".to_vec()),
        blank().checkpoint(Vec::new()),
        blank(),
        blank().progress(b"20 %".to_vec()),
    ];
    assert!(queue.note(&me, notes).await.unwrap().is_empty());
    assert_eq!(progress_of(&queue, "a").await.unwrap(), b"20 %");
    settle_one(&queue, &me, handed_back(&lease)).await;
    // An empty checkpoint is one.
    assert_eq!(claim_one(&queue, &me).await.checkpoint, Some(Vec::new()));
}

pub(crate) async fn progress_is_shown_as_long_as_its_run_lasts(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let every_byte: Vec<u8> = (0..=255).collect();
    queue.submit(task("a")).await.unwrap();
    let lease = claim_one(&queue, &me).await.lease;
    assert_eq!(progress_of(&queue, "a").await, None);
    assert!(note(&queue, &me, Note::new(lease.clone()).progress(every_byte.clone())).await);
    assert!(queue.renew(&me, vec![lease.clone()], LEASE).await.unwrap().is_empty());
    assert_eq!(progress_of(&queue, "a").await, Some(every_byte));
    settle_one(&queue, &me, handed_back(&lease)).await;
    assert!(matches!(queue.state(&id("a")).await.unwrap(), Some(TaskState::Waiting { .. })));
    claim_one(&queue, &me).await;
    assert_eq!(progress_of(&queue, "a").await, None);
}

pub(crate) async fn progress_wakes_those_who_watch_until_the_end(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a")).await.unwrap();
    let lease = claim_one(&queue, &me).await.lease;
    let mut listener = queue.listen(&Topic::Task(id("a")));
    for step in 0..3 {
        assert!(note(&queue, &me, Note::new(lease.clone()).progress(vec![step])).await);
        assert!(is_heard(&mut listener).await, "step {step} was not heard of");
    }
    settle_one(&queue, &me, done(&lease, b"")).await;
    assert!(is_heard(&mut listener).await);
}

pub(crate) async fn notes_on_a_lost_lease_are_refused_by_name(setup: Setup) {
    let queue = setup.queue();
    let (me, other) = (worker("w"), worker("other"));
    queue.submit(task("lost")).await.unwrap();
    let lost = claim_one(&queue, &me).await.lease;
    setup.clock.advance(LEASE);
    queue.reap(ReapScope::Expired).await.unwrap();
    let taken = claim_one(&queue, &other).await.lease;
    queue.submit(task("kept")).await.unwrap();
    let kept = claim_one(&queue, &me).await.lease;

    let on = |lease: &Lease| Note::new(lease.clone()).checkpoint(b"!".to_vec()).progress(b"!".to_vec());
    let notes = vec![on(&lost), on(&kept), on(&taken)];
    assert_eq!(queue.note(&me, notes).await.unwrap(), [id("lost"), id("lost")]);
    assert_eq!(progress_of(&queue, "lost").await, None);
    assert_eq!(progress_of(&queue, "kept").await.unwrap(), b"!");
    settle_one(&queue, &other, handed_back(&taken)).await;
    let again = claim_one(&queue, &me).await;
    assert_eq!((again.lease.task, again.checkpoint), (id("lost"), None));
    // A task that ended, was cancelled or is unknown has no lease either.
    settle_one(&queue, &me, done(&kept, b"")).await;
    assert_eq!(queue.note(&me, vec![on(&kept)]).await.unwrap(), [id("kept")]);
    assert_eq!(result_of(&queue, "kept").await.unwrap(), b"");
    let unknown = Lease { task: id("nobody"), ..kept };
    assert_eq!(queue.note(&me, vec![on(&unknown)]).await.unwrap(), [id("nobody")]);
}

pub(crate) async fn a_checkpoint_lives_as_long_as_a_run_may_come(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let run = async |ending: fn(&Lease) -> Settlement| {
        queue.submit(task("a").max_attempts(times(1))).await.unwrap();
        let delivery = claim_one(&queue, &me).await;
        note(&queue, &me, Note::new(delivery.lease.clone()).checkpoint(b"half".to_vec())).await;
        settle_one(&queue, &me, ending(&delivery.lease)).await;
        delivery.checkpoint
    };
    let fail = |lease: &Lease| failed(lease, Duration::ZERO);
    assert_eq!(run(fail).await, None);
    // Dead, it may be replayed.
    assert_eq!(queue.replay(vec![id("a")]).await.unwrap(), [true]);
    assert_eq!(run(fail).await.unwrap(), b"half");
    // A new task of the same id inherits nothing, whether the old one was deleted dead or done.
    queue.purge(cofferdam_queue::Section::Dead).await.unwrap();
    assert_eq!(run(|lease| done(lease, b"")).await, None);
    assert_eq!(queue.forget(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(run(fail).await, None);
}

pub(crate) async fn notes_are_bounded(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.submit(task("a")).await.unwrap();
    let lease = claim_one(&queue, &me).await.lease;
    let blank = || Note::new(lease.clone());
    let many = (0..=MAX_BATCH).map(|_| blank()).collect();
    let error = queue.note(&me, many).await.unwrap_err();
    assert!(matches!(error, Error::BatchTooLarge { count: 501, .. }), "{error}");
    let large = vec![7; MAX_NOTE_BYTES + 1];
    for (what, note) in [
        ("a checkpoint", blank().checkpoint(large.clone()).progress(Vec::new())),
        ("progress", blank().progress(large.clone()).checkpoint(Vec::new())),
    ] {
        let error = queue.note(&me, vec![blank().progress(b"first".to_vec()), note]).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { what: of, limit: MAX_NOTE_BYTES, .. } if of == what));
    }
    assert_eq!(progress_of(&queue, "a").await, None);
    assert!(note(&queue, &me, blank().checkpoint(large[1..].to_vec())).await);
    settle_one(&queue, &me, handed_back(&lease)).await;
    assert_eq!(claim_one(&queue, &me).await.checkpoint.unwrap().len(), MAX_NOTE_BYTES);
}
