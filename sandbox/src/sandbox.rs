//! The traits behind which the backends stand.
//!
//! What every backend must do alike (refuse what was not checked, refuse what needs a module that is not there, clean
//! the output, tell the observer of both) lies in the provided methods, so that no backend can forget it.

use std::sync::Arc;

use crate::observer::{Underway, refuse};
use crate::output::Screen;
use crate::{Error, Input, Limits, Observer, Outcome, OutputPolicy, Profile, Program};

/// A place that runs programs apart from the host and from each other.
pub trait Sandbox: Send + Sync + 'static {
    /// An interpreter with one program in it.
    type Session: Session;

    /// What this backend is, enforces and offers.
    fn profile(&self) -> &Profile;

    /// Whether this sandbox also runs programs that no policy has checked. A backend answers what its builder was
    /// told, and `false` by default.
    fn allows_unchecked(&self) -> bool {
        false
    }

    /// Who is told what this sandbox does. A backend tells of what only it sees: interpreters that it started, places,
    /// and what it could not remove.
    fn observer(&self) -> &Arc<dyn Observer>;

    /// Starts an interpreter and has it load the program. Backends implement this; users call [`open`](Self::open).
    /// Loading may go on when this returns; [`Session::ready`] waits for its end.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), except for what that checks itself.
    fn start(
        &self,
        program: &Program,
        limits: &Limits,
    ) -> impl Future<Output = Result<Self::Session, Error>> + Send;

    /// Starts an interpreter of its own for the program. Waits while all slots are taken.
    ///
    /// Cancellation safe: when the future is dropped, nothing is left behind.
    ///
    /// # Errors
    ///
    /// [`Error::Unchecked`] and [`Error::MissingModule`] for a program that this sandbox does not take,
    /// [`Error::Syntax`] when the interpreter cannot read it, [`Error::InvalidLimit`], and [`Error::Backend`].
    fn open(
        &self,
        program: &Program,
        limits: &Limits,
    ) -> impl Future<Output = Result<Self::Session, Error>> + Send {
        async move {
            let opened = async {
                let mut session = admitted(self, program, limits).await?;
                session.ready().await.map_err(cleaned)?;
                Ok(session)
            };
            opened.await.inspect_err(|error| refuse(&**self.observer(), self.profile().backend, error))
        }
    }

    /// Opens a session, makes one call and closes it.
    ///
    /// Cancellation safe: when the future is dropped, the program is stopped and nothing is left behind.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open). What goes wrong once the program runs stands in [`Outcome::result`].
    fn run(
        &self,
        program: &Program,
        input: &Input,
        limits: &Limits,
    ) -> impl Future<Output = Result<Outcome, Error>> + Send {
        async move {
            let (observer, backend) = (self.observer(), self.profile().backend);
            let mut session = admitted(self, program, limits)
                .await
                .inspect_err(|error| refuse(&**observer, backend, error))?;
            let underway = Underway::begin(observer, backend);
            // The call waits behind the loading, and nobody needs to wake this task in between.
            let outcome = clean_call(&mut session, input).await;
            let ready = session.ready().await.map_err(cleaned);
            match &ready {
                Ok(()) => underway.finish(&outcome),
                Err(error) => underway.refuse(error),
            }
            session.close().await;
            ready.map(|()| outcome)
        }
    }
}

/// Starts a session for a program that this sandbox takes.
async fn admitted<S: Sandbox + ?Sized>(
    sandbox: &S,
    program: &Program,
    limits: &Limits,
) -> Result<S::Session, Error> {
    if !program.is_checked() && !sandbox.allows_unchecked() {
        return Err(Error::Unchecked);
    }
    let profile = sandbox.profile();
    if let Some(module) = program.required_modules().iter().find(|module| !profile.has_module(module)) {
        return Err(Error::MissingModule {
            module: module.clone(),
            backend: profile.backend,
            available: profile.modules.join(", "),
        });
    }
    if !(limits.cpu.is_finite() && limits.cpu > 0.0) {
        return Err(Error::InvalidLimit {
            limit: "cpu",
            message: format!("{} is not a share in cores; give a number greater than 0", limits.cpu),
        });
    }
    sandbox.start(program, limits).await.map_err(cleaned)
}

/// Runs the program once and cleans what it gave.
async fn clean_call<S: Session + ?Sized>(session: &mut S, input: &Input) -> Outcome {
    let mut outcome = match input.told() {
        Some(listener) => {
            let screen = Screen::new(session.output_policy(), Arc::clone(listener));
            session.invoke(&input.clone().listener(Arc::new(screen))).await
        }
        None => session.invoke(input).await,
    };
    session.output_policy().apply(&mut outcome);
    outcome
}

/// What an interpreter says of a program that it cannot read holds words of the program.
fn cleaned(mut error: Error) -> Error {
    OutputPolicy::default().clean(&mut error);
    error
}

/// An interpreter with one program in it, for the calls of one job.
///
/// Every call runs the program from its first line in a fresh namespace. What a program changes elsewhere in its
/// interpreter (an attribute of a module, say) may be seen by later calls of the same session, and by nobody else:
/// give every job, and above all every tenant, a session of its own.
pub trait Session: Send + 'static {
    /// The backend's name, as in [`Profile::backend`].
    fn backend(&self) -> &'static str;

    /// What cleans this session's output.
    fn output_policy(&self) -> &OutputPolicy;

    /// Who is told of this session's calls, as [`Sandbox::observer`].
    fn observer(&self) -> &Arc<dyn Observer>;

    /// Waits until the program is loaded. A session that [`Sandbox::open`] returned is.
    ///
    /// # Errors
    ///
    /// Why it could not be loaded; the session is then of no further use.
    fn ready(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Makes one call. Backends implement this; users call [`call`](Self::call).
    fn invoke(&mut self, input: &Input) -> impl Future<Output = Outcome> + Send;

    /// Runs the program once and cleans what it gave.
    ///
    /// Cancellation: when the future is dropped, the program is stopped, and with it the session: later calls answer
    /// [`Error::SessionEnded`].
    fn call(&mut self, input: &Input) -> impl Future<Output = Outcome> + Send {
        async move {
            let underway = Underway::begin(self.observer(), self.backend());
            let outcome = clean_call(self, input).await;
            underway.finish(&outcome);
            outcome
        }
    }

    /// Ends the interpreter. When it returns, nothing of the program runs any more, and nothing is left that outlives
    /// this process. Dropping a session ends it as well, without waiting.
    fn close(self) -> impl Future<Output = ()> + Send;
}

#[cfg(feature = "wasm")]
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;
    use crate::{Fault, Finished, Reason, Refused, WasmSandbox};

    #[derive(Default)]
    struct Notes(Mutex<Vec<(Reason, Fault)>>);

    impl Observer for Notes {
        fn refused(&self, event: &Refused) {
            self.0.lock().unwrap().push((event.reason, event.fault));
        }

        fn finished(&self, event: &Finished) {
            panic!("{event:?} of a program that was refused");
        }
    }

    #[tokio::test]
    async fn what_only_the_check_inside_the_guest_finds_is_told_as_refused() {
        let notes = Arc::new(Notes::default());
        let sandbox =
            WasmSandbox::builder().observer(Arc::clone(&notes) as Arc<dyn Observer>).build().unwrap();
        // As if the host's check had a hole.
        let nothing = BTreeSet::new;
        let program = Program::checked("import os", nothing(), nothing(), nothing(), "{}".into());
        let run = sandbox.run(&program, &Input::new(), &Limits::default()).await;
        assert!(matches!(run, Err(Error::Rejected(_))), "{run:?}");
        let opened = sandbox.open(&program, &Limits::default()).await.map(drop);
        assert!(matches!(opened, Err(Error::Rejected(_))), "{opened:?}");
        assert_eq!(*notes.0.lock().unwrap(), [(Reason::Rejected, Fault::User); 2]);
    }
}
