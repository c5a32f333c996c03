//! Statistics of one series of returns, and of many tries at it.

mod drawdown;
mod metrics;
mod moments;
mod normal;
mod order;
mod sharpe;
mod tail;

pub use drawdown::Drawdown;
pub use metrics::Metrics;
pub use sharpe::{SharpeEstimate, expected_maximum_sharpe};

pub(crate) use metrics::{annualised_return, calmar, sharpe, sortino, total_return};
pub(crate) use moments::{check_returns, count, mean, mean_and_deviation, sum_of, variance};
pub(crate) use normal::{cumulative as normal_cumulative, quantile as normal_quantile};
pub(crate) use order::{interpolated, spearman};
pub(crate) use tail::conditional_value_at_risk;
