//! The figures beside the faults.

use cofferdam_chaos::checker::judge;
use cofferdam_chaos::history::{Signal, Standing, Verdict};

use super::tale::{Heard, TERMS, Tale, done};

#[test]
fn the_figures_of_a_run_with_everything_in_it() {
    let mut tale = Tale::default();
    tale.good("good");
    // Doubtful, and there.
    tale.enqueue("found", Heard::Unknown).deliver("w", "found");
    tale.settle("w", "found", None, Verdict::Retrying).deliver("w", "found");
    tale.settle("w", "found", None, Verdict::Dead);
    // Doubtful, and not there.
    tale.enqueue("nowhere", Heard::Unknown);
    // Refused.
    tale.enqueue("refused", Heard::Fail);
    // Held by a worker that stood still, and by one that was killed.
    tale.enqueue("twice", Heard::Ok).deliver("still", "twice").deliver("killed", "twice");
    tale.settle("still", "twice", Some("s#1 1"), Verdict::LeaseLost);
    tale.signal("killed", Signal::Kill).pause(5_000).deliver("w", "twice");
    tale.settle("w", "twice", Some("w#1 2"), Verdict::Recorded);
    // Acknowledged, and lost.
    tale.enqueue("lost", Heard::Ok).lose_master(1);
    tale.read("found", Standing::Dead).read("twice", done("w#1 2"));
    for task in ["nowhere", "refused", "lost"] {
        tale.read(task, Standing::Missing);
    }
    tale.count();

    let judgement = judge(&tale.events, &TERMS);
    assert!(!judgement.valid);
    let figures = judgement.figures;
    assert_eq!((figures.attempted, figures.acknowledged), (6, 3));
    assert_eq!((figures.lost, figures.recovered), (1, 1));
    assert!((figures.lost_percent - 100.0 / 3.0).abs() < 1e-9);
    assert_eq!((figures.done, figures.dead), (2, 1));
    assert_eq!((figures.delivered, figures.duplicated, figures.fenced), (6, 2, 1));
    assert_eq!((figures.failed_calls, figures.unknown_calls), (1, 2));
    assert_eq!((figures.faults, figures.masters_lost, figures.slowest_return_ms), (1, 1, Some(1)));
    // From the kill: the pause, the call that brought it, and the events between.
    assert_eq!(
        (figures.rescued, figures.rescue_p50_ms, figures.rescue_p99_ms),
        (1, Some(5_003), Some(5_003))
    );
    assert_eq!(figures.longest_call_ms, 2);
}
