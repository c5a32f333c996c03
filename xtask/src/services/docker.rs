//! The Docker daemon: the one that answers, else one of our own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder::Folder;
use super::process::launch;
use super::service::{PATIENCE, Settings};
use super::user::is_root;
use super::{install, probe};
use crate::error::Result;

const SOCKET: &str = "/var/run/docker.sock";

/// The kernel's limit for the path of a Unix socket, without the closing zero: unix(7).
const SOCKET_PATH_LIMIT: usize = 107;

/// Names the daemon that answers. Starts one that knows no network only if none does: that costs seconds and root,
/// and images that are already there would not be seen.
pub(super) fn start(folder: &Folder) -> Result<Settings> {
    if let Some(socket) = socket_of(std::env::var("DOCKER_HOST").ok().as_deref())
        && probe::http_unix(&socket, "/_ping")
    {
        return Ok(settings(&socket));
    }
    if !is_root() {
        return Err(
            "no Docker daemon answers, and only root can start one: start it, or name it in DOCKER_HOST \
                    as unix:///path"
                .into(),
        );
    }
    let socket = folder.join("docker.sock");
    let length = socket.as_os_str().len();
    if length > SOCKET_PATH_LIMIT {
        return Err(format!(
            "{} has {length} bytes and a socket's path at most {SOCKET_PATH_LIMIT}: choose another place with \
             --folder",
            socket.display()
        )
        .into());
    }
    let [server] = install::require(["dockerd"], &["docker.io"])?;
    // The machine's own configuration would contradict the arguments.
    let configuration = folder.write("daemon.json", "{}\n")?;
    let mut command = Command::new(server);
    command
        .arg(format!("--config-file={}", configuration.display()))
        .args(["--bridge=none", "--iptables=false"])
        .arg(format!("--host=unix://{}", socket.display()))
        .arg(format!("--data-root={}", folder.join("data").display()))
        .arg(format!("--exec-root={}", folder.join("run").display()))
        .arg(format!("--pidfile={}", folder.join("dockerd.own").display()));
    launch(folder, "dockerd", &mut command)?.wait_until(PATIENCE, || probe::http_unix(&socket, "/_ping"))?;
    Ok(settings(&socket))
}

/// The socket that DOCKER_HOST names; the usual one without it. A daemon on another machine is not for tests.
fn socket_of(host: Option<&str>) -> Option<PathBuf> {
    match host {
        None | Some("") => Some(PathBuf::from(SOCKET)),
        Some(host) => host.strip_prefix("unix://").map(PathBuf::from),
    }
}

fn settings(socket: &Path) -> Settings {
    vec![("COFFERDAM_DOCKER_HOST", format!("unix://{}", socket.display()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_of_this_machine_is_taken() {
        assert_eq!(socket_of(None), Some(PathBuf::from(SOCKET)));
        assert_eq!(
            socket_of(Some("unix:///run/user/1000/docker.sock")),
            Some("/run/user/1000/docker.sock".into())
        );
        assert_eq!(socket_of(Some("tcp://10.0.0.1:2375")), None);
    }
}
