//! How steady the choice of parameters is: over time, and over the parameter grid.

use std::collections::BTreeMap;

use super::report::{ParameterStability, Stability, Winner};
use super::score::Score;
use crate::statistics::{count, mean, mean_and_deviation};
use crate::{ParameterSet, Value};

/// The places of the parameter sets on the grid of the values that were tried.
pub(super) struct Neighbourhood {
    radius: usize,
    /// For each set the place of each of its values. `None` for sets that do not have the parameters of the first.
    places: Vec<Option<Vec<Place>>>,
}

/// The place of a value along its dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// A number: how many smaller numbers were tried.
    Ordered(usize),
    /// A name or truth value: has no neighbours.
    Named(usize),
}

impl Neighbourhood {
    pub(super) fn of(parameters: &[ParameterSet], radius: usize) -> Self {
        let names: Vec<&str> =
            parameters.first().into_iter().flat_map(ParameterSet::iter).map(|(name, _)| name).collect();
        let dimensions: Vec<Vec<&Value>> = names.iter().map(|name| tried(parameters, name)).collect();
        let place = |set: &ParameterSet| {
            let places = names.iter().zip(&dimensions).map(|(name, values)| {
                let value = set.get(name)?;
                match value.as_number() {
                    Some(number) => {
                        let smaller = |other: &&Value| other.as_number().is_some_and(|other| other < number);
                        Some(Place::Ordered(values.partition_point(smaller)))
                    }
                    None => values.iter().position(|other| *other == value).map(Place::Named),
                }
            });
            (set.len() == names.len()).then(|| places.collect()).flatten()
        };
        Self { radius, places: parameters.iter().map(place).collect() }
    }

    /// The mean score of the neighbours of a set over its own; see [`Winner::plateau_ratio`].
    pub(super) fn plateau_ratio(&self, index: usize, scores: &[Score]) -> Option<f64> {
        let own = scores.get(index)?.in_comparison().filter(|own| *own > 0.0)?;
        let centre = self.places.get(index)?.as_ref()?;
        let neighbour = |(other, (place, score)): (usize, (&Option<Vec<Place>>, &Score))| {
            let near = other != index && self.is_near(centre, place.as_ref()?);
            near.then(|| score.in_comparison().unwrap_or(0.0))
        };
        let neighbours: Vec<f64> = self.places.iter().zip(scores).enumerate().filter_map(neighbour).collect();
        Some(mean(&neighbours)? / own)
    }

    fn is_near(&self, centre: &[Place], other: &[Place]) -> bool {
        centre.iter().zip(other).all(|(left, right)| match (left, right) {
            (Place::Ordered(left), Place::Ordered(right)) => left.abs_diff(*right) <= self.radius,
            _ => left == right,
        })
    }
}

/// The distinct values that were tried for a parameter: numbers first and in order, then the others.
fn tried<'a>(parameters: &'a [ParameterSet], name: &str) -> Vec<&'a Value> {
    let mut numbers: Vec<&Value> = Vec::new();
    let mut others: Vec<&Value> = Vec::new();
    for value in parameters.iter().filter_map(|set| set.get(name)) {
        if value.as_number().is_some() {
            numbers.push(value);
        } else if !others.contains(&value) {
            others.push(value);
        }
    }
    let number = |value: &Value| value.as_number().unwrap_or(f64::NAN);
    numbers.sort_by(|left, right| number(left).total_cmp(&number(right)));
    numbers.dedup_by(|left, right| number(left) == number(right));
    numbers.extend(others);
    numbers
}

pub(super) fn stability(parameters: &[ParameterSet], winners: &[&Winner]) -> Stability {
    let chosen: Vec<usize> = winners.iter().map(|winner| winner.parameter_set).collect();
    let steps: Vec<f64> =
        chosen.windows(2).map(|pair| f64::from(u8::from(pair.first() == pair.last()))).collect();
    let first = parameters.first();
    let names = first.into_iter().flat_map(ParameterSet::iter).map(|(name, _)| name);
    Stability {
        unchanged: mean(&steps),
        entropy: entropy(&chosen),
        parameters: names.map(|name| parameter_stability(name, parameters, winners)).collect(),
    }
}

fn parameter_stability(name: &str, parameters: &[ParameterSet], winners: &[&Winner]) -> ParameterStability {
    let chosen: Vec<&Value> = winners.iter().filter_map(|winner| winner.parameters.get(name)).collect();
    let numbers: Vec<f64> = chosen.iter().filter_map(|value| value.as_number()).collect();
    let all_numbers = numbers.len() == chosen.len();
    let tried = tried(parameters, name);
    let bounds =
        tried.first().and_then(|low| low.as_number()).zip(tried.last().and_then(|high| high.as_number()));
    let range = bounds.map(|(low, high)| high - low).filter(|range| *range > 0.0 && all_numbers);
    let steps: Vec<f64> = numbers
        .windows(2)
        .map(|pair| pair.iter().fold(0.0_f64, |difference, value| value - difference).abs())
        .collect();
    let places: Vec<usize> =
        chosen.iter().filter_map(|value| tried.iter().position(|other| other == value)).collect();
    ParameterStability {
        name: name.to_owned(),
        coefficient_of_variation: variation(&numbers).filter(|_| all_numbers),
        mean_step: range.and_then(|range| Some(mean(&steps)? / range)),
        entropy: entropy(&places),
    }
}

/// Deviation over the size of the mean; 0 for equal values.
fn variation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values).filter(|mean| *mean != 0.0)?;
    Some(mean_and_deviation(values).map_or(0.0, |(_, deviation)| deviation / mean.abs()))
}

/// Shannon's entropy of how often each value occurs, in nats.
fn entropy(values: &[usize]) -> Option<f64> {
    let mut occurrences = BTreeMap::<usize, usize>::new();
    for value in values {
        *occurrences.entry(*value).or_default() += 1;
    }
    let part = |times: &usize| {
        let share = count(*times) / count(values.len());
        -share * libm::log(share)
    };
    // The sum of nothing but one certain value is -0.
    (!values.is_empty()).then(|| occurrences.values().map(part).sum::<f64>().max(0.0))
}
