//! Honest programs, through all three layers.

use cofferdam_sandbox::{Code, Error, Input, Policy, Program, Sandbox};

use super::corpus::rows;
use super::support::{builder, limits, nothing_is_left, run, sandbox};

#[tokio::test]
async fn every_honest_program_runs_with_numpy_and_pandas() {
    let sandbox = builder().warm(2).build().await.unwrap();
    let (mut ran, mut newer) = (0, Vec::new());
    for row in rows("benign.jsonl") {
        let (id, code) = (row["id"].as_str().unwrap(), row["code"].as_str().unwrap());
        let program = match Policy::default().check(code) {
            Ok(program) => program,
            Err(rejection) => {
                // Grammar that the checker's parser does not know is the only reason.
                assert_eq!(rejection.violations()[0].code, Code::NewerGrammar, "{id}");
                Program::unchecked(code)
            }
        };
        match sandbox.run(&program, &Input::new(), &limits()).await {
            Ok(outcome) => {
                outcome.result.unwrap_or_else(|error| panic!("{id}: {error}"));
                ran += 1;
            }
            // The image's Python decides which grammar there is.
            Err(Error::Syntax { .. }) => newer.push((id.to_owned(), row["min_python"].to_string())),
            Err(error) => panic!("{id}: {error}"),
        }
    }
    let python = sandbox.profile().python.to_string();
    for (id, needs) in &newer {
        assert_eq!((needs.as_str(), python.as_str()), ("\"3.12\"", "3.11"), "{id}");
    }
    assert_eq!(ran + newer.len(), 35);
    assert!(newer.len() <= 2, "{newer:?}");
    sandbox.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn every_module_of_the_default_policy_is_there() {
    let sandbox = sandbox().await;
    for module in Policy::default().modules().keys() {
        // What is an attribute and not a module cannot be imported by its full name anywhere.
        let attribute = ["numpy.emath", "pandas.offsets"].contains(&module.as_str());
        assert_eq!(sandbox.profile().has_module(module), !attribute, "{module}");
    }
    let imports: String = sandbox
        .profile()
        .modules
        .iter()
        .filter(|name| *name != "__future__")
        .map(|name| format!("import {name}\n"))
        .collect();
    let outcome =
        sandbox.run(&Program::unchecked(imports + "result = 1"), &Input::new(), &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 1);
    sandbox.close().await;
}

#[tokio::test]
async fn only_the_modules_of_the_image_can_be_imported() {
    for module in ["os", "sys", "subprocess", "socket", "ctypes", "importlib", "builtins", "threading", "io"]
    {
        let source = format!(
            "try:\n    import {module}\n    result = 'there'\nexcept ModuleNotFoundError:\n    result = 'not there'"
        );
        if module == "os" {
            assert_eq!(run(&source).await.result.unwrap(), "not there");
        } else {
            assert!(!sandbox().await.profile().has_module(module), "{module}");
        }
    }
}

#[tokio::test]
async fn functions_in_c_find_the_helpers_that_they_import_late() {
    let source = "import datetime\nimport numpy as np\nimport pandas as pd\na = np.arange(6.0).reshape(2, 3)\nd = datetime.datetime.strptime('2020-01-02', '%Y-%m-%d')\nt = pd.Timestamp('2020-01-02', tz='Europe/Berlin').tz_convert('UTC')\nresult = [a.mean(), float(np.linalg.norm(a)), str(a.sum(axis=0)), d.day, str(t), np.array(['b', 'a']).tolist(), str(np.datetime64('2020-01-01') + np.timedelta64(1, 'D')), np.einsum('ij->i', a).tolist()]";
    let result = run(source).await.result.unwrap();
    assert_eq!(
        (&result[0], &result[3], &result[4]),
        (&2.5.into(), &2.into(), &"2020-01-01 23:00:00+00:00".into())
    );
}
