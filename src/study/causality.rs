//! The check that a program does not look ahead.
//!
//! A study that runs a program once over the whole history believes that its position at a bar depends on nothing after
//! that bar. A program for which that is not true would be graded on tomorrow's prices, so it is asked again with the
//! end of the data taken away: what it then says about the bars that are left must be what it said before.

use super::Study;
use super::objective::{params, request};
use super::positions;
use crate::cofferdam::task;
use crate::job::Request;
use crate::{Cofferdam, Error};

/// How many parameter sets are asked again: the first, the last, and some between.
const ASKED: usize = 5;

/// Where the data is cut off, in shares of its bars. Two cuts that divide it differently, so that a look ahead by a
/// round number of bars does not fall on the same place in both.
const CUTS: [f64; 2] = [0.37, 0.83];

/// Asks again, and refuses a program that answers otherwise.
pub(super) async fn check(cofferdam: &Cofferdam, study: &Study) -> Result<(), Error> {
    let bars = study.data.bars();
    let step = study.parameter_sets.len().div_ceil(ASKED).max(1);
    let asked: Vec<_> = study.parameter_sets.iter().step_by(step).collect();
    let calls: Vec<_> = asked.iter().map(|set| params(set)).collect::<Result<_, _>>()?;
    let dataset = cofferdam.keep(&study.program, &study.data).await?;
    let mut ends = vec![bars];
    ends.extend(CUTS.map(|share| ((bars as f64 * share) as usize).max(1)));
    let mut jobs = Vec::with_capacity(ends.len());
    for end in &ends {
        let request = Request { calls: calls.clone(), ..request(study, &dataset, 0..*end) };
        jobs.push(cofferdam.inner().queue.submit(task(&request)?).await?.id);
    }
    let mut answers = Vec::with_capacity(ends.len());
    for job in &jobs {
        answers.push(cofferdam.outcome(job).await?);
    }
    let Some((whole, shortened)) = answers.split_first() else { return Ok(()) };
    for (answer, end) in shortened.iter().zip(ends.iter().skip(1)) {
        for ((set, whole), short) in asked.iter().zip(whole).zip(answer) {
            // A trial that fails says nothing; that it failed is on record.
            let (Some(whole), Some(short)) = (&whole.result, &short.result) else { continue };
            let (Ok(whole), Ok(short)) = (positions::read(whole, bars), positions::read(short, *end)) else {
                continue;
            };
            if let Some(bar) = whole.iter().zip(&short).position(|(whole, short)| whole != short) {
                return Err(Error::LooksAhead { parameters: set.to_string(), bar, last_bar: end - 1 });
            }
        }
    }
    Ok(())
}
