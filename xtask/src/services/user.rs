//! The account that a server runs as when we are root: PostgreSQL refuses root, and none of them needs it.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::{Context, Result};

/// An unprivileged account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    name: String,
    uid: u32,
    gid: u32,
}

/// Whether this program may install packages and change accounts.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl User {
    /// The first of the accounts that exists, or none where we are not root and stay who we are.
    pub(super) fn for_server(accounts: &[&str]) -> Result<Option<Self>> {
        if !is_root() {
            return Ok(None);
        }
        let text = fs::read_to_string("/etc/passwd").context(|| "read /etc/passwd".into())?;
        match accounts.iter().find_map(|account| Self::parse(&text, account)) {
            Some(user) => Ok(Some(user)),
            None => Err(format!("none of the accounts {} exists: add one", accounts.join(", ")).into()),
        }
    }

    fn parse(passwd: &str, account: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| *name == account)?;
            let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { name: name.to_owned(), uid, gid })
        })
    }

    /// Gives the account a file or folder, and checks that it can get there.
    pub(super) fn own(&self, path: &Path) -> Result {
        chown(path, Some(self.uid), Some(self.gid)).context(|| format!("give away {}", path.display()))?;
        for folder in path.ancestors().skip(1) {
            let data = fs::metadata(folder).context(|| format!("look at {}", folder.display()))?;
            if !self.may_enter(data.mode(), data.uid(), data.gid()) {
                return Err(format!(
                    "the account {} may not enter {}: choose another place with --folder",
                    self.name,
                    folder.display()
                )
                .into());
            }
        }
        Ok(())
    }

    /// The permission to search a folder, by the first class that fits, as path_resolution(7) says.
    fn may_enter(&self, mode: u32, uid: u32, gid: u32) -> bool {
        let class = if uid == self.uid {
            0o100
        } else if gid == self.gid {
            0o010
        } else {
            0o001
        };
        mode & class != 0
    }

    /// Makes the command run as the account, with none of our groups.
    pub(super) fn become_for(&self, command: &mut Command) {
        // As root, the standard library also drops the supplementary groups when it sets the uid.
        command.uid(self.uid).gid(self.gid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nmysqlx:x:1:1::/:\npostgres:x:101:104:PostgreSQL \
                          administrator,,,:/var/lib/postgresql:/bin/bash\nbroken:x\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let user = User::parse(PASSWD, "postgres").unwrap();
        assert_eq!((user.uid, user.gid), (101, 104));
        for missing in ["mysql", "broken", "", "postgres:x"] {
            assert_eq!(User::parse(PASSWD, missing), None, "{missing}");
        }
    }

    #[test]
    fn root_is_never_the_unprivileged_account() {
        assert_eq!(User::parse(PASSWD, "root"), None);
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let user = User::parse(PASSWD, "postgres").unwrap();
        assert!(user.may_enter(0o711, 0, 0));
        assert!(!user.may_enter(0o700, 0, 0));
        assert!(user.may_enter(0o710, 0, 104));
        assert!(!user.may_enter(0o677, 101, 104));
    }
}
