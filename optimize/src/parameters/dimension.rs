//! One named dimension of the parameter space.

use std::sync::Arc;

use super::Value;
use crate::Error;
use crate::parameters::grid::MAX_POINTS;

/// A step that is meant to land on the end may miss it by rounding: 0.0 to 0.3 in steps of 0.1 has four points,
/// though 3 × 0.1 is a little more than 0.3. This part of a step is forgiven.
const STEP_TOLERANCE: f64 = 1e-9;

/// A named parameter and the values that a grid tries for it, in their order.
///
/// Values are computed when the dimension is made; a float grid is `start + k × step`, so no rounding error adds up.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    pub(super) name: Arc<str>,
    /// Never empty; numbers are finite.
    pub(super) values: Vec<Value>,
}

impl Dimension {
    /// Whole numbers `first, first + step, …` up to and with `last`, where the steps meet it.
    ///
    /// # Errors
    /// When `step` is not positive, `last` lies below `first`, or there are more points than a grid may have.
    pub fn integer(name: impl Into<Arc<str>>, first: i64, last: i64, step: i64) -> Result<Self, Error> {
        let name = name.into();
        if step <= 0 {
            return Err(invalid(&name, "the step must be at least 1"));
        }
        if last < first {
            return Err(invalid(&name, "the last value lies below the first"));
        }
        let steps = last.abs_diff(first) / step.unsigned_abs();
        check_size(steps)?;
        // Each value lies between `first` and `last`, so the arithmetic cannot overflow.
        let values = (0..=steps).filter_map(|k| first.checked_add_unsigned(k * step.unsigned_abs()));
        let values = values.map(Value::Integer).collect();
        Ok(Self { name, values })
    }

    /// Numbers `first + k × step` up to and with `last`, where the steps meet it.
    ///
    /// # Errors
    /// When a number is not finite, `step` is not positive, `last` lies below `first`, or there are more points than
    /// a grid may have.
    pub fn float(name: impl Into<Arc<str>>, first: f64, last: f64, step: f64) -> Result<Self, Error> {
        let name = name.into();
        if let Some(value) = [first, last, step].into_iter().find(|value| !value.is_finite()) {
            return Err(Error::NonFiniteParameter { name: name.to_string(), value });
        }
        if step <= 0.0 {
            return Err(invalid(&name, "the step must be positive"));
        }
        if last < first {
            return Err(invalid(&name, "the last value lies below the first"));
        }
        let steps = ((last - first) / step + STEP_TOLERANCE).floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float to integer cast saturates"
        )]
        let steps = steps as u64;
        check_size(steps)?;
        #[expect(clippy::cast_precision_loss, reason = "at most MAX_POINTS steps, far below 2^53")]
        let values = (0..=steps).map(|k| Value::Float((first + k as f64 * step).min(last))).collect();
        Ok(Self { name, values })
    }

    /// Values without an order: names, truth values, or numbers that follow no step.
    ///
    /// # Errors
    /// When there is no value or a number is not finite.
    pub fn choice<V: Into<Value>>(
        name: impl Into<Arc<str>>,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self, Error> {
        let name = name.into();
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        if values.is_empty() {
            return Err(invalid(&name, "a choice needs at least one value"));
        }
        for value in &values {
            if let Value::Float(number) = value
                && !number.is_finite()
            {
                return Err(Error::NonFiniteParameter { name: name.to_string(), value: *number });
            }
        }
        Ok(Self { name, values })
    }

    /// The parameter's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The values, in the order in which a grid tries them; never empty.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

fn invalid(name: &str, reason: &'static str) -> Error {
    Error::InvalidDimension { name: name.to_owned(), reason }
}

/// Refuses a dimension of more points than a whole grid may have, before it is put into memory.
fn check_size(steps: u64) -> Result<(), Error> {
    if steps >= MAX_POINTS {
        return Err(Error::GridTooLarge { points: steps.saturating_add(1), limit: MAX_POINTS });
    }
    Ok(())
}
