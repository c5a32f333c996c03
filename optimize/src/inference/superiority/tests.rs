//! The tests on known draws.

use std::path::Path;

use super::contest::Contest;
use super::prefix::runs;
use crate::wide::in_both_widths;
use crate::{ReturnMatrix, Superiority};

/// Three hundred bootstraps out of one SplitMix64 sequence, as numpy computed them. The file belongs to the repository and is
/// in no package, so this test is for the repository alone.
#[test]
fn known_draws_give_the_reference_exactly() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    if !data.exists() {
        return;
    }
    let columns = noise(&data.join("pbo_skill_960x40.csv"));
    let bars = 960_u32;
    let contest = Contest::of(&columns, 960, 5.0).unwrap();
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    };
    let index = |value: u64| (((value >> 32) * u64::from(bars)) >> 32) as u32;
    let mut all = Vec::new();
    for _ in 0..300 {
        let mut draws = vec![index(next())];
        for t in 1..960 {
            let ends = ((next() >> 11) as f64) < 0.2 * (1_u64 << 53) as f64;
            draws.push(if ends { index(next()) } else { (draws[t - 1] + 1) % bars });
        }
        let mut list = Vec::new();
        runs(draws.into_iter(), &mut list);
        all.push(list);
    }
    let expected = [374, 864, 865, 866, 867, 868, 869, 396, 921, 922];
    let first: Vec<u32> = all[0].iter().flat_map(|run| run.start..run.end).take(10).collect();
    assert_eq!(first, expected);
    // `spa.deterministic` of the reference.
    assert!((contest.superiority / 2.190_292_266_830_532_2 - 1.0).abs() < 1e-9, "{}", contest.superiority);
    assert!((contest.reality / 0.022_547_702_170_089_154 - 1.0).abs() < 1e-9, "{}", contest.reality);
    let tally = contest.tally(&all);
    // Of 300: 0.363…, 0.426… and 0.426…; 0.31, 0.386… and 0.386…
    assert_eq!(tally.superiority, [109, 128, 128]);
    assert_eq!(tally.reality, [93, 116, 116]);
    // The best set alone is tested against the maximum over all, as in Hansen's upper test.
    assert_eq!(tally.steps[0], 128);
}

/// The matrix as it was before column 7 got its skill.
fn noise(path: &Path) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect();
    let cell = |row: &Vec<f64>, column: usize| match column {
        7 => ((row[7] - 0.0015) * 1e6).round() / 1e6,
        _ => row[column],
    };
    (0..40).map(|column| rows.iter().map(|row| cell(row, column)).collect()).collect()
}

#[test]
fn reports_are_the_same_with_vectors_of_every_width() {
    let returns = ndarray::Array2::from_shape_fn((203, 37), |(bar, column)| {
        ((bar * 7919 + column * 104_729 + bar * column * 31) % 1009) as f64 / 1e5 - 0.005
    });
    let matrix = ReturnMatrix::new(returns.view(), 0).unwrap();
    let test = Superiority::new().replicates(203).seed(4).build().unwrap();
    // Debug writes the shortest digits that give the same float back.
    let [wide, narrow] = in_both_widths(|| format!("{:?}", test.run(&matrix).unwrap()));
    assert_eq!(wide, narrow);
}
