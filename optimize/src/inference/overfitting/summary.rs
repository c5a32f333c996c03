//! Makes the report out of the choices, in a fixed order.

use super::contest::Choice;
use super::{Degradation, OverfittingReport, OverfittingSettings};
use crate::Error;
use crate::inference::columns::Candidates;
use crate::statistics::{count, interpolated, sum_of};

/// The report without its null.
pub(super) fn report(
    settings: &OverfittingSettings,
    candidates: &Candidates<'_>,
    choices: &[Option<Choice>],
) -> Result<OverfittingReport, Error> {
    let columns = candidates.columns().len();
    let choices: Vec<Choice> = choices.iter().flatten().copied().collect();
    if choices.is_empty() {
        return Err(Error::NothingVaries { what: "the returns of the parameter sets" });
    }
    let logits: Vec<f64> = choices.iter().map(|choice| logit(choice, columns)).collect();
    let halves = count(choices.len());
    let losses = choices.iter().filter(|choice| choice.out_of_sample < 0.0).count();
    let mut sorted = logits.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let (most_chosen, times) = most_chosen(&choices, columns);
    Ok(OverfittingReport {
        settings: settings.clone(),
        observations: candidates.bars(),
        trials: candidates.trials(),
        candidates: columns,
        halves: choices.len(),
        probability: probability(&choices, columns),
        probability_of_loss: count(losses) / halves,
        mean_logit: sum_of(&logits, |logit| logit) / halves,
        median_logit: interpolated(&sorted, 0.5).unwrap_or(0.0),
        degradation: degradation(&choices),
        most_chosen: candidates.place(most_chosen),
        most_chosen_share: count(times) / halves,
        logits,
        null: None,
    })
}

/// The share of choices whose rank is not above the middle. In whole numbers: the logarithm of 1 may be rounded.
pub(super) fn probability(choices: &[Choice], columns: usize) -> f64 {
    let low = choices.iter().filter(|choice| twice_the_rank(choice) <= columns + 1).count();
    count(low) / count(choices.len())
}

/// Equal scores share the mean of their ranks, which is a whole number or a half.
const fn twice_the_rank(choice: &Choice) -> usize {
    2 * choice.worse + choice.equal + 1
}

fn logit(choice: &Choice, columns: usize) -> f64 {
    let twice = twice_the_rank(choice);
    // ω/(1 − ω) = r/(N + 1 − r), which is exact where N + 1 is not.
    libm::log(count(twice) / count(2 * (columns + 1) - twice))
}

/// The first of the columns that were chosen most often.
fn most_chosen(choices: &[Choice], columns: usize) -> (usize, usize) {
    let mut times = vec![0_usize; columns];
    for choice in choices {
        if let Some(times) = times.get_mut(choice.winner) {
            *times += 1;
        }
    }
    let mut most = (0, 0);
    for (column, times) in times.into_iter().enumerate() {
        if times > most.1 {
            most = (column, times);
        }
    }
    most
}

/// Ordinary least squares about the means.
fn degradation(choices: &[Choice]) -> Option<Degradation> {
    let n = count(choices.len());
    let sum = |term: &dyn Fn(&Choice) -> f64| choices.iter().fold(0.0, |sum, choice| sum + term(choice));
    let middle = (sum(&|choice| choice.in_sample) / n, sum(&|choice| choice.out_of_sample) / n);
    let (x, y) =
        (|choice: &Choice| choice.in_sample - middle.0, |choice: &Choice| choice.out_of_sample - middle.1);
    let (xx, yy) = (sum(&|choice| x(choice) * x(choice)), sum(&|choice| y(choice) * y(choice)));
    let xy = sum(&|choice| x(choice) * y(choice));
    let slope = xy / xx;
    let determination = if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 };
    let line = Degradation { slope, intercept: middle.1 - slope * middle.0, determination };
    (slope.is_finite() && line.intercept.is_finite() && determination.is_finite()).then_some(line)
}
