//! What a node says of itself.

use redis::{Cmd, Value, cmd};

/// The answer to `INFO`: lines of `field:value`.
pub(super) struct Info(String);

impl Info {
    /// The command that asks for these sections.
    pub(super) fn command(sections: &[&str]) -> Cmd {
        let mut info = cmd("INFO");
        info.arg(sections);
        info
    }

    /// Reads the answer; `None` if it is no text.
    pub(super) fn read(answer: &Value) -> Option<Self> {
        match answer {
            Value::BulkString(text) => Some(Self(String::from_utf8_lossy(text).into_owned())),
            Value::VerbatimString { text, .. } => Some(Self(text.clone())),
            _ => None,
        }
    }

    /// The value of a field.
    pub(super) fn get(&self, field: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::trim_end)
    }

    /// Whether it follows a master.
    pub(super) fn is_replica(&self) -> bool {
        self.get("role") == Some("slave")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "# Server\r\nrun_id_old:x\r\nrun_id:0af\r\nrole:slave\r\n";
        let info = Info::read(&Value::BulkString(text.into())).unwrap();
        assert_eq!((info.get("run_id"), info.get("run"), info.get("_id")), (Some("0af"), None, None));
        assert!(info.is_replica());
        assert!(Info::read(&Value::Nil).is_none());
    }
}
