//! A sandbox whose backend is chosen while the program runs.
//!
//! The traits return futures of their own types and so cannot be trait objects. This adapter is the one place where
//! those futures are boxed; use it where a configuration decides between backends, and the backend itself elsewhere.

use std::pin::Pin;
use std::sync::Arc;

use crate::{Error, Input, Limits, Observer, Outcome, OutputPolicy, Profile, Program, Sandbox, Session};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

trait ErasedSandbox: Send + Sync {
    fn profile(&self) -> &Profile;
    fn allows_unchecked(&self) -> bool;
    fn observer(&self) -> &Arc<dyn Observer>;
    fn start<'a>(&'a self, program: &'a Program, limits: &'a Limits) -> Boxed<'a, Result<AnySession, Error>>;
}

impl<S: Sandbox> ErasedSandbox for S {
    fn profile(&self) -> &Profile {
        Sandbox::profile(self)
    }

    fn allows_unchecked(&self) -> bool {
        Sandbox::allows_unchecked(self)
    }

    fn observer(&self) -> &Arc<dyn Observer> {
        Sandbox::observer(self)
    }

    fn start<'a>(&'a self, program: &'a Program, limits: &'a Limits) -> Boxed<'a, Result<AnySession, Error>> {
        Box::pin(async move { Ok(AnySession(Box::new(Sandbox::start(self, program, limits).await?))) })
    }
}

trait ErasedSession: Send {
    fn backend(&self) -> &'static str;
    fn output_policy(&self) -> &OutputPolicy;
    fn observer(&self) -> &Arc<dyn Observer>;
    fn ready(&mut self) -> Boxed<'_, Result<(), Error>>;
    fn invoke<'a>(&'a mut self, input: &'a Input) -> Boxed<'a, Outcome>;
    fn close(self: Box<Self>) -> Boxed<'static, ()>;
}

impl<S: Session> ErasedSession for S {
    fn backend(&self) -> &'static str {
        Session::backend(self)
    }

    fn output_policy(&self) -> &OutputPolicy {
        Session::output_policy(self)
    }

    fn observer(&self) -> &Arc<dyn Observer> {
        Session::observer(self)
    }

    fn ready(&mut self) -> Boxed<'_, Result<(), Error>> {
        Box::pin(Session::ready(self))
    }

    fn invoke<'a>(&'a mut self, input: &'a Input) -> Boxed<'a, Outcome> {
        Box::pin(Session::invoke(self, input))
    }

    fn close(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(Session::close(*self))
    }
}

/// Any [`Sandbox`], without its type. Cloning is cheap.
#[derive(Clone)]
pub struct AnySandbox(Arc<dyn ErasedSandbox>);

impl AnySandbox {
    /// Forgets the backend's type.
    #[must_use]
    pub fn new(sandbox: impl Sandbox) -> Self {
        Self(Arc::new(sandbox))
    }
}

impl std::fmt::Debug for AnySandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AnySandbox").field(self.0.profile()).finish()
    }
}

impl Sandbox for AnySandbox {
    type Session = AnySession;

    fn profile(&self) -> &Profile {
        self.0.profile()
    }

    fn allows_unchecked(&self) -> bool {
        self.0.allows_unchecked()
    }

    fn observer(&self) -> &Arc<dyn Observer> {
        self.0.observer()
    }

    async fn start(&self, program: &Program, limits: &Limits) -> Result<AnySession, Error> {
        self.0.start(program, limits).await
    }
}

/// A session of an [`AnySandbox`].
#[must_use = "an interpreter that nobody calls only holds memory"]
pub struct AnySession(Box<dyn ErasedSession>);

impl Session for AnySession {
    fn backend(&self) -> &'static str {
        self.0.backend()
    }

    fn output_policy(&self) -> &OutputPolicy {
        self.0.output_policy()
    }

    fn observer(&self) -> &Arc<dyn Observer> {
        self.0.observer()
    }

    async fn ready(&mut self) -> Result<(), Error> {
        self.0.ready().await
    }

    async fn invoke(&mut self, input: &Input) -> Outcome {
        self.0.invoke(input).await
    }

    async fn close(self) {
        self.0.close().await
    }
}
