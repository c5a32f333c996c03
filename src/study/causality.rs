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
use crate::optimize::ParameterSet;
use crate::{CallOutcome, Cofferdam, Error};

/// How many parameter sets are asked again: the first, the last, and some between.
const ASKED: usize = 5;

/// How often the data is cut. A program that uses only tomorrow's price gives itself away at the last bar before a cut
/// alone, and if it is either in or out, there only every other time: sixteen cuts miss it once in 65,000.
const CUTS: usize = 16;

/// The fractional part of the golden ratio: its multiples spread the cuts evenly, at distances that fit no calendar.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// Asks again, and refuses a program that answers otherwise.
pub(super) async fn check(cofferdam: &Cofferdam, study: &Study, dataset: &str) -> Result<(), Error> {
    let bars = study.data.bars();
    let step = study.parameter_sets.len().div_ceil(ASKED).max(1);
    let asked: Vec<_> = study.parameter_sets.iter().step_by(step).collect();
    let submit = async |end: usize, sets: &[&ParameterSet]| {
        let calls = sets.iter().map(|set| params(set)).collect::<Result<_, _>>()?;
        let task = task(&Request { calls, ..request(study, dataset, 0..end) })?;
        Ok::<_, Error>(cofferdam.inner().queue.submit(task).await?.id)
    };
    let whole = submit(bars, &asked).await?;
    let mut cuts = Vec::with_capacity(CUTS);
    for (cut, (index, set)) in (1..=CUTS).zip(asked.iter().enumerate().cycle()) {
        let end = ((bars as f64 * (cut as f64 * GOLDEN).fract()) as usize).max(1);
        cuts.push((end, index, submit(end, &[set]).await?));
    }
    let whole = cofferdam.outcome(&whole).await?;
    for (end, index, job) in cuts {
        let short = cofferdam.outcome(&job).await?;
        // A trial that fails says nothing here; that it failed is on record.
        let answer = |outcomes: &[CallOutcome], index: usize, bars: usize| {
            positions::read(outcomes.get(index)?.result.as_ref()?, bars).ok()
        };
        let (Some(whole), Some(short)) = (answer(&whole, index, bars), answer(&short, 0, end)) else {
            continue;
        };
        if let Some(bar) = whole.iter().zip(&short).position(|(whole, short)| whole != short) {
            let parameters = asked.get(index).map(ToString::to_string).unwrap_or_default();
            return Err(Error::LooksAhead { parameters, bar, last_bar: end - 1 });
        }
    }
    Ok(())
}
