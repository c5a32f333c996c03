//! What a checked program knows about itself.

use std::thread;

use cofferdam_sandbox::{Policy, Program};

fn checked(source: &str) -> Program {
    Policy::default().check(source).unwrap()
}

fn series(source: &str) -> Vec<String> {
    checked(source).series().iter().cloned().collect()
}

#[test]
fn modules_are_listed_by_their_top_name() {
    let program = checked("import numpy.linalg as la, math\ndef f():\n    from collections import abc");
    assert_eq!(program.modules().iter().collect::<Vec<_>>(), ["collections", "math", "numpy"]);
}

#[test]
fn series_are_what_is_read_from_data() {
    assert_eq!(series("x = data['close'] + data.get(\"open\", 0)"), ["close", "open"]);
    assert_eq!(series("def signal(data, params):\n    return data['high']"), ["high"]);
    assert_eq!(series("x = [data['low'] for _ in 'a']"), ["low"]);
    assert_eq!(series("x = data[name]\ny = other['close']"), [""; 0]);
    assert_eq!(series("data = {'a': 1}\nx = data['a']"), [""; 0]);
}

#[test]
fn the_hash_tells_programs_apart() {
    let program = checked("result = 1");
    assert_eq!(program.hash().len(), 64);
    assert_eq!(program.hash(), checked("result = 1").hash());
    assert_eq!(program.hash(), Program::unchecked("result = 1").hash());
    assert_ne!(program.hash(), checked("result = 2").hash());
    let entered = program.clone().with_entry("signal");
    assert_ne!(program.hash(), entered.hash());
    assert_ne!(
        Program::unchecked("ab").with_entry("c").hash(),
        Program::unchecked("a").with_entry("bc").hash()
    );
    assert_eq!((entered.entry(), program.entry()), (Some("signal"), None));
}

#[test]
fn only_the_check_makes_a_checked_program() {
    assert!(checked("result = 1").is_checked());
    assert!(checked("result = 1").with_entry("f").is_checked());
    let raw = Program::unchecked("import os");
    assert!(!raw.is_checked() && raw.modules().is_empty() && raw.policy().is_none());
}

#[test]
fn a_program_carries_the_policy_that_accepted_it() {
    assert_eq!(checked("result = 1").with_entry("f").policy(), Some("{}"));
    let policy = Policy::default().deny_name("print");
    let program = policy.check("result = 1").unwrap();
    let carried: Policy = serde_json::from_str(program.policy().unwrap()).unwrap();
    assert_eq!(carried, policy);
    // A policy that is changed further says so of the programs that it accepts from then on.
    let changed = policy.clone().deny_module("json").check("result = 1").unwrap();
    assert_ne!(changed.policy(), program.policy());
}

#[test]
fn the_byte_order_mark_is_dropped_and_nothing_else() {
    assert_eq!(checked("\u{feff}result = 1\r\n").source(), "result = 1\r\n");
}

#[test]
fn debug_does_not_show_the_text() {
    assert!(!format!("{:?}", checked("secret = 1")).contains("secret"));
}

#[test]
fn checks_at_once_get_their_own_answers_on_whatever_stack() {
    // Deep enough to exhaust this thread's stack, if the tree were built or dropped on it.
    let deep = format!("result = {}1", "-".repeat(900));
    thread::scope(|scope| {
        for number in 0..8 {
            let deep = &deep;
            let ask = move || {
                for round in 0..20 {
                    let series = format!("series_{number}_{round}");
                    let program = Policy::default().check(&format!("x = data['{series}']\n{deep}")).unwrap();
                    assert_eq!(program.series().iter().collect::<Vec<_>>(), [&series]);
                    let lines = "\n".repeat(number);
                    let rejection =
                        Policy::default().check(&format!("{lines}eval('1')\n{deep}")).unwrap_err();
                    assert_eq!(rejection.violations()[0].line as usize, number + 1);
                }
            };
            thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, ask).unwrap();
        }
    });
}
