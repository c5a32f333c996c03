//! Every hostile program of the corpus, with no policy in front of it.

use std::time::Duration;

use cofferdam_sandbox::{Error, Input, Limits, Program, Sandbox};

use super::corpus::attack;
use super::support::{builder, nothing_is_left, ours};

#[tokio::test]
async fn no_attack_outlives_its_container_or_blames_the_platform() {
    let limits = Limits::default().cpu(1.0).wall(Duration::from_millis(1500)).memory(128 << 20);
    let sandbox = builder().warm(2).warm_limits(limits.clone()).build().await.unwrap();
    attack(&sandbox, &limits).await;
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
