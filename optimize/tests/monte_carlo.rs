//! Monte Carlo: repeats to the bit, meets what can be computed exactly, refuses what it cannot digest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cofferdam_optimize::{Error, MonteCarlo, MonteCarloBuilder, MonteCarloReport, Resampling};
use proptest::prelude::*;

fn returns() -> Vec<f64> {
    (0..60).map(|k| f64::from(k * 29 % 60 - 27) / 1000.0).collect()
}

const ALL: [Resampling; 4] = [
    Resampling::Bootstrap,
    Resampling::Shuffle,
    Resampling::StationaryBlock(7.0),
    Resampling::CircularBlock(5),
];

fn on_threads(threads: usize, builder: MonteCarloBuilder) -> String {
    let simulation = builder.build().unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    // JSON writes the shortest digits that give the same float back, so equal text is equal bits.
    serde_json::to_string(&pool.install(|| simulation.run(&returns()).unwrap())).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bits_on_one_thread_and_on_two() {
    for resampling in ALL {
        // Not a multiple of the paths that walk together.
        let builder = MonteCarlo::new(resampling).paths(1_003).seed(99).ruin_drawdown(0.1).ruin_floor(0.9);
        let one = on_threads(1, builder.clone());
        assert_eq!(one, on_threads(2, builder.clone()), "{resampling}");
        assert_ne!(one, on_threads(2, builder.seed(100)), "{resampling}");
    }
}

/// The figures that this crate gives today, to the bit: a change of generator, order of summation or compiler that moves the
/// last digit of anyone's stored result must not go unseen.
#[test]
fn results_do_not_change_from_version_to_version() {
    let simulation = MonteCarlo::new(Resampling::StationaryBlock(7.0)).paths(500).seed(42).build().unwrap();
    let report = simulation.run(&returns()).unwrap();
    let bits = [
        report.final_equity.mean.value,
        report.final_equity.percentile(5.0).unwrap().value,
        report.maximum_drawdown.mean.value,
        report.conditional_value_at_risk.value,
    ]
    .map(f64::to_bits);
    assert_eq!(bits, RECORDED);
}

const RECORDED: [u64; 4] = [
    4_607_958_987_850_627_060,
    4_606_700_507_643_804_962,
    4_591_331_601_764_091_794,
    4_591_445_019_100_590_755,
];

/// With steps up and down by the same factor the logarithm of the equity is a random walk, for which ruin is known: from a
/// steps above the floor, (q/p)^a. Steps of 1 percent, 55 of 100 up, the floor ten steps down.
#[test]
fn touching_a_floor_is_the_gamblers_ruin() {
    let (up, down) = (0.01, 1.0 / 1.01 - 1.0);
    let steps: Vec<f64> = (0..100).map(|k| if k < 55 { up } else { down }).collect();
    let floor = 1.01_f64.powi(-10);
    // After 1500 steps the walk stands 150 steps up and comes back with a probability below 10⁻⁸.
    let simulation =
        MonteCarlo::new(Resampling::Bootstrap).paths(6_000).horizon(1_500).seed(3).ruin_floor(floor);
    let ruin = simulation.build().unwrap().run(&steps).unwrap().probability_of_floor.unwrap();
    let exact = (0.45_f64 / 0.55).powi(10);
    assert!((ruin.value - exact).abs() < 4.5 * ruin.error, "{ruin:?} instead of {exact}");
    assert!((exact - 0.134_430_632_749_311_86).abs() < 1e-15);
}

/// A single fall by half from the start is a drawdown of half and a touch of the floor at half: boundaries count as reached,
/// whatever the rounding of logarithms.
#[test]
fn boundaries_count_as_reached() {
    let simulation = |ruin| {
        MonteCarlo::new(Resampling::Shuffle)
            .paths(64)
            .ruin_drawdown(ruin)
            .ruin_floor(1.0 - ruin)
            .build()
            .unwrap()
    };
    for fall in [0.1, 0.3, 0.5, 0.7] {
        let report = simulation(fall).run(&[-fall, 0.0]).unwrap();
        assert_eq!(report.probability_of_drawdown.unwrap().value, 1.0, "{fall}");
        assert_eq!(report.probability_of_floor.unwrap().value, 1.0, "{fall}");
        let report = simulation(fall + 1e-6).run(&[-fall, 0.0]).unwrap();
        assert_eq!(report.probability_of_floor.unwrap().value, 0.0, "{fall}");
    }
}

/// quantstats names a shuffle "Monte Carlo", so its goal probability can only be 0 or 1. Here the two have names.
#[test]
fn a_shuffle_moves_the_way_and_a_bootstrap_the_end() {
    let run = |resampling| MonteCarlo::new(resampling).paths(2_000).build().unwrap().run(&returns()).unwrap();
    let (shuffle, bootstrap) = (run(Resampling::Shuffle), run(Resampling::Bootstrap));
    let product: f64 = returns().iter().map(|value| 1.0 + value).product();
    assert!((shuffle.final_equity.mean.value / product - 1.0).abs() < 1e-12);
    assert!(shuffle.final_equity.deviation < 1e-12 && shuffle.maximum_drawdown.deviation > 0.001);
    assert!(bootstrap.final_equity.deviation > 0.01);
    assert!(bootstrap.probability_of_profit.value > 0.0 && bootstrap.probability_of_profit.value < 1.0);
}

#[test]
fn a_total_loss_stays_a_loss() {
    let report =
        MonteCarlo::new(Resampling::Shuffle).paths(100).ruin_drawdown(1.0).ruin_floor(0.0).build().unwrap();
    let report = report.run(&[0.5, -1.0, 0.25, 0.1]).unwrap();
    assert_eq!(report.final_equity.percentile(95.0).unwrap().value, 0.0);
    assert_eq!(report.maximum_drawdown.mean.value, 1.0);
    assert_eq!(report.probability_of_drawdown.unwrap().value, 1.0);
    assert_eq!(report.probability_of_floor.unwrap().value, 1.0);
    assert_eq!(report.conditional_value_at_risk.value, 1.0);
}

#[test]
fn what_was_never_seen_still_has_an_error() {
    let report =
        MonteCarlo::new(Resampling::Bootstrap).paths(100).build().unwrap().run(&[-0.01, -0.02]).unwrap();
    assert_eq!(report.probability_of_profit.value, 0.0);
    assert!(report.probability_of_profit.error > 0.001);
}

#[test]
fn settings_out_of_range_are_named() {
    let error = |builder: MonteCarloBuilder| builder.build().unwrap_err().to_string();
    let new = || MonteCarlo::new(Resampling::Bootstrap);
    assert!(error(new().paths(0)).starts_with("paths is 0"));
    assert!(error(new().paths(usize::MAX)).starts_with("paths is"));
    assert!(error(new().horizon(0)).starts_with("horizon is 0"));
    assert!(error(new().percentiles([5.0, 100.0])).starts_with("a percentile is 100"));
    assert!(error(new().percentiles([f64::NAN])).starts_with("a percentile is NaN"));
    assert!(error(new().tail(0.0)).starts_with("tail is 0"));
    assert!(error(new().ruin_drawdown(1.1)).starts_with("ruin_drawdown is 1.1"));
    assert!(error(new().ruin_floor(1.0)).starts_with("ruin_floor is 1"));
    assert!(
        error(MonteCarlo::new(Resampling::StationaryBlock(0.5))).starts_with("the mean block length is 0.5")
    );
    assert!(error(MonteCarlo::new(Resampling::CircularBlock(0))).starts_with("the block length is 0"));
    let long = MonteCarlo::new(Resampling::Shuffle).horizon(3).build().unwrap().run(&[0.1, 0.1]).unwrap_err();
    assert!(long.to_string().starts_with("horizon is 3"));
}

#[test]
fn the_table_shows_each_figure_with_its_error() {
    let report = MonteCarlo::new(Resampling::Bootstrap)
        .paths(50)
        .ruin_floor(0.8)
        .build()
        .unwrap()
        .run(&returns())
        .unwrap();
    let table = report.to_string();
    for part in [
        "bootstrap: 50 paths of 60 steps out of 60 returns, seed 0",
        "final equity",
        "95 %",
        "an equity of 0.8",
        "±",
    ] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any floats at all: a report whose figures are numbers, or an error that says where; never a panic.
    #[test]
    fn any_series_gives_a_report_or_an_error(
        series in proptest::collection::vec(prop_oneof![8 => -1.0_f64..1.0, 1 => Just(0.0), 1 => any::<f64>()], 0..40),
        which in 0_usize..4,
    ) {
        let simulation = MonteCarlo::new(ALL[which]).paths(20).ruin_drawdown(0.5).ruin_floor(0.2).build().unwrap();
        match simulation.run(&series) {
            Ok(report) => {
                let text = serde_json::to_string(&report).unwrap();
                prop_assert_eq!(serde_json::from_str::<MonteCarloReport>(&text).unwrap(), report);
            }
            Err(Error::TooShort { .. }) => prop_assert!(series.len() < 2),
            Err(Error::InvalidReturn { bar, .. }) => prop_assert!(!(series[bar].is_finite() && series[bar] >= -1.0)),
            Err(error) => prop_assert!(matches!(error, Error::Overflow { .. }), "{}", error),
        }
    }
}
