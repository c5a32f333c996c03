//! What a container is made of: everything that the engine is asked to enforce, in one place.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, HostConfig, HostConfigLogConfig, ResourcesUlimits,
};

use crate::Limits;

/// Which system calls exist in the container. Everything else answers EPERM; see the file for the reasons.
const SECCOMP: &str = include_str!("../../docker/seccomp.json");

/// The user `nobody`, who owns nothing in the image.
const USER: &str = "65534:65534";

/// Bytes that a program can write to `/tmp`. They count as memory of the container.
const TMP_BYTES: u64 = 16 << 20;

/// Descriptors that the runner and the libraries need at most, with room to spare.
const MOST_FILES: i64 = 64;

/// Bytes of a thread's stack. CPython's own recursion limit fits into it many times over.
const STACK_BYTES: i64 = 8 << 20;

/// When memory runs out on the whole machine, programs go first.
const OOM_SCORE: i64 = 500;

/// What the kernel tells of the host and no program needs. The first lines are the engine's own list, which a list of
/// ours replaces.
const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
    "/proc/cmdline",
    "/proc/config.gz",
    "/proc/diskstats",
    "/proc/iomem",
    "/proc/ioports",
    "/proc/kallsyms",
    "/proc/key-users",
    "/proc/locks",
    "/proc/modules",
    "/proc/partitions",
    "/proc/pressure",
    "/proc/schedstat",
    "/proc/swaps",
    "/proc/version",
    "/proc/vmallocinfo",
    "/proc/zoneinfo",
    "/sys",
];

/// The limits that the engine itself enforces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Size {
    memory: i64,
    nano_cpus: i64,
    pids: i64,
}

impl Size {
    /// What a session with these limits gets on an engine with so many processors.
    pub(super) fn new(limits: &Limits, processors: u32) -> Self {
        // The engine refuses more processors than it has, and a program cannot use more either.
        let cpu = limits.cpu.min(f64::from(processors));
        Self {
            memory: i64::try_from(limits.memory).unwrap_or(i64::MAX),
            nano_cpus: (cpu * 1e9) as i64,
            // The init process is not the program's.
            pids: i64::from(limits.pids) + 1,
        }
    }

    /// What changes a running container to this size.
    pub(super) fn update(&self) -> ContainerUpdateBody {
        ContainerUpdateBody {
            memory: Some(self.memory),
            memory_swap: Some(self.memory),
            nano_cpus: Some(self.nano_cpus),
            pids_limit: Some(self.pids),
            ..ContainerUpdateBody::default()
        }
    }
}

/// The container as the engine is asked for it.
pub(super) fn create(
    image: &str,
    runtime: Option<&str>,
    size: &Size,
    labels: HashMap<String, String>,
) -> ContainerCreateBody {
    let limit = |name: &str, most: i64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(most),
        hard: Some(most),
    };
    let tmp = format!("rw,noexec,nosuid,nodev,size={TMP_BYTES},nr_inodes=256,mode=1777");
    let host = HostConfig {
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("none".to_owned()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        privileged: Some(false),
        security_opt: Some(vec!["no-new-privileges".to_owned(), format!("seccomp={SECCOMP}")]),
        readonly_rootfs: Some(true),
        tmpfs: Some(HashMap::from([("/tmp".to_owned(), tmp)])),
        masked_paths: Some(MASKED.iter().map(|path| (*path).to_owned()).collect()),
        memory: Some(size.memory),
        // With the swap: none beyond the memory.
        memory_swap: Some(size.memory),
        nano_cpus: Some(size.nano_cpus),
        pids_limit: Some(size.pids),
        oom_score_adj: Some(OOM_SCORE),
        ulimits: Some(vec![
            limit("core", 0),
            limit("fsize", TMP_BYTES as i64),
            limit("memlock", 0),
            limit("msgqueue", 0),
            limit("nofile", MOST_FILES),
            limit("stack", STACK_BYTES),
        ]),
        // A log file would hold what a program says, without a bound.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        init: Some(true),
        // Who looks for the reason of an end must still find the container.
        auto_remove: Some(false),
        runtime: runtime.map(str::to_owned),
        ..HostConfig::default()
    };
    let environment =
        ["HOME=/tmp", "LANG=C.UTF-8", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "PYTHONHASHSEED=0"];
    ContainerCreateBody {
        image: Some(image.to_owned()),
        hostname: Some("sandbox".to_owned()),
        user: Some(USER.to_owned()),
        working_dir: Some("/".to_owned()),
        env: Some(environment.iter().map(|entry| (*entry).to_owned()).collect()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // When the host goes, the runner's stdin ends, and with it the runner, unless a program runs.
        stdin_once: Some(true),
        tty: Some(false),
        network_disabled: Some(true),
        labels: Some(labels),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}
