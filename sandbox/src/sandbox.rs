//! The traits behind which the backends stand.
//!
//! What every backend must do alike (refuse what was not checked, refuse what needs a module that is not there, clean
//! the output) lies in the provided methods, so that no backend can forget it.

use std::sync::Arc;

use crate::output::Screen;
use crate::{Error, Input, Limits, Outcome, OutputPolicy, Profile, Program};

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
            let mut session = admitted(self, program, limits).await?;
            session.ready().await.map_err(cleaned)?;
            Ok(session)
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
            let mut session = admitted(self, program, limits).await?;
            // The call waits behind the loading, and nobody needs to wake this task in between.
            let outcome = session.call(input).await;
            let ready = session.ready().await.map_err(cleaned);
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
    /// What cleans this session's output.
    fn output_policy(&self) -> &OutputPolicy;

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
            let mut outcome = match input.told() {
                Some(listener) => {
                    let screen = Screen::new(self.output_policy(), Arc::clone(listener));
                    self.invoke(&input.clone().listener(Arc::new(screen))).await
                }
                None => self.invoke(input).await,
            };
            self.output_policy().apply(&mut outcome);
            outcome
        }
    }

    /// Ends the interpreter. When it returns, nothing of the program runs any more, and nothing is left that outlives
    /// this process. Dropping a session ends it as well, without waiting.
    fn close(self) -> impl Future<Output = ()> + Send;
}
