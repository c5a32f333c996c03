//! Parameter space and figures: order, bounds, JSON, and input of every kind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cofferdam_optimize::{Dimension, Error, Grid, Metrics, ParameterSet, SharpeEstimate, Value};
use proptest::prelude::*;

#[test]
fn the_first_dimension_is_the_outer_loop() {
    let grid = Grid::new([
        Dimension::choice("side", ["long", "short"]).unwrap(),
        Dimension::float("stop", 0.0, 0.3, 0.1).unwrap(),
    ])
    .unwrap();
    let shown: Vec<String> = grid.parameter_sets().iter().map(ToString::to_string).collect();
    assert_eq!(grid.points(), 8);
    assert_eq!(
        shown[..4],
        ["side=long stop=0", "side=long stop=0.1", "side=long stop=0.2", "side=long stop=0.3"]
    );
    assert_eq!(shown[4], "side=short stop=0");
}

#[test]
fn a_constraint_that_nothing_meets_is_an_error() {
    let grid = Grid::new([Dimension::integer("n", 1, 9, 1).unwrap()]).unwrap();
    assert!(matches!(grid.parameter_sets_where(|_| false), Err(Error::NoParameterSets)));
    assert!(matches!(Grid::new([]), Err(Error::NoParameterSets)));
}

#[test]
fn dimensions_without_a_usable_grid_are_refused() {
    let refused = |dimension: Result<Dimension, Error>| dimension.unwrap_err().to_string();
    assert!(refused(Dimension::integer("n", 1, 9, 0)).contains("at least 1"));
    assert!(refused(Dimension::integer("n", 9, 1, 1)).contains("below the first"));
    assert!(refused(Dimension::float("x", 0.0, 1.0, -0.1)).contains("positive"));
    assert!(refused(Dimension::float("x", 0.0, f64::INFINITY, 1.0)).contains("is inf"));
    assert!(refused(Dimension::choice("x", [f64::NAN])).contains("is NaN"));
    assert!(refused(Dimension::choice("x", Vec::<i64>::new())).contains("at least one value"));
}

/// A step that is a typing error must cost an error, not the machine's memory.
#[test]
fn huge_grids_are_refused_before_they_are_made() {
    assert!(matches!(Dimension::integer("n", i64::MIN, i64::MAX, 1), Err(Error::GridTooLarge { .. })));
    assert!(matches!(Dimension::float("x", 0.0, 1.0, 1e-300), Err(Error::GridTooLarge { .. })));
    let wide = |name: &str| Dimension::integer(name, 1, 1001, 1).unwrap();
    let error = Grid::new([wide("a"), wide("b")]).unwrap_err();
    assert!(matches!(error, Error::GridTooLarge { points: 1_002_001, limit: 1_000_000 }));
    let whole = Dimension::integer("n", i64::MIN, i64::MAX, i64::MAX).unwrap();
    assert_eq!(whole.values().len(), 3);
}

#[test]
fn a_parameter_set_is_a_json_object_in_its_order() {
    let set = ParameterSet::new([
        ("z", Value::from(1)),
        ("a", 0.5.into()),
        ("side", "long".into()),
        ("on", true.into()),
    ])
    .unwrap();
    let text = serde_json::to_string(&set).unwrap();
    assert_eq!(text, r#"{"z":1,"a":0.5,"side":"long","on":true}"#);
    assert_eq!(serde_json::from_str::<ParameterSet>(&text).unwrap(), set);
    assert!(
        serde_json::from_str::<ParameterSet>(r#"{"a":1,"a":2}"#).unwrap_err().to_string().contains("twice")
    );
    assert!(serde_json::from_str::<ParameterSet>(r#"{"a":[1]}"#).is_err());
    assert!(matches!(
        ParameterSet::new([("a", Value::from(f64::NAN))]),
        Err(Error::NonFiniteParameter { .. })
    ));
}

#[test]
fn a_series_without_variance_has_no_ratio() {
    for constant in [0.0, 0.001, -0.003, 1e-200, 0.1] {
        let metrics = Metrics::of(&[constant; 50], 252.0).unwrap();
        assert_eq!((metrics.sharpe, metrics.skewness, metrics.kurtosis), (None, None, None), "{constant}");
        assert_eq!(SharpeEstimate::of(&[constant; 50]).unwrap(), None);
    }
}

#[test]
fn short_and_overflowing_series_are_errors() {
    assert!(matches!(Metrics::of(&[], 252.0), Err(Error::TooShort { .. })));
    assert!(matches!(Metrics::of(&[0.1], 252.0), Err(Error::TooShort { .. })));
    assert!(matches!(Metrics::of(&[1e308, 1e308], 252.0), Err(Error::Overflow { .. })));
    assert!(matches!(Metrics::of(&[0.1, 0.2], 0.0), Err(Error::InvalidSetting { .. })));
    assert!(matches!(Metrics::of(&[0.1, f64::NAN], 252.0), Err(Error::InvalidReturn { bar: 1, .. })));
    assert!(SharpeEstimate::new(f64::NAN, 0.0, 3.0, 10).is_err());
    assert!(SharpeEstimate::new(0.1, 0.0, 3.0, 1).is_err());
}

proptest! {
    #[test]
    fn metrics_are_numbers_or_an_error(
        series in proptest::collection::vec(prop_oneof![6 => -1.0_f64..1.0, 1 => Just(0.0), 1 => Just(1e-160), 1 => any::<f64>()], 0..60),
    ) {
        match Metrics::of(&series, 252.0) {
            Ok(metrics) => {
                // JSON writes NaN and infinities as null, so figures that are no numbers do not come back.
                let text = serde_json::to_string(&metrics).unwrap();
                prop_assert_eq!(serde_json::from_str::<Metrics>(&text).unwrap(), metrics);
                prop_assert!((0.0..=1.0).contains(&metrics.drawdown.maximum));
                prop_assert!(metrics.drawdown.peak <= metrics.drawdown.trough);
            }
            Err(Error::InvalidReturn { bar, .. }) => prop_assert!(!(series[bar].is_finite() && series[bar] >= -1.0)),
            Err(Error::TooShort { .. }) => prop_assert!(series.len() < 2),
            Err(error) => prop_assert!(matches!(error, Error::Overflow { .. }), "{}", error),
        }
    }

    #[test]
    fn a_float_grid_stays_in_its_bounds(first in -1e6_f64..1e6, length in 0.0_f64..1e3, step in 0.01_f64..10.0) {
        let dimension = Dimension::float("x", first, first + length, step).unwrap();
        let values: Vec<f64> = dimension.values().iter().filter_map(Value::as_number).collect();
        prop_assert_eq!(values[0], first);
        prop_assert!(values.iter().all(|value| *value >= first && *value <= first + length));
        prop_assert!(values.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(first + length - values[values.len() - 1] < step * 1.000_001);
    }
}
