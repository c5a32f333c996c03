//! The main job, with nothing installed: an untrusted strategy is checked, tried with 900 parameter sets in sandboxed
//! CPython on twenty years of real prices, and judged on data that no choice has seen.
//!
//! Run it twice: the second time every trial is found recorded. Kill it in the middle and start it again: it goes on.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use cofferdam::optimize::{
    Dimension, Grid, MonteCarlo, MonteCarloReport, Resampling, WalkForward, WalkForwardReport, Warmup,
    WindowReport,
};
use cofferdam::sandbox::Limits;
use cofferdam::{Cofferdam, Dataset, Progress, Study};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

type Failure = Box<dyn std::error::Error>;

const STRATEGY: &str = include_str!("strategies/sma_crossover.py");
const HOSTILE: &str = include_str!("strategies/sma_crossover_hostile.py");

/// Walk-forward study of an untrusted Python strategy, embedded: one process, one folder, no service.
#[derive(Parser)]
struct Arguments {
    /// The folder for the database; a study that was interrupted goes on in the same folder.
    #[arg(long, default_value = "target/quickstart")]
    path: PathBuf,
    /// Daily prices: a CSV file with the columns `date` and `close`, oldest first.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/sp500_1999_2018.csv"))]
    prices: PathBuf,
    /// What changing the position by 1 costs, as a share of the equity.
    #[arg(long, default_value_t = 0.001)]
    cost: f64,
    /// Keep serving the metrics after the report, until Ctrl-C.
    #[arg(long)]
    serve: bool,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (dates, prices) = read_prices(&arguments.prices)?;
    let span = [dates.first(), dates.last()].map(|date| date.cloned().unwrap_or_default());
    println!("Prices     {} bars, {} to {}, {}", prices.len(), span[0], span[1], arguments.prices.display());

    println!("Opening    {} (compiles CPython the first time on a machine)", arguments.path.display());
    let cofferdam = Cofferdam::embedded(&arguments.path).open().await?;
    let metrics = cofferdam.serve_metrics(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    println!("Metrics    http://{}/metrics while this runs\n", metrics.local_addr());

    let program = cofferdam.check(STRATEGY)?;
    let [modules, series] =
        [program.modules(), program.series()].map(|names| Vec::from_iter(names.clone()).join(", "));
    println!("sma_crossover.py is accepted: it imports {modules} and reads the series {series}.");
    match cofferdam.check(HOSTILE) {
        Ok(_) => return Err("the hostile variant was accepted".into()),
        Err(rejection) => {
            println!("Its hostile variant is refused:\n\n{}", rejection.render("sma_crossover_hostile.py"))
        }
    }

    let grid =
        Grid::new(vec![Dimension::integer("fast", 5, 34, 1)?, Dimension::integer("slow", 40, 185, 5)?])?;
    let walk_forward = WalkForward::rolling(1500, 350, Warmup::FullHistory).bars_per_year(252.0).build()?;
    let windows = walk_forward.windows(prices.len())?.len();
    let sets = grid.parameter_sets();
    println!(
        "Study      {} parameter sets by {windows} windows, cost {} a change of position",
        sets.len(),
        arguments.cost
    );

    let bar = ProgressBar::new(sets.len() as u64).with_style(ProgressStyle::with_template(
        "{bar:50} {pos}/{len} trials, {msg} failed, {elapsed} passed, {eta} to go",
    )?);
    let shown = bar.clone();
    let study = Study::new(program, Dataset::new().series("close", prices)?, sets, walk_forward)
        .cost(arguments.cost)
        .limits(Limits::default().cpu(1.0))
        .progress(move |Progress { done, failed, .. }| {
            shown.set_message(failed.to_string());
            shown.set_position(done as u64);
        });

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut worker = tokio::spawn(cofferdam.run_worker("quickstart", async move {
        // Ends when the study does, or when this function returns early.
        let _ = stopped.await;
    }));
    let begin = Instant::now();
    let report = tokio::select! {
        report = cofferdam.walk_forward(&study) => report?,
        // It ends before the study only when it cannot go on, for example because the disk is full.
        ended = &mut worker => {
            bar.abandon();
            ended??;
            return Err("the worker ended before the study".into());
        }
        interrupt = tokio::signal::ctrl_c() => {
            interrupt?;
            bar.abandon();
            return Err("interrupted; start it again and it goes on".into());
        }
    };
    let seconds = begin.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let _ = stop.send(());
    worker.await??;

    show_windows(&report.walk_forward, &dates);
    show_verdict(&report.walk_forward);
    let simulation = MonteCarlo::new(Resampling::StationaryBlock(10.0))
        .paths(10_000)
        .seed(1)
        .ruin_drawdown(0.3)
        .build()?;
    show_monte_carlo(&cofferdam.monte_carlo(&simulation, &report.walk_forward.returns).await?);

    let digest = blake3::hash(&serde_json::to_vec(&report.walk_forward)?).to_hex();
    println!(
        "\nReport     {} (the same for the same study, however often it was interrupted)",
        &digest[..16]
    );
    println!(
        "Trials     {} run in {seconds:.1} s, {:.0} sandbox runs a second; {} found recorded",
        report.evaluated,
        report.evaluated as f64 / seconds,
        report.reused
    );
    println!("Database   {}", cofferdam.database_path().display());
    let snapshot = arguments.path.join("metrics.txt");
    std::fs::write(&snapshot, cofferdam.telemetry().encode()?)?;
    println!("Metrics    {}", snapshot.display());
    if arguments.serve {
        println!("           http://{}/metrics until Ctrl-C", metrics.local_addr());
        tokio::signal::ctrl_c().await?;
    }
    metrics.shutdown().await;
    Ok(())
}

/// Reads dates and closing prices, and says which row is at fault if one is.
fn read_prices(path: &Path) -> Result<(Vec<String>, Vec<f64>), Failure> {
    let at = |problem: String| format!("{}: {problem}", path.display());
    let mut reader = csv::Reader::from_path(path).map_err(|error| at(error.to_string()))?;
    let headers = reader.headers().map_err(|error| at(error.to_string()))?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header == name)
            .ok_or_else(|| at(format!("there is no column `{name}` in the first line")))
    };
    let (date, close) = (column("date")?, column("close")?);
    let (mut dates, mut prices) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|error| at(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = record.get(close).unwrap_or_default();
        let price: f64 = text
            .trim()
            .parse()
            .map_err(|_| at(format!("line {line}: the close `{text}` is not a number")))?;
        if !(price.is_finite() && price > 0.0) {
            return Err(at(format!(
                "line {line}: the close is {price}, and prices must be positive numbers"
            ))
            .into());
        }
        dates.push(record.get(date).unwrap_or_default().to_owned());
        prices.push(price);
    }
    Ok((dates, prices))
}

fn show_windows(report: &WalkForwardReport, dates: &[String]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "chosen on",
        "judged on",
        "fast",
        "slow",
        "Sharpe in sample",
        "out of sample",
        "return",
        "drawdown",
    ]);
    let date = |bar: usize| dates.get(bar).map_or("", String::as_str);
    let range = |range: &std::ops::Range<usize>| format!("{} – {}", date(range.start), date(range.end - 1));
    for WindowReport { train, test, winner, .. } in &report.windows {
        let mut row = vec![range(train), range(test)];
        match winner {
            None => row.extend(["no set traded".to_owned()]),
            Some(winner) => {
                let out = winner.out_of_sample;
                row.extend(winner.parameters.iter().map(|(_, value)| value.to_string()));
                row.push(number(winner.in_sample.sharpe));
                row.push(number(out.and_then(|out| out.sharpe)));
                row.push(percent(out.map(|out| out.total_return)));
                row.push(percent(out.map(|out| out.maximum_drawdown)));
            }
        }
        table.add_row(row);
    }
    table.column_iter_mut().skip(2).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    println!("{table}\n");
}

fn show_verdict(report: &WalkForwardReport) {
    if let Some(metrics) = &report.out_of_sample {
        println!(
            "Out of sample, stitched: Sharpe {}, return {} a year, drawdown {}",
            number(metrics.sharpe),
            percent(Some(metrics.annualised_return)),
            percent(Some(metrics.drawdown.maximum))
        );
    }
    let efficiency = &report.efficiency;
    println!(
        "Efficiency: {} as ratio of mean returns, {} as mean of ratios, {} as ratio of mean Sharpes (0.5 is a pass)",
        number(efficiency.ratio_of_mean_returns),
        number(efficiency.mean_of_return_ratios),
        number(efficiency.ratio_of_mean_sharpes)
    );
    println!(
        "Luck: after {} trials ({} failed) the chance that its true Sharpe is above what the luckiest shows is {}",
        report.luck.trials,
        report.luck.failed_trials,
        percent(report.luck.deflated_sharpe)
    );
}

fn show_monte_carlo(report: &MonteCarloReport) {
    println!(
        "\nMonte Carlo: {} paths of {} returns, in blocks of 10 on average",
        report.settings.paths, report.horizon
    );
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["", "5 %", "50 %", "95 %"]);
    for (name, distribution) in
        [("final equity", &report.final_equity), ("maximum drawdown", &report.maximum_drawdown)]
    {
        let percentiles = [5.0, 50.0, 95.0]
            .map(|percent| number(distribution.percentile(percent).map(|found| found.value)));
        table.add_row([name.to_owned()].into_iter().chain(percentiles));
    }
    println!("{table}");
    println!(
        "Probability of profit {}, of a drawdown of 30 % {}",
        percent(Some(report.probability_of_profit.value)),
        percent(report.probability_of_drawdown.map(|found| found.value))
    );
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"))
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{:.1} %", value * 100.0))
}
