//! The numbers that programs work on.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::Error;

/// Named series of equal length, one value a bar. Cloning is cheap. It is identified by its content: equal data sets
/// are stored once and found again after a restart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dataset {
    series: BTreeMap<String, Arc<[f64]>>,
}

impl Dataset {
    /// No series yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series, oldest value first.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSeries`] when its length differs from that of the others, or there is one of that name.
    pub fn series(mut self, name: impl Into<String>, values: impl Into<Arc<[f64]>>) -> Result<Self, Error> {
        let (name, values) = (name.into(), values.into());
        let invalid = |problem: String| Err(Error::InvalidSeries { name: name.clone(), problem });
        if self.series.contains_key(&name) {
            return invalid("is there already; give every series a name of its own".to_owned());
        }
        if !self.series.is_empty() && values.len() != self.bars() {
            return invalid(format!("has {} values where the others have {}", values.len(), self.bars()));
        }
        self.series.insert(name, values);
        Ok(self)
    }

    /// How many values each series has.
    #[must_use]
    pub fn bars(&self) -> usize {
        self.series.values().next().map_or(0, |values| values.len())
    }

    /// The values of one series.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.series.get(name).map(AsRef::as_ref)
    }

    /// The names of the series.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.series.keys().map(String::as_str)
    }

    /// The series, cut to a range of bars.
    pub(crate) fn cut(&self, bars: &Range<usize>) -> Vec<(String, Arc<[f64]>)> {
        let whole = *bars == (0..self.bars());
        let part = |values: &Arc<[f64]>| {
            if whole { Arc::clone(values) } else { Arc::from(values.get(bars.clone()).unwrap_or_default()) }
        };
        self.series.iter().map(|(name, values)| (name.clone(), part(values))).collect()
    }

    /// The content as bytes: for each series the length of its name, its name, the number of its values, and its values;
    /// all numbers little-endian. The same content gives the same bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.series.len() * (self.bars() * 8 + 64));
        for (name, values) in &self.series {
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend((values.len() as u64).to_le_bytes());
            values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` when it is anything else.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut dataset = Self::new();
        while !bytes.is_empty() {
            let length = take_length(&mut bytes)?;
            let name = std::str::from_utf8(bytes.split_off(..length)?).ok()?.to_owned();
            let count = take_length(&mut bytes)?;
            let values = bytes.split_off(..count.checked_mul(8)?)?;
            let (values, _) = values.as_chunks::<8>();
            let values: Arc<[f64]> = values.iter().map(|value| f64::from_le_bytes(*value)).collect();
            dataset = dataset.series(name, values).ok()?;
        }
        Some(dataset)
    }
}

fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    usize::try_from(u64::from_le_bytes(*length)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_survives_the_way_through_bytes() {
        let dataset = Dataset::new()
            .series("close", vec![1.0, -0.0, f64::INFINITY])
            .and_then(|dataset| dataset.series("é", vec![1e-300, 2.0, 3.0]))
            .unwrap();
        let bytes = dataset.to_bytes();
        assert_eq!(Dataset::from_bytes(&bytes), Some(dataset));
        assert_eq!(Dataset::from_bytes(&[]), Some(Dataset::new()));
        for end in 1..bytes.len() {
            let cut = Dataset::from_bytes(&bytes[..end]);
            assert!(cut.is_none_or(|cut| cut.names().count() == 1), "{end}");
        }
        assert_eq!(Dataset::from_bytes(&u64::MAX.to_le_bytes()), None);
    }

    #[test]
    fn series_must_fit_together() {
        let dataset = Dataset::new().series("close", vec![1.0, 2.0]).unwrap();
        let short = dataset.clone().series("open", vec![1.0]).unwrap_err();
        assert_eq!(short.to_string(), "the series `open` has 1 values where the others have 2");
        assert!(dataset.series("close", vec![1.0, 2.0]).is_err());
    }
}
