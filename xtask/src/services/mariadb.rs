//! MariaDB with one empty database.

use std::process::Command;

use super::folder::Folder;
use super::process::launch;
use super::service::{PATIENCE, Settings};
use super::user::User;
use super::{install, port, probe};
use crate::error::{Context, Result};
use crate::workspace::capture;

const PORT: u16 = 13_306;

/// Run by the server before it takes connections, so that no client program is needed.
const SETUP: &str = "CREATE DATABASE cofferdam CHARACTER SET utf8mb4;
CREATE USER 'cofferdam'@'127.0.0.1' IDENTIFIED BY 'cofferdam';
GRANT ALL ON *.* TO 'cofferdam'@'127.0.0.1';
";

/// Creates the data, the server and the database `cofferdam`, with a user of that name and password.
pub(super) fn start(folder: &Folder) -> Result<Settings> {
    // The core packages have the server without a service that Debian would start. The script that creates the data
    // calls my_print_defaults, which is packed with the clients.
    let [server, create, _] = install::require(
        ["mariadbd", "mariadb-install-db", "my_print_defaults"],
        &["mariadb-server-core", "mariadb-client-core"],
    )?;
    let user = User::for_server(&["mysql", "nobody"])?;
    let data = folder.create_inside("data")?;
    let setup = folder.write("setup.sql", SETUP)?;
    if let Some(user) = &user {
        user.own(&data)?;
    }
    let prepared = |program| {
        let mut command = Command::new(program);
        // --no-defaults must come first: the machine's own configuration has no say here.
        command.arg("--no-defaults").arg(format!("--datadir={}", data.display())).current_dir("/");
        if let Some(user) = &user {
            user.become_for(&mut command);
        }
        command
    };
    let mut create = prepared(create);
    create.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
    capture(&mut create).context(|| "create the data of MariaDB".into())?;
    let port = port::free(PORT)?;
    let mut server = prepared(server);
    server
        .args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--socket=", "--max-connections=200"])
        .arg(format!("--port={port}"))
        .arg(format!("--init-file={}", setup.display()));
    launch(folder, "mariadb", &mut server)?.wait_until(PATIENCE, || probe::mysql(port))?;
    Ok(vec![("COFFERDAM_MARIADB_URL", format!("mysql://cofferdam:cofferdam@127.0.0.1:{port}/cofferdam"))])
}
