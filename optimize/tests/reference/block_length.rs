//! Automatic block lengths agree with the arch package, which follows Patton's program.

use cofferdam_optimize::BlockLength;

use crate::support::{assert_close, column, reference, simple_returns};

#[test]
fn block_lengths_agree_with_the_reference() {
    let values = &reference()["politis_white_arch"]["values"];
    for series in ["sp500", "trades_1000"] {
        let returns = match series {
            "sp500" => simple_returns(&column("sp500_1999_2018.csv", "close")),
            _ => column("trades_1000.csv", "trade_return"),
        };
        let absolute = returns.iter().map(|value| value.abs()).collect();
        let squared = returns.iter().map(|value| value * value).collect();
        for (name, transformed) in [("r", returns), ("abs_r", absolute), ("r2", squared)] {
            let length = BlockLength::of(&transformed).unwrap();
            let expected = &values[format!("{series}/{name}")];
            assert_close(length.stationary, &expected["stationary"], 1e-9, &format!("{series}, {name}"));
            assert_close(length.circular, &expected["circular"], 1e-9, &format!("{series}, {name}"));
        }
    }
}
