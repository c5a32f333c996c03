//! The standard `process_*` metrics, from `/proc`. Where that cannot be read, the series are absent.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use crate::gauges::{count, counters, gauges};

#[derive(Debug)]
pub(crate) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(process) = read() else { return Ok(()) };
        counters(
            &mut encoder,
            ("process_cpu", Some(Unit::Seconds), "User and system CPU time spent."),
            [(Vec::new(), process.cpu_seconds)],
        )?;
        gauges(
            &mut encoder,
            ("process_resident_memory", Some(Unit::Bytes), "Memory that the process holds in RAM."),
            [(Vec::new(), process.resident_bytes)],
        )?;
        gauges(
            &mut encoder,
            ("process_start_time", Some(Unit::Seconds), "When the process started, in seconds since 1970."),
            [(Vec::new(), process.started)],
        )?;
        gauges(
            &mut encoder,
            ("process_open_fds", None, "Open file descriptors."),
            process.open_fds.map(|open| (Vec::new(), open)),
        )
    }
}

struct Reading {
    cpu_seconds: f64,
    resident_bytes: f64,
    started: f64,
    open_fds: Option<f64>,
}

/// `proc_pid_stat(5)`. The second field is the program's name in parentheses and may hold anything, so fields are
/// counted from the last parenthesis; the first after it is number 3.
fn read() -> Option<Reading> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
    let ticks = ticks_per_second()?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse::<u64>().ok()?;
    Some(Reading {
        cpu_seconds: count(field(14)?.checked_add(field(15)?)?) / ticks,
        resident_bytes: count(field(24)?) * page_bytes()?,
        started: count(boot) + count(field(22)?) / ticks,
        // One of them is the directory that is being read here.
        open_fds: fs::read_dir("/proc/self/fd").ok().map(|open| count(open.count().saturating_sub(1) as u64)),
    })
}

#[cfg(target_os = "linux")]
fn ticks_per_second() -> Option<f64> {
    Some(count(rustix::param::clock_ticks_per_second()))
}

#[cfg(target_os = "linux")]
fn page_bytes() -> Option<f64> {
    Some(count(rustix::param::page_size() as u64))
}

#[cfg(not(target_os = "linux"))]
const fn ticks_per_second() -> Option<f64> {
    None
}

#[cfg(not(target_os = "linux"))]
const fn page_bytes() -> Option<f64> {
    None
}
