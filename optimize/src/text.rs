//! How the tables of the reports write numbers.

/// Three decimals, or a dash for a figure that does not exist.
pub(crate) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

/// One decimal and a percent sign, or a dash for a figure that does not exist.
pub(crate) fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:.1} %", value * 100.0))
}
