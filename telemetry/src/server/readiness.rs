//! Whether the service can do its work now.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// An orchestrator asks every few seconds and gives up after about as many, so a check that takes longer than this
/// is an answer in itself.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A named question.
#[derive(Clone)]
pub(crate) struct Check {
    pub(crate) name: Arc<str>,
    ask: Arc<dyn Fn() -> Answer + Send + Sync>,
}

impl Check {
    pub(crate) fn new<F, A>(name: &str, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name: Arc::from(name), ask: Arc::new(move || Box::pin(ask())) }
    }

    /// Each check runs on a task of its own, so that one that panics is an answer and no broken connection.
    async fn answer(self) -> Verdict {
        let ask = Arc::clone(&self.ask);
        let task = tokio::spawn(async move { ask().await });
        let abort = task.abort_handle();
        let reason = match tokio::time::timeout(CHECK_TIMEOUT, task).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(reason))) => Some(reason),
            Ok(Err(_)) => Some("the check panicked".to_owned()),
            Err(_) => {
                abort.abort();
                Some(format!("no answer within {CHECK_TIMEOUT:?}"))
            }
        };
        Verdict { name: self.name.to_string(), ready: reason.is_none(), reason }
    }
}

/// What `/readyz` answers.
#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    checks: Vec<Verdict>,
}

#[derive(Debug, Serialize)]
struct Verdict {
    name: String,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Asks all checks at the same time; a service without checks is ready.
pub(crate) async fn ask(checks: &[Check]) -> Readiness {
    let asked: Vec<_> = checks.iter().cloned().map(|check| tokio::spawn(check.answer())).collect();
    let mut verdicts = Vec::with_capacity(asked.len());
    for (answer, check) in asked.into_iter().zip(checks) {
        let broken = || Verdict {
            name: check.name.to_string(),
            ready: false,
            reason: Some("the check was given up".to_owned()),
        };
        verdicts.push(answer.await.unwrap_or_else(|_| broken()));
    }
    Readiness { ready: verdicts.iter().all(|verdict| verdict.ready), checks: verdicts }
}
