//! Processor time of this process, and of a server's processes on this machine.
//!
//! The server's is what the kernel books, in ticks of 10 ms: enough for the sum over a large load, not for a small one.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::site::{Kind, Site};

/// How the kernel counts in `/proc/PID/stat`; 100 on every Linux that this runs on.
const TICKS: f64 = 100.0;

/// User and system time of all threads of this process.
pub(super) fn client() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(time.tv_sec.unsigned_abs(), nanos)
}

/// A process as the kernel books it.
struct Process {
    id: u32,
    name: String,
    parent: u32,
    /// Its own ticks, and those of its children that have ended.
    own: u64,
    ended: u64,
}

/// Seconds of all processes of the site's server since they started; nothing if it is not on this machine.
pub(super) fn server(site: &Site) -> Option<f64> {
    let port = site.port()?;
    let names: &[&str] = match site.kind {
        Kind::Sqlite => return None,
        Kind::Postgres => &["postgres"],
        Kind::Mysql => &["mariadbd", "mysqld"],
    };
    let all: Vec<_> = fs::read_dir("/proc").ok()?.filter_map(|entry| read(&entry.ok()?)).collect();
    let servers: Vec<_> = all.iter().filter(|process| names.contains(&process.name.as_str())).collect();
    let is_child = |process: &Process| servers.iter().any(|other| other.id == process.parent);
    let masters: Vec<_> = servers.iter().filter(|process| !is_child(process)).collect();
    // One that was started with a file of settings does not name its port; alone, it is the one.
    let master = match masters[..] {
        [alone] => alone,
        _ => masters.into_iter().find(|process| has_port(process.id, port))?,
    };
    let children = all.iter().filter(|process| process.parent == master.id);
    let ticks = master.own + master.ended + children.map(|child| child.own).sum::<u64>();
    Some(ticks as f64 / TICKS)
}

/// Whether a process was started with this port.
fn has_port(id: u32, port: u16) -> bool {
    let text = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let words: Vec<_> = text.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let (port, whole) = (port.to_string(), format!("--port={port}"));
    words.iter().any(|word| *word == whole)
        || words.windows(2).any(|pair| matches!(pair, [name, value] if name == "-p" && *value == port))
}

fn read(entry: &fs::DirEntry) -> Option<Process> {
    let id = entry.file_name().to_str()?.parse().ok()?;
    parse(id, &fs::read_to_string(entry.path().join("stat")).ok()?)
}

/// See proc_pid_stat(5). The name is in parentheses and may hold any character.
fn parse(id: u32, stat: &str) -> Option<Process> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<_> = after.split_whitespace().collect();
    // The state is the third field of all.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Process {
        id,
        name: name.to_owned(),
        parent: u32::try_from(number(4)?).ok()?,
        own: number(14)? + number(15)?,
        ended: number(16)? + number(17)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        let stat = "71 (a) b (c) S 7 71 71 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 99";
        let process = parse(71, stat).unwrap();
        assert_eq!((process.name.as_str(), process.parent), ("a) b (c", 7));
        assert_eq!((process.own, process.ended), (200, 50));
    }

    #[test]
    fn work_is_booked_on_this_process() {
        let before = client();
        let mut sum = 0_u64;
        while client() - before < Duration::from_millis(20) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
    }
}
