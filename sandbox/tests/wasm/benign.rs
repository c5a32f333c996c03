//! Honest programs, through all three layers.

use std::time::SystemTime;

use cofferdam_sandbox::{Code, Error, Input, Policy, Sandbox};
use serde_json::json;

use super::corpus::rows;
use super::{SANDBOX, limits, run, run_with};

#[tokio::test]
async fn every_honest_program_that_the_policy_accepts_runs() {
    let mut ran = 0;
    for row in rows("benign.jsonl") {
        let (id, code) = (row["id"].as_str().unwrap(), row["code"].as_str().unwrap());
        let program = match Policy::default().check(code) {
            Ok(program) => program,
            Err(rejection) => {
                // Grammar that the checker's parser does not know is the only reason.
                assert_eq!(rejection.violations()[0].code, Code::NewerGrammar, "{id}");
                continue;
            }
        };
        match SANDBOX.run(&program, &Input::new(), &limits()).await {
            Ok(outcome) => {
                assert_eq!(row["needs"], "stdlib", "{id}");
                outcome.result.unwrap_or_else(|error| panic!("{id}: {error}"));
                ran += 1;
            }
            Err(Error::MissingModule { module, .. }) => assert_eq!(row["needs"], *module, "{id}"),
            Err(error) => panic!("{id}: {error}"),
        }
    }
    assert_eq!(ran, 31);
}

#[tokio::test]
async fn a_program_that_needs_numpy_is_refused_with_that_sentence() {
    let program = Policy::default().check("import numpy as np\nresult = np.mean(data['close'])").unwrap();
    let error = SANDBOX.run(&program, &Input::new(), &limits()).await.unwrap_err();
    assert!(
        error.to_string().starts_with("the program imports `numpy`, which the wasm backend does not have"),
        "{error}"
    );
    let optional = "try:\n    import numpy\nexcept ImportError:\n    numpy = None\nresult = numpy is None";
    let program = Policy::default().check(optional).unwrap();
    assert!(program.modules().contains("numpy") && program.required_modules().is_empty());
    assert_eq!(SANDBOX.run(&program, &Input::new(), &limits()).await.unwrap().result.unwrap(), true);
}

#[tokio::test]
async fn the_guest_has_every_standard_module_of_the_default_policy() {
    for module in Policy::default().modules().keys() {
        let expected = !["numpy", "pandas"].contains(&module.as_str());
        assert_eq!(SANDBOX.profile().has_module(module), expected, "{module}");
    }
}

#[tokio::test]
async fn the_same_input_gives_the_same_result_and_the_same_fuel() {
    let source = "import random, datetime\nresult = [random.random(), random.Random().random(), random.SystemRandom().random(), str(datetime.datetime.now()), hash('a'), [x for x in {'b', 'a', 'c'}]]";
    let input = Input::new().seed(7).now(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400));
    let first = run_with(source, &input, &limits()).await;
    let second = run_with(source, &input, &limits()).await;
    let value = first.result.unwrap();
    assert_eq!(value, second.result.unwrap());
    assert_eq!(value[3], "1970-01-02 00:00:00");
    assert!(first.usage.fuel.is_some());
    assert_eq!(first.usage.fuel, second.usage.fuel);
    let other = run_with(source, &input.seed(8), &limits()).await.result.unwrap();
    assert_ne!(value[0], other[0]);
    assert_ne!(value[2], other[2]);
}

#[tokio::test]
async fn sleeping_orders_tasks_and_takes_no_time() {
    let source = "import asyncio\norder = []\nasync def leg(n):\n    await asyncio.sleep(n * 3600)\n    order.append(n)\nasync def main():\n    await asyncio.gather(leg(3), leg(1), leg(2))\nasyncio.run(main())\nresult = order";
    assert_eq!(run(source).await.result.unwrap(), json!([1, 2, 3]));
}
