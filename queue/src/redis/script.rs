//! The functions that servers run for us, and one call of one of them.
//!
//! They are one library of Redis Functions. Against scripts that are sent by their hash, a server need not build the
//! rules anew for every call, which takes it longer than a small step itself; and replicas have the library as well.

use std::sync::{Arc, LazyLock};

use redis::{Cmd, cmd};
use tokio::time::Instant;

use super::shard::Shard;

/// A function of ours.
pub(super) struct Function {
    /// What it does, for errors: "could not …".
    action: &'static str,
    name: String,
}

/// The library, and the functions in it.
pub(super) struct Library {
    text: String,
    pub(super) enqueue: Function,
    pub(super) step: Function,
    pub(super) renew: Function,
    pub(super) reap: Function,
    pub(super) note: Function,
    pub(super) cancel: Function,
    pub(super) replay: Function,
    pub(super) sections: Function,
    pub(super) lookup: Function,
    pub(super) stats: Function,
    pub(super) forget: Function,
    pub(super) listen: Function,
    pub(super) workers: Function,
    pub(super) crash: Function,
    pub(super) set: Function,
    pub(super) holds: Function,
}

/// The functions by name, each with its text. What takes tasks in must stop when the memory is full; all others must go
/// on, so that a full server can be worked off.
const FUNCTIONS: [(&str, &str); 16] = [
    ("enqueue", include_str!("lua/enqueue.lua")),
    ("step", include_str!("lua/step.lua")),
    ("renew", include_str!("lua/renew.lua")),
    ("reap", include_str!("lua/reap.lua")),
    ("note", include_str!("lua/note.lua")),
    ("cancel", include_str!("lua/cancel.lua")),
    ("replay", include_str!("lua/replay.lua")),
    ("sections", include_str!("lua/sections.lua")),
    ("lookup", include_str!("lua/lookup.lua")),
    ("stats", include_str!("lua/stats.lua")),
    ("forget", include_str!("lua/forget.lua")),
    ("listen", include_str!("lua/listen.lua")),
    ("workers", include_str!("lua/workers.lua")),
    ("crash", include_str!("lua/crash.lua")),
    ("set", include_str!("lua/set.lua")),
    ("holds", include_str!("lua/holds.lua")),
];

/// The functions that are refused when the memory is full.
const REFUSED_WHEN_FULL: [&str; 2] = ["enqueue", "note"];

pub(super) static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let mut body = include_str!("lua/common.lua").to_owned();
    for (_, text) in FUNCTIONS {
        body.push('\n');
        body.push_str(text);
    }
    // Versions of the library live side by side, so that programs of different versions can share a server.
    let version = redis::Script::new(&body).get_hash().get(..12).unwrap_or_default().to_owned();
    let name_of = |name: &str| format!("cofferdam_{name}_{version}");
    let mut text = format!("#!lua name={}\n{body}", name_of("queue"));
    for (name, _) in FUNCTIONS {
        let flags = if REFUSED_WHEN_FULL.contains(&name) { "" } else { "'allow-oom'" };
        text.push_str(&format!(
            "\nredis.register_function{{function_name='{}', flags={{{flags}}}, callback=function(keys, args)\n\
             begin(keys, args)\nreturn {name}()\nend}}\n",
            name_of(name)
        ));
    }
    let function = |action, name| Function { action, name: name_of(name) };
    Library {
        text,
        enqueue: function("enqueue tasks", "enqueue"),
        step: function("settle and claim tasks", "step"),
        renew: function("renew leases", "renew"),
        reap: function("take back leases", "reap"),
        note: function("write notes", "note"),
        cancel: function("cancel tasks", "cancel"),
        replay: function("replay tasks", "replay"),
        sections: function("look through tasks", "sections"),
        lookup: function("look up tasks", "lookup"),
        stats: function("count tasks", "stats"),
        forget: function("forget tasks", "forget"),
        listen: function("listen for changes", "listen"),
        workers: function("list workers", "workers"),
        crash: function("count a crash", "crash"),
        set: function("change a setting", "set"),
        holds: function("list queues", "holds"),
    }
});

/// The command that gives the library to a server.
pub(super) fn load_library() -> Cmd {
    let mut command = cmd("FUNCTION");
    command.arg("LOAD").arg(&LIBRARY.text);
    command
}

/// One call of a function, or of a plain command, on one shard.
pub(super) struct Request {
    pub(super) action: &'static str,
    pub(super) shard: Arc<Shard>,
    what: What,
    args: Vec<Vec<u8>>,
    /// Which argument says that the call is repeated after an outcome that nobody knows.
    repeat: Option<usize>,
    /// When to give up, for one of several requests that share a deadline.
    pub(super) until: Option<Instant>,
}

enum What {
    Function(&'static Function),
    Command(&'static str),
}

impl Request {
    pub(super) fn function(function: &'static Function, shard: &Arc<Shard>, args: Vec<Vec<u8>>) -> Self {
        let what = What::Function(function);
        Self { action: function.action, shard: Arc::clone(shard), what, args, repeat: None, until: None }
    }

    /// A command whose first argument, the key, lies on the shard.
    pub(super) fn command(
        action: &'static str,
        name: &'static str,
        shard: &Arc<Shard>,
        args: Vec<Vec<u8>>,
    ) -> Self {
        Self { action, shard: Arc::clone(shard), what: What::Command(name), args, repeat: None, until: None }
    }

    /// Names the argument that is set to "1" when the call is repeated after an outcome that nobody knows.
    pub(super) const fn repeat_by(mut self, argument: usize) -> Self {
        self.repeat = Some(argument);
        self
    }

    /// Gives up at this moment, if one is named, in place of a whole deadline from the request's beginning.
    pub(super) const fn by(mut self, until: Option<Instant>) -> Self {
        self.until = until;
        self
    }

    pub(super) fn note_repeat(&mut self) {
        if let Some(argument) = self.repeat.and_then(|place| self.args.get_mut(place)) {
            *argument = b"1".to_vec();
        }
    }

    pub(super) fn to_command(&self) -> Cmd {
        let mut command = match &self.what {
            What::Command(name) => cmd(name),
            What::Function(function) => {
                let mut command = cmd("FCALL");
                command.arg(&function.name).arg(self.shard.keys.len()).arg(&self.shard.keys);
                command
            }
        };
        for argument in &self.args {
            command.arg(argument);
        }
        command
    }
}
