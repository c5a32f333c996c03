//! Reading the documents of many workers from all nodes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use redis::{Cmd, Value};

use super::address::Address;
use super::info::Info;
use super::keys::Keys;
use super::patience::Patience;
use super::refusal::Refusal;
use super::router::Router;

/// Documents read in one go. With some 350 bytes each, the answer stays under 200 KB and holds up nobody else.
const AT_ONCE: usize = 500;

/// What the nodes hold, and what they are.
#[derive(Default)]
pub(super) struct Documents {
    /// By worker id; what is missing expired or was taken away.
    pub(super) found: HashMap<String, String>,
    /// The run ids of the masters that answered. Another set is another memory.
    pub(super) servers: BTreeSet<String>,
    /// Whether some master would take no document now, did not say, or is another one than was thought.
    pub(super) doubtful: bool,
}

impl Documents {
    /// Reads the documents of these workers, each master's in one go; those that a master did not have are looked for
    /// where they went.
    pub(super) async fn read(
        router: &Router,
        keys: &Keys,
        workers: &[String],
        patience: &Patience,
    ) -> Result<Self, Refusal> {
        let topology = router.topology(patience).await?;
        let mut shares: BTreeMap<&Address, Vec<&str>> =
            topology.masters().into_iter().map(|master| (master, Vec::new())).collect();
        let mut reader =
            Reader { router, keys, patience, documents: Self::default(), unanswered: Vec::new() };
        for worker in workers {
            match topology.owner(keys.document_slot(worker)).and_then(|master| shares.get_mut(master)) {
                Some(share) => share.push(worker),
                None => reader.unanswered.push(worker.clone()),
            }
        }
        for (master, share) in shares {
            reader.read_share(master, &share).await?;
        }
        reader.read_unanswered().await?;
        Ok(reader.documents)
    }
}

struct Reader<'a> {
    router: &'a Router,
    keys: &'a Keys,
    patience: &'a Patience,
    documents: Documents,
    /// Those whose master did not answer for them.
    unanswered: Vec<String>,
}

impl Reader<'_> {
    /// Reads from one master, and finds out which it is and whether it takes writes.
    async fn read_share(&mut self, master: &Address, share: &[&str]) -> Result<(), Refusal> {
        let mut commands = vec![Info::command(&["server", "replication"])];
        commands.extend(share.first().map(|worker| self.keys.touch(worker)));
        let Some(answers) = self.send(master, &commands, share).await else { return Ok(()) };
        if let Some(Value::ServerError(error)) = answers.get(1) {
            let refusal = Refusal::from_server(master, error);
            if refusal.is_permanent() && !is_foreign(&refusal) {
                return Err(refusal);
            }
            self.documents.doubtful |= refusal.refuses_writes();
        }
        self.meet(master, answers.first())?;
        for workers in share.chunks(AT_ONCE) {
            let commands: Vec<Cmd> = workers.iter().map(|worker| self.keys.get(worker)).collect();
            let Some(answers) = self.send(master, &commands, workers).await else { continue };
            for (worker, answer) in workers.iter().zip(answers) {
                self.note(master, worker, &answer);
            }
        }
        Ok(())
    }

    async fn read_unanswered(&mut self) -> Result<(), Refusal> {
        // Whoever has them may be a new master, and was not asked for its run id.
        self.documents.doubtful |= !self.unanswered.is_empty();
        for worker in std::mem::take(&mut self.unanswered) {
            let get = [self.keys.get(&worker)];
            match self.router.call(self.keys.document_slot(&worker), &get, self.patience).await {
                Ok(answers) => self.keep(&worker, answers.first()),
                Err(refusal) if is_foreign(&refusal) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(())
    }

    /// Sends, or notes that these workers are still to be asked for.
    async fn send(&mut self, master: &Address, commands: &[Cmd], workers: &[&str]) -> Option<Vec<Value>> {
        match self.router.nodes.send(master, commands, self.patience).await {
            Ok(answers) => Some(answers),
            Err(error) => {
                tracing::debug!(%error, "a master did not answer for its workers");
                self.unanswered.extend(workers.iter().map(|worker| (*worker).to_owned()));
                None
            }
        }
    }

    /// Takes note of who answered.
    fn meet(&mut self, master: &Address, answer: Option<&Value>) -> Result<(), Refusal> {
        if let Some(Value::ServerError(error)) = answer {
            self.documents.doubtful = true;
            let refusal = Refusal::from_server(master, error);
            return if refusal.is_permanent() { Err(refusal) } else { Ok(()) };
        }
        let info = answer.and_then(Info::read).ok_or_else(|| Refusal::Garbled { node: master.clone() })?;
        // A node of a cluster that was demoted sends those who ask on to a master that was not met yet; a single server
        // lets them read what is old.
        match info.is_replica() {
            true if self.router.is_single() => return Err(Refusal::Replica { node: master.clone() }),
            true => self.documents.doubtful = true,
            false => self.documents.servers.extend(info.get("run_id").map(str::to_owned)),
        }
        Ok(())
    }

    fn note(&mut self, master: &Address, worker: &str, answer: &Value) {
        match answer {
            Value::ServerError(error) if is_foreign(&Refusal::from_server(master, error)) => {}
            Value::ServerError(_) => self.unanswered.push(worker.to_owned()),
            answer => self.keep(worker, Some(answer)),
        }
    }

    /// A document that is no text is handed on as far as it is one: it still says that its worker wrote.
    fn keep(&mut self, worker: &str, answer: Option<&Value>) {
        if let Some(Value::BulkString(document)) = answer {
            self.documents.found.insert(worker.to_owned(), String::from_utf8_lossy(document).into_owned());
        }
    }
}

/// Whether something else stands under the key of a document, which must not hide the other workers.
fn is_foreign(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Answer { code, .. } if code == "WRONGTYPE")
}
