//! What comes back: results, exceptions, text, and what is said while the program runs.

use std::sync::{Arc, Mutex};

use cofferdam_sandbox::{Error, Input, Listener, Program, Progress, Reason, Sandbox, Session};
use serde_json::json;

use super::support::{limits, nothing_is_left, run, run_with, sandbox};

#[tokio::test]
async fn plain_values_come_back_as_json() {
    let source = "import array\nresult = {'a': (1, 2.5, None, True), 'b': array.array('d', [1, 2]), 'c': range(3), 1: 'é\\n'}";
    let outcome = run(source).await;
    assert_eq!(
        outcome.result.unwrap(),
        json!({"a": [1, 2.5, null, true], "b": [1.0, 2.0], "c": [0, 1, 2], "1": "é\n"})
    );
    assert!(outcome.usage.cpu.is_some());
    assert!(outcome.usage.peak_memory > 20 << 20, "{:?}", outcome.usage);
}
