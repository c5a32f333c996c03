//! Monte Carlo: repeats to the bit, meets what can be computed exactly, refuses what it cannot digest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cofferdam_optimize::{
    BlockLength, Error, Metrics, MonteCarlo, MonteCarloBuilder, MonteCarloReport, Resampling,
};
use proptest::prelude::*;

fn returns() -> Vec<f64> {
    (0..60).map(|k| f64::from(k * 29 % 60 - 27) / 1000.0).collect()
}

const ALL: [Resampling; 8] = [
    Resampling::Bootstrap,
    Resampling::Shuffle,
    Resampling::StationaryBlock(7.0),
    Resampling::StationaryAutomatic,
    Resampling::CircularBlock(5),
    Resampling::CircularAutomatic,
    Resampling::SkipTrades(0.2),
    Resampling::CostStress(0.01),
];

fn on_threads(threads: usize, builder: MonteCarloBuilder) -> String {
    let simulation = builder.build().unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    // JSON writes the shortest digits that give the same float back, so equal text is equal bits.
    serde_json::to_string(&pool.install(|| simulation.run(&returns()).unwrap())).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    for resampling in ALL {
        // Not a multiple of the paths that walk together.
        let builder = MonteCarlo::new(resampling).paths(1_003).seed(99).ruin_drawdown(0.1).ruin_floor(0.9);
        let builder = builder.ulcer_index(true).keep_outcomes(true);
        let one = on_threads(1, builder.clone());
        for threads in [2, 3, 8] {
            assert_eq!(one, on_threads(threads, builder.clone()), "{resampling}, {threads} threads");
        }
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

/// Nothing skipped is what happened; everything skipped is nothing. Between, each of two trades is there half of the time.
#[test]
fn skipped_trades_count_as_nothing() {
    let run = |probability, series: &[f64]| {
        let simulation =
            MonteCarlo::new(Resampling::SkipTrades(probability)).paths(4_000).keep_outcomes(true);
        simulation.build().unwrap().run(series).unwrap()
    };
    let product: f64 = returns().iter().map(|value| 1.0 + value).product();
    let all = run(0.0, &returns()).final_equity;
    assert!((all.mean.value / product - 1.0).abs() < 1e-12 && all.deviation < 1e-12);
    let none = run(1.0, &returns());
    assert_eq!((none.final_equity.mean.value, none.maximum_drawdown.mean.value), (1.0, 0.0));
    let outcomes = run(0.5, &[0.5, -0.5]).outcomes.unwrap();
    for (equity, drawdown) in [(1.0, 0.0), (1.5, 0.0), (0.5, 0.5), (0.75, 0.5)] {
        let same = |found: f64, expected: f64| (found - expected).abs() < 1e-12;
        let seen = outcomes
            .iter()
            .filter(|path| same(path.final_equity, equity) && same(path.maximum_drawdown, drawdown))
            .count();
        // A quarter of 4,000, deviation 27.
        assert!(seen.abs_diff(1_000) < 137, "{seen} of {equity}");
    }
}

/// Costs from 0 to the highest, sixteen of them equally likely; a bar out of the market pays none.
#[test]
fn costs_are_paid_by_trades_and_by_nothing_else() {
    let simulation =
        MonteCarlo::new(Resampling::CostStress(0.03)).paths(8_000).keep_outcomes(true).build().unwrap();
    let outcomes = simulation.run(&[0.1, 0.0]).unwrap().outcomes.unwrap();
    let mut equities: Vec<f64> = outcomes.iter().map(|path| path.final_equity).collect();
    equities.sort_by(f64::total_cmp);
    let levels: Vec<&[f64]> = equities.chunk_by(|left, right| right - left < 1e-9).collect();
    assert_eq!(levels.len(), 16);
    for (level, equities) in levels.iter().rev().enumerate() {
        let expected = 1.1 * (1.0 - 0.03 * level as f64 / 15.0);
        assert!((equities[0] - expected).abs() < 1e-12, "{} instead of {expected}", equities[0]);
        // A sixteenth of 8,000, deviation 22.
        assert!(equities.len().abs_diff(500) < 110, "{} at level {level}", equities.len());
    }
}

/// On the returns in their order every figure of a path is that of the series itself.
#[test]
fn outcomes_are_the_figures_of_a_series() {
    let simulation =
        MonteCarlo::new(Resampling::SkipTrades(0.0)).paths(3).ulcer_index(true).keep_outcomes(true);
    let report = simulation.build().unwrap().run(&returns()).unwrap();
    let metrics = Metrics::of(&returns(), 252.0).unwrap();
    let outcomes = report.outcomes.unwrap();
    assert_eq!(outcomes.len(), 3);
    for path in outcomes {
        assert!((path.final_equity - 1.0 - metrics.total_return).abs() < 1e-12);
        assert!((path.maximum_drawdown - metrics.drawdown.maximum).abs() < 1e-12);
        assert!((path.ulcer_index.unwrap() - metrics.drawdown.ulcer_index).abs() < 1e-12);
        assert_eq!(path.longest_under_water, metrics.drawdown.longest_under_water);
    }
    let ulcer = report.ulcer_index.unwrap();
    assert!((ulcer.mean.value - metrics.drawdown.ulcer_index).abs() < 1e-12 && ulcer.deviation < 1e-12);
}

#[test]
fn a_simulation_stops_when_it_is_precise_enough() {
    let run = |builder: MonteCarloBuilder| builder.build().unwrap().run(&returns()).unwrap();
    let new = |paths| MonteCarlo::new(Resampling::Bootstrap).paths(paths).seed(8);
    let early = run(new(1_000_000).precision(0.02));
    assert!(early.paths > 2_000 && early.paths < 64_000, "{}", early.paths);
    // The same as if that many had been asked for, and half as many were not enough.
    let full = run(new(early.paths));
    assert_eq!((&early.final_equity, &early.maximum_drawdown), (&full.final_equity, &full.maximum_drawdown));
    let error = |report: &MonteCarloReport| {
        let figures = [&report.final_equity, &report.maximum_drawdown];
        let estimates = figures.into_iter().flat_map(|figure| {
            figure.percentiles.iter().map(|percentile| percentile.value).chain([figure.mean])
        });
        estimates.map(|estimate| estimate.error / estimate.value).fold(0.0, f64::max)
    };
    assert!(error(&early) <= 0.02 && error(&run(new(early.paths / 2))) > 0.02);
    assert_eq!(run(new(3_001).precision(1e-9)).paths, 3_001);
    assert_eq!(run(new(50).precision(10.0)).paths, 50);
}

#[test]
fn automatic_blocks_are_reported() {
    let run = |resampling| MonteCarlo::new(resampling).paths(64).build().unwrap().run(&returns()).unwrap();
    let length = BlockLength::of(&returns()).unwrap();
    let automatic = run(Resampling::StationaryAutomatic);
    assert_eq!(automatic.block_length, length.stationary.max(1.0));
    assert_eq!(automatic.final_equity, run(Resampling::StationaryBlock(automatic.block_length)).final_equity);
    let circular = run(Resampling::CircularAutomatic);
    assert_eq!(circular.block_length, length.circular.round().max(1.0));
    assert_eq!(run(Resampling::Bootstrap).block_length, 1.0);
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
    for probability in [-0.1, 1.1, f64::NAN] {
        let skips = Resampling::SkipTrades(probability);
        assert!(error(MonteCarlo::new(skips)).starts_with("the probability of a skip is"));
    }
    for cost in [-0.1, 1.0, f64::INFINITY] {
        assert!(error(MonteCarlo::new(Resampling::CostStress(cost))).starts_with("the highest cost is"));
    }
    for part in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(error(new().precision(part)).starts_with("precision is"));
    }
    for resampling in [Resampling::Shuffle, Resampling::SkipTrades(0.1), Resampling::CostStress(0.1)] {
        let long = MonteCarlo::new(resampling).horizon(3).build().unwrap().run(&[0.1, 0.1]).unwrap_err();
        assert!(long.to_string().starts_with("horizon is 3"), "{resampling}");
    }
    let short =
        MonteCarlo::new(Resampling::StationaryAutomatic).build().unwrap().run(&[0.1, 0.2]).unwrap_err();
    assert!(short.to_string().contains("has 2 values, but at least 8 are needed"), "{short}");
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
        which in 0_usize..8,
    ) {
        let simulation = MonteCarlo::new(ALL[which]).paths(20).ruin_drawdown(0.5).ruin_floor(0.2);
        let simulation = simulation.ulcer_index(true).keep_outcomes(true).build().unwrap();
        match simulation.run(&series) {
            Ok(report) => {
                let text = serde_json::to_string(&report).unwrap();
                prop_assert_eq!(serde_json::from_str::<MonteCarloReport>(&text).unwrap(), report);
            }
            Err(Error::TooShort { needed, .. }) => prop_assert!(series.len() < needed && needed <= 8),
            Err(Error::InvalidReturn { bar, .. }) => prop_assert!(!(series[bar].is_finite() && series[bar] >= -1.0)),
            Err(error) => prop_assert!(matches!(error, Error::Overflow { .. }), "{}", error),
        }
    }
}
