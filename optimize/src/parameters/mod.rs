//! What a study may vary: named dimensions, the grid that they span, and one point of it.

mod dimension;
mod grid;
mod set;
mod value;

pub use dimension::Dimension;
pub use grid::Grid;
pub use set::ParameterSet;
pub use value::Value;
