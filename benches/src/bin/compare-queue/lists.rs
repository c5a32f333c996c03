//! The bare loops over a list: one that can bring back what a dead worker held, and one that loses it.

use redis::{Pipeline, Value, cmd};

use super::Problem;
use super::raw::{Claimed, Raw};

/// How a list is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lists {
    /// RPUSH of a batch; LMOVE of each entry into a list of the worker; LREM of each from there, which finds it at the
    /// head when the worker ends its entries in order.
    Move,
    /// RPUSH of a batch; LPOP of a batch. What a worker held when it died is gone: no queue, but the floor of any.
    Pop,
}

impl Raw for Lists {
    fn prepare(&self, _: &str) -> Pipeline {
        Pipeline::new()
    }

    fn push(&self, key: &str, payloads: &[Vec<u8>]) -> Pipeline {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.cmd("RPUSH").arg(key).arg(payloads).ignore();
        pipeline
    }

    fn step(&self, key: &str, hand: usize, settle: &[Claimed], claim: usize) -> Pipeline {
        if *self == Self::Pop {
            let mut pipeline = Pipeline::with_capacity(1);
            pipeline.cmd("LPOP").arg(key).arg(claim);
            return pipeline;
        }
        let mut pipeline = Pipeline::with_capacity(settle.len() + claim);
        let held = format!("{key}:held:{hand}");
        for one in settle {
            pipeline.add_command(cmd("LREM").arg(&held).arg(1).arg(&one.payload).take());
        }
        for _ in 0..claim {
            pipeline.add_command(cmd("LMOVE").arg(key).arg(&held).arg("LEFT").arg("RIGHT").take());
        }
        pipeline
    }

    fn claimed(&self, settled: usize, answers: Vec<Value>) -> Result<Vec<Claimed>, Problem> {
        let payloads: Vec<Vec<u8>> = if *self == Self::Pop {
            let popped = answers.into_iter().next().ok_or("a step was not answered")?;
            redis::from_redis_value::<Option<_>>(popped)?.unwrap_or_default()
        } else {
            let mut answers = answers.into_iter();
            if answers.by_ref().take(settled).any(|answer| answer != Value::Int(1)) {
                return Err("an entry was removed twice".into());
            }
            answers
                .filter(|answer| *answer != Value::Nil)
                .map(redis::from_redis_value)
                .collect::<Result<_, _>>()?
        };
        Ok(payloads.into_iter().map(|payload| Claimed { id: Vec::new(), payload }).collect())
    }
}
