//! Which programs the check inside a guest has accepted.
//!
//! The check reads the whole program with Python's own parser, in Python: milliseconds, where running the program may
//! take less. Its answer depends on nothing but the program and the policy, and it is given before a line of the
//! program runs, by an interpreter that has run nobody's program. So it is asked once.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Program;

/// Programs that are remembered, at 32 bytes each. When there are more, the memory starts anew.
const MOST: usize = 16_384;

/// The programs that were accepted, by the hash of program and policy.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(Mutex<HashSet<[u8; 32]>>);

impl Verdicts {
    /// The policy under which a guest must check the program; `None` when there is none, or a guest has done so.
    pub(crate) fn unknown<'p>(&self, program: &'p Program) -> Option<&'p str> {
        let policy = program.policy()?;
        (!self.accepted().contains(&key(program, policy))).then_some(policy)
    }

    /// Remembers that a guest has accepted the program.
    pub(crate) fn remember(&self, program: &Program) {
        let Some(policy) = program.policy() else { return };
        let mut accepted = self.accepted();
        if accepted.len() >= MOST {
            accepted.clear();
        }
        accepted.insert(key(program, policy));
    }

    fn accepted(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The program's own hash has a fixed length, so no policy can pass for a part of it.
fn key(program: &Program, policy: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(program.hash().as_bytes());
    hasher.update(policy.as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;

    #[test]
    fn a_verdict_counts_for_the_program_and_the_policy_that_it_was_given_on() {
        let verdicts = Verdicts::default();
        let program = Policy::default().check("result = 1").unwrap();
        assert_eq!(verdicts.unknown(&program), Some("{}"));
        verdicts.remember(&program);
        assert_eq!(verdicts.unknown(&program), None);
        let stricter = Policy::default().deny_name("print").check("result = 1").unwrap();
        assert!(verdicts.unknown(&stricter).is_some());
        let other = Policy::default().check("result = 2").unwrap();
        assert!(verdicts.unknown(&other).is_some());
        assert_eq!(verdicts.unknown(&Program::unchecked("result = 1")), None);
    }
}
