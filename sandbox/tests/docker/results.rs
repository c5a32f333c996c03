//! What comes back of programs with numpy and pandas.

use cofferdam_sandbox::{Error, Input, Program, Sandbox};

use super::support::{limits, run, sandbox};

#[tokio::test]
async fn a_traceback_shows_the_programs_lines_and_no_others() {
    let source = "import pandas as pd\n\ndef pick(frame):\n    return frame['b']\n\nresult = pick(pd.DataFrame({'a': [1]}))";
    match run(source).await.result.unwrap_err() {
        Error::Exception { kind, traceback, line, .. } => {
            assert_eq!((kind.as_str(), line), ("KeyError", Some(4)));
            assert!(traceback.contains("line 6, in <module>\n"), "{traceback}");
            assert!(!traceback.contains("/usr/"), "{traceback}");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn random_numbers_come_from_the_seed_in_python_and_in_numpy() {
    let source = "import random\nimport numpy as np\nresult = [random.random(), np.random.rand(), hash('a')]";
    let sandbox = sandbox().await;
    let mut seen = Vec::new();
    for seed in [7, 7, 8, u64::MAX] {
        let input = Input::new().seed(seed);
        let outcome = sandbox.run(&Program::unchecked(source), &input, &limits()).await.unwrap();
        seen.push(outcome.result.unwrap());
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0][0], seen[2][0]);
    assert_ne!(seen[0][1], seen[2][1]);
    assert_eq!(seen[0][2], seen[3][2]);
    sandbox.close().await;
}
