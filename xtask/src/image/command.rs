//! The command, and what `cargo xtask test` needs of it.

use std::time::Instant;

use clap::Args;

use super::engine::Engine;
use super::packages::Packages;
use super::recipe::Recipe;
use super::root::Root;
use crate::error::{Context, Result};
use crate::workspace::Workspace;

/// What `cargo xtask image` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The image's name [default: cofferdam-python:VERSION].
    #[arg(long, value_name = "NAME:TAG")]
    tag: Option<String>,
    /// The engine's address, such as unix:///run/user/1000/docker.sock [default: DOCKER_HOST, else the usual socket].
    #[arg(long, value_name = "ADDRESS")]
    engine: Option<String>,
}

/// What to do where this command cannot work.
const ELSEWHERE: &str = "it needs root on Debian or a system made from it; elsewhere run \
                         `docker build --tag cofferdam-python:VERSION --file sandbox/docker/Dockerfile sandbox`";

/// Makes the image, unless the engine has the same already.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    let tag = match &arguments.tag {
        Some(tag) => tag.clone(),
        None => default_tag(workspace)?,
    };
    make(workspace, &tag, &Engine::new(arguments.engine.clone()))
}

/// Makes the image for the tests, where an engine answers. Says what is missing otherwise.
pub(crate) fn provide(workspace: &Workspace) -> Result {
    make(workspace, &default_tag(workspace)?, &Engine::new(None))
}

fn make(workspace: &Workspace, tag: &str, engine: &Engine) -> Result {
    let began = Instant::now();
    engine.check()?;
    if !rustix::process::geteuid().is_root() {
        return Err(format!("only root can make the image without a registry: {ELSEWHERE}").into());
    }
    let recipe = Recipe::read(workspace)?;
    let packages = Packages::choose().context(|| ELSEWHERE.into())?;
    let content = recipe.content(&packages);
    if engine.has(tag, &content)? {
        println!("{tag} is up to date");
        return Ok(());
    }
    let folder = workspace.private("image");
    packages.download(&folder.join("packages"))?;
    let root = Root::make(folder.join("root"))?;
    packages.unpack(&folder.join("packages"), root.path())?;
    let python = root.arrange(&recipe)?;
    root.check(&recipe)?;
    engine.import(root.path(), tag, &recipe.changes(&python, &content)?)?;
    engine.tidy()?;
    root.remove()?;
    println!("{tag} is made, with Python {python}, in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// The name that the sandbox looks for when nobody names another.
fn default_tag(workspace: &Workspace) -> Result<String> {
    let sandbox = workspace.members.iter().find(|member| member.name == "cofferdam-sandbox");
    let version = &sandbox.ok_or("the workspace has no cofferdam-sandbox")?.version;
    Ok(format!("cofferdam-python:{version}"))
}
