//! Every hostile program of the corpus, with no policy in front of it.

use std::time::Duration;

use cofferdam_sandbox::{Error, Fault, Input, Limits, Program, Sandbox};

use super::support::{builder, corpus, nothing_is_left, ours};

#[tokio::test]
async fn no_attack_outlives_its_container_or_blames_the_platform() {
    let limits = Limits::default().cpu(1.0).wall(Duration::from_millis(1500)).memory(128 << 20);
    let sandbox = builder().warm(2).warm_limits(limits.clone()).build().await.unwrap();
    let rows = corpus("attacks.jsonl");
    assert!(rows.len() >= 79);
    for row in rows {
        let (id, code) = (row["id"].as_str().unwrap(), row["code"].as_str().unwrap());
        let outcome = match sandbox.run(&Program::unchecked(code), &Input::new(), &limits).await {
            Ok(outcome) => outcome,
            // What the interpreter cannot even load never runs.
            Err(error) => {
                assert_eq!(error.fault(), Fault::User, "{id}: {error}");
                continue;
            }
        };
        if let Err(error) = &outcome.result {
            assert_eq!(error.fault(), Fault::User, "{id}: {error}");
            assert_ne!(error.to_string(), "", "{id}");
        }
        assert!(outcome.usage.peak_memory <= limits.memory, "{id}");
        assert!(!outcome.stdout.contains('\u{1b}'), "{id}");
    }
    // The sandbox is as it was.
    let outcome = sandbox.run(&Program::unchecked("result = 6 * 7"), &Input::new(), &limits).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 42);
    assert!(ours().len() <= 3);
    sandbox.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn what_one_session_breaks_the_next_one_finds_whole() {
    let sandbox = builder().warm(1).build().await.unwrap();
    let limits = super::support::limits();
    let run = async |source: &str| {
        sandbox.run(&Program::unchecked(source), &Input::new(), &limits).await.unwrap().result
    };
    let write = "import math, statistics\nmath.sqrt = lambda x: 0\nstatistics.__dict__['sys'].modules['io'].open('/tmp/note', 'w').write('x')\nresult = math.sqrt(4)";
    assert_eq!(run(write).await.unwrap(), 0);
    let read = "import math, statistics\nresult = [math.sqrt(4), statistics.__dict__['sys'].modules['os'].listdir('/tmp')]";
    assert_eq!(run(read).await.unwrap(), serde_json::json!([2.0, []]));
    // A hostile exception is still an exception.
    let hostile = "class S(str):\n    def __str__(self): raise SystemExit(0)\n    __repr__ = __str__\nraise ValueError(S('x'))";
    assert!(matches!(run(hostile).await, Err(Error::Exception { kind, .. }) if kind == "ValueError"));
    sandbox.close().await;
    nothing_is_left();
}
