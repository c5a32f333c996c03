//! Prometheus, which scrapes whatever a test writes into its folder of targets.

use std::process::Command;

use super::folder::Folder;
use super::process::launch;
use super::service::{PATIENCE, Settings};
use super::{install, port, probe};
use crate::error::Result;

const PORT: u16 = 19_090;

/// Starts the server with no targets but those of the files in `targets/`, in the form of `file_sd_config`.
pub(super) fn start(folder: &Folder) -> Result<Settings> {
    let [server] = install::require(["prometheus"], &["prometheus"])?;
    let targets = folder.create_inside("targets")?;
    let configuration = folder.write("prometheus.yml", &configuration(&targets.display().to_string()))?;
    let data = folder.create_inside("data")?;
    let port = port::free(PORT)?;
    let mut command = Command::new(server);
    command
        .arg(format!("--config.file={}", configuration.display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"));
    launch(folder, "prometheus", &mut command)?.wait_until(PATIENCE, || probe::http(port, "/-/ready"))?;
    Ok(vec![
        ("COFFERDAM_PROMETHEUS_URL", format!("http://127.0.0.1:{port}")),
        ("COFFERDAM_PROMETHEUS_TARGETS", targets.display().to_string()),
    ])
}

/// Scraped every second: a test should not wait for the default minute.
fn configuration(targets: &str) -> String {
    // In a quoted YAML scalar only the quote itself needs doubling.
    let targets = targets.replace('\'', "''");
    format!(
        "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nscrape_configs:\n  - job_name: cofferdam\n    \
         file_sd_configs:\n      - files: ['{targets}/*.json']\n        refresh_interval: 1s\n"
    )
}
