//! Whose container it is: a process, named so that another process can tell whether it is still alive.

use std::fmt;

/// A process of this boot of this kernel, as the labels of its containers name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// Differs for each boot of each kernel.
    boot: String,
    /// The pid namespace in which `pid` means something.
    namespace: String,
    pid: u32,
    /// Clock ticks from boot to the start of the process, since a pid alone names whoever has the number now.
    started: u64,
}

impl Owner {
    /// This process; `None` on systems that do not tell.
    pub(super) fn here() -> Option<Self> {
        let pid = std::process::id();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned();
        let numbers = namespace.strip_prefix("pid:[")?.strip_suffix(']')?;
        Some(Self { boot, namespace: numbers.to_owned(), pid, started: started(pid)? })
    }

    pub(super) fn parse(label: &str) -> Option<Self> {
        let mut parts = label.split('/');
        let owner = Self {
            boot: parts.next()?.to_owned(),
            namespace: parts.next()?.to_owned(),
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(owner)
    }

    /// Whether the process is certainly gone, as `here` sees it. Of a process of another kernel or another namespace
    /// nothing is certain.
    pub(super) fn is_gone(&self, here: &Self) -> bool {
        self.boot == here.boot && self.namespace == here.namespace && started(self.pid) != Some(self.started)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.boot, self.namespace, self.pid, self.started)
    }
}

/// When the process started, if it runs. One that ended and was not collected by its parent does not.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program stands in parentheses, and may hold any character.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    // `starttime` is field 22 of proc(5), and `state` is field 3.
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X" | "x")).then_some(started)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself_and_survives_its_label() {
        let here = Owner::here().unwrap();
        assert_eq!(Owner::parse(&here.to_string()), Some(here.clone()));
        assert!(!here.is_gone(&here));
    }

    #[test]
    fn a_pid_that_somebody_else_has_now_is_no_owner() {
        let here = Owner::here().unwrap();
        let earlier = Owner { started: here.started - 1, ..here.clone() };
        assert!(earlier.is_gone(&here));
    }

    #[test]
    fn a_process_that_ended_is_gone_even_before_it_is_collected() {
        let here = Owner::here().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let owner = Owner { pid: child.id(), started: started(child.id()).unwrap(), ..here.clone() };
        assert!(!owner.is_gone(&here));
        child.kill().unwrap();
        while started(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert!(owner.is_gone(&here));
        child.wait().unwrap();
        assert!(owner.is_gone(&here));
    }

    #[test]
    fn of_another_kernel_or_namespace_nothing_is_certain() {
        let here = Owner::here().unwrap();
        for other in [
            Owner { boot: "another".to_owned(), started: 0, ..here.clone() },
            Owner { namespace: "1".to_owned(), started: 0, ..here.clone() },
        ] {
            assert!(!other.is_gone(&here));
        }
        for broken in ["", "a/b/c/d", "a/b/1/2/3", "a/b/1"] {
            assert_eq!(Owner::parse(broken), None, "{broken}");
        }
    }
}
