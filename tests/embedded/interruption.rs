//! Processes that are killed in the middle of a study.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cofferdam::optimize::{Dimension, Grid, WalkForward, Warmup};
use cofferdam::sandbox::Limits;
use cofferdam::{Cofferdam, Study};

use super::{SMA, closes, open, prices, work};

/// Names the folder to the process that is going to be killed.
const FOLDER: &str = "COFFERDAM_TEST_FOLDER";

fn study(cofferdam: &Cofferdam) -> Study {
    let dimensions = [("fast", 5, 24, 1), ("slow", 40, 130, 10)];
    let dimensions =
        dimensions.map(|(name, first, last, step)| Dimension::integer(name, first, last, step).unwrap());
    let sets = Grid::new(dimensions.to_vec()).unwrap().parameter_sets();
    let walk_forward =
        WalkForward::rolling(1500, 350, Warmup::FullHistory).bars_per_year(252.0).build().unwrap();
    Study::new(cofferdam.check(SMA).unwrap(), closes(prices()), sets, walk_forward)
        .limits(Limits::default().cpu(1.0))
}

/// Not a test of its own: what the killed process does.
#[tokio::test(flavor = "multi_thread")]
async fn child_process_runs_the_study() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let cofferdam = open(Path::new(&folder)).await;
    let _worker = work(&cofferdam);
    let study = study(&cofferdam).progress(|progress| println!("done {}", progress.done));
    cofferdam.walk_forward(&study).await.unwrap();
}

/// Starts the study in a process and kills it, without warning, once some trials have ended.
fn start_and_kill(folder: &Path, after: usize) {
    use std::io::{BufRead, BufReader};

    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "interruption::child_process_runs_the_study"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut reached = false;
    for line in lines.map_while(Result::ok) {
        if let Some(done) = line.split("done ").nth(1)
            && done.trim().parse::<usize>().unwrap() >= after
        {
            reached = true;
            break;
        }
    }
    assert!(reached, "the child ended before {after} trials");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_study_goes_on_and_gives_the_same_report() {
    let undisturbed = tempfile::tempdir().unwrap();
    let cofferdam = open(undisturbed.path()).await;
    let worker = work(&cofferdam);
    let expected = cofferdam.walk_forward(&study(&cofferdam)).await.unwrap();
    assert_eq!((expected.evaluated, expected.reused), (200, 0));
    worker.abort();

    let killed = tempfile::tempdir().unwrap();
    start_and_kill(killed.path(), 40);
    start_and_kill(killed.path(), 100);
    let cofferdam = open(killed.path()).await;
    let worker = work(&cofferdam);
    let begin = Instant::now();
    let resumed = cofferdam.walk_forward(&study(&cofferdam)).await.unwrap();
    assert_eq!(resumed.walk_forward, expected.walk_forward);
    assert_eq!(resumed.evaluated + resumed.reused, 200);
    assert!(begin.elapsed() < Duration::from_secs(120));

    // And now everything is on record.
    let again = cofferdam.walk_forward(&study(&cofferdam)).await.unwrap();
    assert_eq!((again.evaluated, again.reused), (0, 200));
    assert_eq!(again.walk_forward, expected.walk_forward);
    worker.abort();
}
