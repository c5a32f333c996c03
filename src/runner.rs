//! The worker's side: a job from the queue becomes calls in a sandbox.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::DatabaseConnection;

use crate::heartbeat::Reporter;
use crate::job::{CallFailure, Request};
use crate::queue::{self, Failure, Handler};
use crate::sandbox::{AnySandbox, AnySession, Input, Limits, Policy, Program, Sandbox, Session};
use crate::{CallOutcome, Dataset, Error, database};

/// Programs and data sets that a worker keeps at hand. Jobs of one study come together, so a few suffice; what falls out
/// is read again.
const KEPT: usize = 16;

/// Runs jobs. Clones share what they keep at hand.
#[derive(Clone)]
pub(crate) struct Runner {
    shared: Arc<Shared>,
}

struct Shared {
    database: DatabaseConnection,
    policy: Policy,
    sandbox: AnySandbox,
    reporter: Reporter,
    programs: Mutex<HashMap<String, Program>>,
    datasets: Mutex<HashMap<String, Dataset>>,
}

impl Handler for Runner {
    async fn handle(&self, job: queue::Job) -> Result<Vec<u8>, Failure> {
        let processing = self.shared.reporter.processing(job.id().as_str());
        let result = self.shared.run(job.payload()).await;
        match result {
            Ok(_) => processing.processed(),
            Err(_) => processing.failed(),
        }
        result
    }
}

impl Runner {
    pub(crate) fn new(
        database: DatabaseConnection,
        policy: Policy,
        sandbox: AnySandbox,
        reporter: Reporter,
    ) -> Self {
        let (programs, datasets) = (Mutex::default(), Mutex::default());
        Self { shared: Arc::new(Shared { database, policy, sandbox, reporter, programs, datasets }) }
    }
}

impl Shared {
    async fn run(&self, payload: &[u8]) -> Result<Vec<u8>, Failure> {
        let request: Request = serde_json::from_slice(payload)
            .map_err(|error| Failure::permanent(format!("the job is not one of this version's: {error}")))?;
        let outcomes = match self.program(&request.program).await {
            Ok(program) => {
                let data = self.dataset(&request.dataset).await.map_err(lookup_failed)?;
                self.call_all(&request, &program, &data).await?
            }
            // The policy of this worker refuses what that of the submitter let pass: the program's fault.
            Err(Error::Rejected(rejection)) => all_failed(&request, &rejection.into()),
            Err(error) => return Err(lookup_failed(error)),
        };
        serde_json::to_vec(&outcomes).map_err(|error| Failure::permanent(error.to_string()))
    }

    async fn call_all(
        &self,
        request: &Request,
        program: &Program,
        data: &Dataset,
    ) -> Result<Vec<CallOutcome>, Failure> {
        let limits = Limits::from(&request.limits);
        let series = data.cut(&request.bars);
        let mut outcomes = Vec::with_capacity(request.calls.len());
        let mut session: Option<AnySession> = None;
        for params in &request.calls {
            let input = series
                .iter()
                .fold(Input::new(), |input, (name, values)| input.series(name.clone(), Arc::clone(values)))
                .with_params(params.clone())
                .seed(request.seed);
            let mut open = match session.take() {
                Some(open) => open,
                None => match self.sandbox.open(program, &limits).await {
                    Ok(open) => open,
                    // What cannot be loaded fails every call alike.
                    Err(error) if error.is_user_fault() => return Ok(all_failed(request, &error)),
                    Err(error) => return Err(platform(&error)),
                },
            };
            let outcome = open.call(&input).await;
            let (result, failure) = match outcome.result {
                Ok(value) => (Some(value), None),
                Err(error) if error.is_user_fault() => (None, Some(CallFailure::new(&error))),
                Err(error) => return Err(platform(&error)),
            };
            // A program that failed may have ended its interpreter, or left it in a strange state.
            if failure.is_none() {
                session = Some(open);
            } else {
                open.close().await;
            }
            outcomes.push(CallOutcome {
                result,
                failure,
                stdout: outcome.stdout,
                truncated: outcome.truncated,
                wall: outcome.usage.wall,
            });
        }
        if let Some(session) = session {
            session.close().await;
        }
        Ok(outcomes)
    }

    async fn program(&self, hash: &str) -> Result<Program, Error> {
        if let Some(program) = find(&self.programs, hash) {
            return Ok(program);
        }
        let program = database::get_program(&self.database, &self.policy, hash).await?;
        keep(&self.programs, hash, &program);
        Ok(program)
    }

    async fn dataset(&self, hash: &str) -> Result<Dataset, Error> {
        if let Some(dataset) = find(&self.datasets, hash) {
            return Ok(dataset);
        }
        let dataset = database::get_dataset(&self.database, hash).await?;
        keep(&self.datasets, hash, &dataset);
        Ok(dataset)
    }
}

fn find<T: Clone>(kept: &Mutex<HashMap<String, T>>, hash: &str) -> Option<T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
}

fn keep<T: Clone>(kept: &Mutex<HashMap<String, T>>, hash: &str, value: &T) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(hash.to_owned(), value.clone());
}

fn all_failed(request: &Request, error: &crate::sandbox::Error) -> Vec<CallOutcome> {
    let failed = CallOutcome {
        result: None,
        failure: Some(CallFailure::new(error)),
        stdout: String::new(),
        truncated: false,
        wall: std::time::Duration::ZERO,
    };
    vec![failed; request.calls.len()]
}

/// A record that is damaged stays so; a database that is busy does not.
fn lookup_failed(error: Error) -> Failure {
    match error {
        Error::Damaged { .. } => Failure::permanent(error.to_string()),
        other => Failure::retryable(chain(&other)),
    }
}

fn platform(error: &crate::sandbox::Error) -> Failure {
    use crate::sandbox::Error as Cause;
    match error {
        Cause::InvalidLimit { .. } | Cause::InvalidInput { .. } | Cause::Unchecked => {
            Failure::permanent(chain(error))
        }
        _ => Failure::retryable(chain(error)),
    }
}

/// An error and its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
