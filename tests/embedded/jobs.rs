//! Single jobs.

use std::time::Duration;

use cofferdam::optimize::FailureReason;
use cofferdam::sandbox::Limits;
use cofferdam::{Dataset, Error, Job};
use serde_json::json;

use super::{closes, open, work};

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_a_job_has_its_outcome_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let cofferdam = open(folder.path()).await;
    let worker = work(&cofferdam);
    let program =
        cofferdam.check("print('x', params['x'])\nresult = 10 / params['x'] + data['close'][0]").unwrap();
    let job = [4, 0, 2]
        .into_iter()
        .fold(Job::new(program, closes(vec![1.0, 2.0])), |job, x| job.call([("x", json!(x))]));
    let id = cofferdam.submit(&job).await.unwrap();
    let outcomes = cofferdam.outcome(&id).await.unwrap();
    assert_eq!(outcomes.len(), 3);
    assert_eq!((&outcomes[0].result, outcomes[0].stdout.as_str()), (&Some(json!(3.5)), "x 4\n"));
    assert_eq!(outcomes[2].result, Some(json!(6.0)));
    let failure = outcomes[1].failure.as_ref().unwrap();
    assert_eq!(failure.reason, FailureReason::Exception);
    assert!(failure.message.contains("ZeroDivisionError in line 2"), "{}", failure.message);

    // The same job again is the same job.
    assert_eq!(cofferdam.submit(&job).await.unwrap(), id);
    assert_eq!(cofferdam.outcome(&id).await.unwrap(), outcomes);
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_shown_some_bars_sees_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let cofferdam = open(folder.path()).await;
    let worker = work(&cofferdam);
    let program = cofferdam.check("result = list(data['close'])").unwrap();
    let data = closes(vec![1.0, 2.0, 3.0, 4.0]);
    let job = Job::new(program.clone(), data.clone()).bars(1..3).unwrap().call([("", json!(0))]);
    let id = cofferdam.submit(&job).await.unwrap();
    assert_eq!(cofferdam.outcome(&id).await.unwrap()[0].result, Some(json!([2.0, 3.0])));
    assert!(matches!(Job::new(program, data).bars(3..9), Err(Error::InvalidSeries { .. })));
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hostile_program_fails_alone_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let cofferdam = open(folder.path()).await;
    let worker = work(&cofferdam);
    let limits = Limits::default().cpu(1.0).wall(Duration::from_millis(500)).memory(64 << 20);
    for (source, reason, message) in [
        ("while True: pass", FailureReason::Timeout, "the program did not end within 0.5 s of wall time"),
        (
            "x = [0] * (1 << 30)",
            FailureReason::Resources,
            "the program needs more than its 67108864 bytes of memory",
        ),
        (
            "while True: print('x' * 10000)",
            FailureReason::InvalidOutput,
            "the program printed and returned more than 1048576",
        ),
        (
            "result = float('nan')",
            FailureReason::InvalidOutput,
            "result is nan; JSON has only finite numbers",
        ),
        ("x = 1", FailureReason::InvalidOutput, "the program ended without setting `result`"),
        (
            "def f():\n    raise ValueError('no')\nf()",
            FailureReason::Exception,
            "the program raised ValueError in line 2: no\nTraceback",
        ),
        (
            "import numpy\nresult = 1",
            FailureReason::Rejected,
            "the program imports `numpy`, which the wasm backend does not have",
        ),
    ] {
        let job = Job::new(cofferdam.check(source).unwrap(), Dataset::new())
            .limits(limits.clone())
            .call([("", json!(0))]);
        let id = cofferdam.submit(&job).await.unwrap();
        let outcome = cofferdam.outcome(&id).await.unwrap().remove(0);
        let failure = outcome.failure.unwrap_or_else(|| panic!("{source}"));
        assert_eq!(failure.reason, reason, "{source}");
        assert!(failure.message.starts_with(message), "{source}: {}", failure.message);
    }
    worker.abort();
}
