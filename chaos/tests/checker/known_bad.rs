//! One history for each fault, and beside it the one that only looks like it.

use cofferdam_chaos::checker::{Kind, Promise};
use cofferdam_chaos::history::{Answer, Signal, Standing, Verdict, What};

use super::tale::{Heard, Tale, done, renew};

/// A history with one good task and what the test adds to it.
fn found(add: impl FnOnce(&mut Tale)) -> Vec<(Kind, String)> {
    let mut tale = Tale::default();
    add(tale.good("good"));
    tale.count();
    tale.faults()
}

fn of(kind: Kind, subject: &str) -> Vec<(Kind, String)> {
    vec![(kind, subject.to_owned())]
}

#[test]
fn a_good_history_is_good() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn an_acknowledged_task_without_a_record_is_lost() {
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Ok).read("t", Standing::Missing);
        }),
        of(Kind::Lost, "t")
    );
    for heard in [Heard::Unknown, Heard::Fail, Heard::Nothing] {
        let mut tale = Tale::default();
        tale.good("good").enqueue("t", heard);
        tale.signal("producer", Signal::Kill).read("t", Standing::Missing).count();
        assert_eq!(tale.faults(), [], "{heard:?}");
    }
}

#[test]
fn a_task_that_was_acknowledged_at_the_second_try_is_lost_too() {
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Unknown).enqueue("t", Heard::Ok).read("t", Standing::Missing);
        }),
        of(Kind::Lost, "t")
    );
}

#[test]
fn a_task_that_had_its_result_and_is_gone_is_lost() {
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Ok).deliver("w", "t");
            tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded).read("t", Standing::Missing);
        }),
        of(Kind::Lost, "t")
    );
    // Nobody was told that it was put in, but somebody was told that it had ended.
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Unknown).deliver("w", "t");
            tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded).read("t", Standing::Missing);
        }),
        of(Kind::Contradicted, "t")
    );
}

#[test]
fn what_nobody_put_in_is_unexpected() {
    for standing in [Standing::Dead, done("w#1 1")] {
        let found = found(|tale| {
            tale.read("t", standing);
        });
        assert_eq!(found, of(Kind::Unexpected, "t"));
    }
    assert_eq!(
        found(|tale| {
            tale.deliver("w", "t").read("t", Standing::Missing);
        }),
        of(Kind::Unexpected, "t")
    );
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Fail).read("t", Standing::Dead);
        }),
        of(Kind::Unexpected, "t")
    );
}

#[test]
fn a_result_that_no_run_had_is_unexpected() {
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Ok).deliver("w", "t").read("t", done("w#1 of another task"));
        }),
        of(Kind::Unexpected, "t")
    );
    // The worker was killed before it heard the answer.
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Ok).deliver("w", "t");
            tale.settle_and_hear("w", "t", Some("w#1 1"), Verdict::Recorded, Heard::Nothing);
            tale.signal("w", Signal::Kill).read("t", done("w#1 1"));
        }),
        []
    );
}

#[test]
fn two_results_that_were_recorded_are_one_too_many() {
    for kept in ["w#1 1", "v#2 1"] {
        let found = found(|tale| {
            tale.enqueue("t", Heard::Ok).deliver("w", "t").deliver("v", "t");
            tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded);
            tale.settle("v", "t", Some("v#2 1"), Verdict::Recorded).read("t", done(kept));
        });
        assert_eq!(found, of(Kind::RecordedTwice, "t"));
    }
    // The same run, settled again since its answer was lost; and a second run that was fenced off.
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Ok).deliver("w", "t").deliver("v", "t");
            tale.settle_and_hear("w", "t", Some("w#1 1"), Verdict::Recorded, Heard::Unknown);
            tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded);
            tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded);
            tale.settle("v", "t", Some("v#2 1"), Verdict::LeaseLost).read("t", done("w#1 1"));
        }),
        []
    );
}

#[test]
fn an_end_that_did_not_stand_is_contradicted() {
    // Another run's result stands, of which nobody heard that it was recorded.
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Ok).deliver("w", "t").deliver("v", "t");
            tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded);
            tale.settle_and_hear("v", "t", Some("v#2 1"), Verdict::Recorded, Heard::Unknown);
            tale.read("t", done("v#2 1"));
        }),
        of(Kind::Contradicted, "t")
    );
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Ok).deliver("w", "t");
            tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded).read("t", Standing::Dead);
        }),
        of(Kind::Contradicted, "t")
    );
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Ok).deliver("w", "t").deliver("v", "t");
            tale.settle_and_hear("v", "t", Some("v#2 1"), Verdict::Recorded, Heard::Unknown);
            tale.settle("w", "t", None, Verdict::Dead).read("t", done("v#2 1"));
        }),
        of(Kind::Contradicted, "t")
    );
}

#[test]
fn a_task_whose_end_was_acknowledged_must_not_come_again() {
    for (result, verdict, standing) in
        [(Some("w#1 1"), Verdict::Recorded, done("w#1 1")), (None, Verdict::Dead, Standing::Dead)]
    {
        let found = found(|tale| {
            tale.enqueue("t", Heard::Ok).deliver("w", "t");
            tale.settle("w", "t", result, verdict).deliver("v", "t").read("t", standing);
        });
        assert_eq!(found, of(Kind::Revived, "t"));
    }
    // The call that brought it had begun before, so that nothing tells which came first.
    let mut tale = Tale::default();
    tale.good("good").enqueue("t", Heard::Ok).deliver("w", "t").deliver("v", "t");
    let answer = tale.events.pop().unwrap();
    tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded);
    tale.tell("v", answer.what).read("t", done("w#1 1")).count();
    assert_eq!(tale.faults(), []);
}

#[test]
fn a_task_that_is_not_finished_is_stuck() {
    for standing in [Standing::Waiting, Standing::Leased] {
        let found = found(|tale| {
            tale.enqueue("t", Heard::Ok).read("t", standing);
        });
        assert_eq!(found, of(Kind::Stuck, "t"));
    }
}

#[test]
fn what_was_not_read_is_not_taken_for_good() {
    assert_eq!(
        found(|tale| {
            tale.enqueue("t", Heard::Unknown);
        }),
        of(Kind::Unread, "t")
    );
    let mut tale = Tale::default();
    tale.good("good");
    assert_eq!(tale.faults(), of(Kind::Unread, "the totals"));
}

#[test]
fn wrong_counts_are_found() {
    let mut tale = Tale::default();
    tale.good("good").tell("auditor", What::Totals { waiting: 0, leased: 1, dead: 0 });
    assert_eq!(tale.faults(), of(Kind::Miscounted, "the totals"));
}

#[test]
fn a_call_beyond_its_deadline_is_found_whatever_it_answers() {
    for heard in [Heard::Ok, Heard::Fail, Heard::Unknown] {
        for (took, expected) in [(4_900, vec![]), (5_100, of(Kind::Hung, "w"))] {
            let found = found(|tale| {
                tale.call("w", renew(), heard, Answer::Done, took);
            });
            assert_eq!(found, expected, "{heard:?} after {took} ms");
        }
    }
}

#[test]
fn a_call_that_never_returns_is_found_unless_its_process_was_killed() {
    let mut tale = Tale::default();
    tale.call("w", renew(), Heard::Nothing, Answer::Done, 6_000).good("good").count();
    assert_eq!(tale.faults(), of(Kind::Hung, "w"));
    let mut tale = Tale::default();
    tale.call("w", renew(), Heard::Nothing, Answer::Done, 1_000).signal("w", Signal::Kill);
    tale.pause(6_000).good("good").count();
    assert_eq!(tale.faults(), []);
}

#[test]
fn the_time_in_which_a_process_stood_still_is_not_the_calls() {
    for (stopped, expected) in [(2_000, vec![]), (500, of(Kind::Hung, "w"))] {
        let mut tale = Tale::default();
        let call = What::Invoke { call: 99, ask: renew() };
        tale.tell("w", call).pause(2_000).signal("w", Signal::Stop).pause(stopped);
        tale.signal("w", Signal::Continue).pause(4_900 - stopped);
        tale.tell("w", What::Ok { call: 99, answer: Answer::Done }).good("good").count();
        assert_eq!(tale.faults(), expected, "stopped for {stopped} ms");
    }
}

#[test]
fn a_new_master_that_serves_late_or_never_is_found() {
    for (after, expected) in [
        (Some(1_900), vec![]),
        (Some(2_100), of(Kind::SlowReturn, "fault 7")),
        (None, of(Kind::SlowReturn, "fault 7")),
    ] {
        let found = found(|tale| {
            tale.tell("nemesis", What::Promoted { fault: 7 });
            if let Some(after) = after {
                tale.pause(after).tell("nemesis", What::Served { fault: 7 });
            }
        });
        assert_eq!(found, expected, "{after:?}");
    }
}

#[test]
fn a_process_that_ends_by_itself_is_found() {
    assert_eq!(
        found(|tale| {
            tale.tell("nemesis", What::Died { target: "w".into(), status: "exit status: 1".into() });
        }),
        of(Kind::Died, "w")
    );
}

#[test]
fn a_run_in_which_nothing_happened_is_not_good() {
    assert_eq!(Tale::default().count().faults(), of(Kind::Idle, "the run"));
    let mut tale = Tale::default();
    tale.enqueue("t", Heard::Ok).deliver("w", "t").settle("w", "t", None, Verdict::Dead);
    assert_eq!(tale.read("t", Standing::Dead).count().faults(), of(Kind::Idle, "the run"));
}

/// Whether each finding is excused where nothing is promised.
fn excused(tale: &mut Tale) -> Vec<(Kind, bool)> {
    let findings = tale.good("good").count().findings(Promise::NONE);
    findings.into_iter().map(|finding| (finding.kind, finding.excused)).collect()
}

#[test]
fn a_loss_is_excused_only_where_a_master_was_lost_after_the_last_sign_of_the_task() {
    let mut tale = Tale::default();
    tale.enqueue("t", Heard::Ok).lose_master(1).read("t", Standing::Missing);
    assert_eq!(excused(&mut tale), [(Kind::Lost, true)]);
    let mut tale = Tale::default();
    tale.lose_master(1).enqueue("t", Heard::Ok).read("t", Standing::Missing);
    assert_eq!(excused(&mut tale), [(Kind::Lost, false)]);
    let mut tale = Tale::default();
    tale.enqueue("t", Heard::Ok).lose_master(1).deliver("w", "t").read("t", Standing::Missing);
    assert_eq!(excused(&mut tale), [(Kind::Lost, false)]);
    let mut tale = Tale::default();
    tale.enqueue("t", Heard::Ok).lose_master(1).read("t", Standing::Waiting);
    assert_eq!(excused(&mut tale), [(Kind::Stuck, false)]);
}

#[test]
fn a_second_result_is_excused_only_where_a_master_was_lost_between_the_two() {
    let first = |tale: &mut Tale| {
        tale.enqueue("t", Heard::Ok).deliver("w", "t").deliver("v", "t");
        tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded);
    };
    let second = |tale: &mut Tale| {
        tale.settle("v", "t", Some("v#2 1"), Verdict::Recorded).read("t", done("v#2 1"));
    };
    let mut tale = Tale::default();
    first(&mut tale);
    second(tale.lose_master(1));
    assert_eq!(excused(&mut tale), [(Kind::RecordedTwice, true)]);
    let mut tale = Tale::default();
    first(tale.lose_master(1));
    second(&mut tale);
    tale.lose_master(2);
    assert_eq!(excused(&mut tale), [(Kind::RecordedTwice, false)]);
}

#[test]
fn half_a_promise_excuses_its_half() {
    let promise = Promise { keeps_tasks: true, keeps_ends: false };
    let mut tale = Tale::default();
    tale.good("good").enqueue("gone", Heard::Ok).enqueue("t", Heard::Ok).deliver("w", "t");
    tale.settle("w", "t", Some("w#1 1"), Verdict::Recorded).lose_master(1).deliver("v", "t");
    tale.settle("v", "t", None, Verdict::Dead);
    tale.read("gone", Standing::Missing).read("t", Standing::Dead).count();
    let found: Vec<_> =
        tale.findings(promise).into_iter().map(|finding| (finding.kind, finding.excused)).collect();
    assert_eq!(found, [(Kind::Lost, false), (Kind::Contradicted, true), (Kind::Revived, true)]);
}
