//! One point of the parameter space.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Value;
use crate::Error;

/// One point of the parameter space: names and values, in a fixed order. In JSON it is an object.
///
/// ```
/// use cofferdam_optimize::ParameterSet;
///
/// let set = ParameterSet::new([("fast", 5.into()), ("slow", 40.into())])?;
/// assert_eq!(set.integer("slow"), Some(40));
/// assert_eq!(set.to_string(), "fast=5 slow=40");
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParameterSet {
    /// Names are distinct, numbers finite. The names are shared by all points of a grid.
    entries: Vec<(Arc<str>, Value)>,
}

impl ParameterSet {
    /// A parameter set of these entries, in this order.
    ///
    /// # Errors
    /// When a name occurs twice or a number is not finite.
    pub fn new<N: Into<Arc<str>>>(entries: impl IntoIterator<Item = (N, Value)>) -> Result<Self, Error> {
        let mut set = Self::default();
        for (name, value) in entries {
            set.push(name.into(), value)?;
        }
        Ok(set)
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find_map(|(found, value)| (found == name).then_some(value))
    }

    /// The value of a parameter as a number; `None` when there is none or it is not a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_number()
    }

    /// The value of a parameter as a whole number; `None` when there is none or it is not whole.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_integer()
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (&**name, value))
    }

    /// How many parameters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no parameter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// For points of a grid, whose dimensions were checked.
    pub(super) const fn from_checked(entries: Vec<(Arc<str>, Value)>) -> Self {
        Self { entries }
    }

    fn push(&mut self, name: Arc<str>, value: Value) -> Result<(), Error> {
        if self.get(&name).is_some() {
            return Err(Error::DuplicateParameter { name: name.to_string() });
        }
        if let Value::Float(number) = value
            && !number.is_finite()
        {
            return Err(Error::NonFiniteParameter { name: name.to_string(), value: number });
        }
        self.entries.push((name, value));
        Ok(())
    }
}

impl fmt::Display for ParameterSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, value)) in self.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(formatter, "{space}{name}={value}")?;
        }
        Ok(())
    }
}

impl Serialize for ParameterSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for ParameterSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = ParameterSet;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of parameter names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ParameterSet, A::Error> {
                let mut set = ParameterSet::default();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    set.push(name.into(), value).map_err(de::Error::custom)?;
                }
                Ok(set)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
