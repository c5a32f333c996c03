//! The scripts, and one call of one of them.

use std::sync::{Arc, LazyLock};

use redis::{Cmd, cmd};

use super::shard::Shard;

/// A script of ours: its text and the hash by which a server knows it.
pub(super) struct Script {
    /// What it does, for errors: "could not …".
    pub(super) action: &'static str,
    text: String,
    hash: String,
}

impl Script {
    fn new(action: &'static str, body: &str) -> Self {
        let text = format!("{}{body}", include_str!("lua/prelude.lua"));
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { action, text, hash }
    }
}

/// All scripts.
pub(super) struct Scripts {
    pub(super) enqueue: Script,
    pub(super) step: Script,
    pub(super) renew: Script,
    pub(super) reap: Script,
    pub(super) note: Script,
    pub(super) cancel: Script,
    pub(super) replay: Script,
    pub(super) sections: Script,
    pub(super) lookup: Script,
    pub(super) stats: Script,
    pub(super) forget: Script,
    pub(super) listen: Script,
    pub(super) workers: Script,
    pub(super) crash: Script,
    pub(super) set: Script,
    pub(super) holds: Script,
}

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts {
    enqueue: Script::new("enqueue tasks", include_str!("lua/enqueue.lua")),
    step: Script::new("settle and claim tasks", include_str!("lua/step.lua")),
    renew: Script::new("renew leases", include_str!("lua/renew.lua")),
    reap: Script::new("take back leases", include_str!("lua/reap.lua")),
    note: Script::new("write notes", include_str!("lua/note.lua")),
    cancel: Script::new("cancel tasks", include_str!("lua/cancel.lua")),
    replay: Script::new("replay tasks", include_str!("lua/replay.lua")),
    sections: Script::new("look through tasks", include_str!("lua/sections.lua")),
    lookup: Script::new("look up tasks", include_str!("lua/lookup.lua")),
    stats: Script::new("count tasks", include_str!("lua/stats.lua")),
    forget: Script::new("forget tasks", include_str!("lua/forget.lua")),
    listen: Script::new("listen for changes", include_str!("lua/listen.lua")),
    workers: Script::new("list workers", include_str!("lua/workers.lua")),
    crash: Script::new("count a crash", include_str!("lua/crash.lua")),
    set: Script::new("change a setting", include_str!("lua/set.lua")),
    holds: Script::new("list queues", include_str!("lua/holds.lua")),
});

/// One call of a script, or of a plain command, on one shard.
pub(super) struct Request {
    pub(super) action: &'static str,
    pub(super) shard: Arc<Shard>,
    what: What,
    args: Vec<Vec<u8>>,
    /// Which argument says that the call is repeated after an outcome that nobody knows.
    repeat: Option<usize>,
}

enum What {
    Script(&'static Script),
    Command(&'static str),
}

impl Request {
    pub(super) fn script(script: &'static Script, shard: &Arc<Shard>, args: Vec<Vec<u8>>) -> Self {
        Self {
            action: script.action,
            shard: Arc::clone(shard),
            what: What::Script(script),
            args,
            repeat: None,
        }
    }

    /// A command whose first argument, the key, lies on the shard.
    pub(super) fn command(
        action: &'static str,
        name: &'static str,
        shard: &Arc<Shard>,
        args: Vec<Vec<u8>>,
    ) -> Self {
        Self { action, shard: Arc::clone(shard), what: What::Command(name), args, repeat: None }
    }

    /// Names the argument that is set to "1" when the call is repeated after an outcome that nobody knows.
    pub(super) const fn repeat_by(mut self, argument: usize) -> Self {
        self.repeat = Some(argument);
        self
    }

    pub(super) fn note_repeat(&mut self) {
        if let Some(argument) = self.repeat.and_then(|place| self.args.get_mut(place)) {
            *argument = b"1".to_vec();
        }
    }

    /// The command to send: by the script's hash, or with its whole text when the server does not know it.
    pub(super) fn to_command(&self, in_full: bool) -> Cmd {
        let mut command = match &self.what {
            What::Command(name) => cmd(name),
            What::Script(script) => {
                let (name, text) = if in_full { ("EVAL", &script.text) } else { ("EVALSHA", &script.hash) };
                let mut command = cmd(name);
                command.arg(text).arg(self.shard.keys.len()).arg(&self.shard.keys);
                command
            }
        };
        for argument in &self.args {
            command.arg(argument);
        }
        command
    }
}
