//! Reading a history.

use std::fs;
use std::path::{Path, PathBuf};

use super::Event;
use crate::error::{Context, Result};

/// The events of every file in this folder, in the order of the clock.
///
/// # Errors
/// When a file cannot be read, or when a line is no event that is not the torn last line of its file.
pub fn read(folder: &Path) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for path in files(folder)? {
        let text = fs::read(&path).context(|| format!("read the history {}", path.display()))?;
        events.extend(parse(&text, &path)?);
    }
    // Stable, so that events of one microsecond stay in the order in which their process wrote them.
    events.sort_by_key(|event| event.at);
    Ok(events)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let listed = fs::read_dir(folder).context(|| format!("list {}", folder.display()))?;
    for entry in listed {
        let path = entry.context(|| format!("list {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn parse(text: &[u8], path: &Path) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            // The process was killed while it wrote: what it was about to say did not happen for anybody.
            break;
        }
        let event = serde_json::from_slice(line);
        events.push(event.context(|| format!("read line {} of {}", number + 1, path.display()))?);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::{Answer, Ask, Delivery, Recorder, Run, RunEnding, Standing, Verdict, What};
    use super::*;

    fn whats() -> Vec<What> {
        let run = Run { task: "a".into(), ending: RunEnding::Done, result: Some("w#1 1".into()) };
        let delivery = Delivery { task: "b".into(), attempt: 1, crashes: 0 };
        let step = Answer::Step { verdicts: vec![Verdict::Recorded], deliveries: vec![delivery] };
        vec![
            What::Invoke { call: 0, ask: Ask::Enqueue { tasks: vec!["a".into()] } },
            What::Unknown { call: 0, error: "no answer".into() },
            What::Invoke { call: 1, ask: Ask::Step { worker: "w#1".into(), settle: vec![run], claim: 3 } },
            What::Ok { call: 1, answer: step },
            What::Final { task: "a".into(), standing: Standing::Done { result: "w#1 1".into() } },
        ]
    }

    #[test]
    fn what_was_written_is_read_in_the_order_of_the_clock() {
        let folder = tempfile::tempdir().unwrap();
        let recorders = ["two", "one"].map(|name| Recorder::open(folder.path(), name).unwrap());
        for what in whats() {
            for recorder in &recorders {
                recorder.write(what.clone());
            }
        }
        let events = read(folder.path()).unwrap();
        assert!(events.is_sorted_by_key(|event| event.at));
        for name in ["one", "two"] {
            let own = events.iter().filter(|event| event.process == name).map(|event| event.what.clone());
            assert_eq!(own.collect::<Vec<_>>(), whats());
        }
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_any_other_broken_line_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::open(folder.path(), "killed").unwrap();
        whats().into_iter().for_each(|what| recorder.write(what));
        let path = folder.path().join("killed.jsonl");
        let whole = fs::read(&path).unwrap();
        let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        for length in [whole.len() - 1, whole.len() - 9, last + 1, last] {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(read(folder.path()).unwrap().len(), whats().len() - 1, "cut at {length}");
        }
        fs::File::options().append(true).open(&path).unwrap().write_all(b"{\"at\": 1\n").unwrap();
        let error = read(folder.path()).unwrap_err().in_full();
        assert!(error.contains("line 5 of") && error.contains("killed.jsonl"), "{error}");
    }
}
