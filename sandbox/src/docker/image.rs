//! The image that containers are made from, and whether it is one of ours.

use bollard::Docker;
use bollard::errors::Error as EngineError;

use super::BACKEND;
use super::frame::PROTOCOL;
use super::trouble::failed;
use crate::Error;

/// An image that fits this crate.
#[derive(Debug)]
pub(super) struct Image {
    /// Its digest: a name may be given to another image at any time.
    pub(super) id: String,
    /// The version of Python in it.
    pub(super) python: String,
    /// What programs in it may import.
    pub(super) modules: Vec<String>,
}

/// More modules or longer names than these are not a list of ours.
const MOST_MODULES: usize = 1000;
const LONGEST_NAME: usize = 100;

impl Image {
    /// Looks the image up and reads what it says of itself.
    pub(super) async fn find(docker: &Docker, name: &str) -> Result<Self, Error> {
        let image = docker.inspect_image(name).await.map_err(|error| match error {
            EngineError::DockerResponseServerError { status_code: 404, .. } => Error::backend(
                BACKEND,
                "find its image",
                format!("the engine has no image `{name}`; {}", remedy(name)),
            ),
            error => failed("find its image", error),
        })?;
        let wrong = |what: String| {
            Error::backend(BACKEND, "use its image", format!("the image `{name}` {what}; {}", remedy(name)))
        };
        let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
        let label = |key: &str| labels.get(key).map(String::as_str);
        match label("cofferdam.protocol") {
            Some(PROTOCOL) => {}
            Some(other) => {
                return Err(wrong(format!(
                    "speaks protocol {other:.20}, and this version speaks {PROTOCOL}"
                )));
            }
            None => return Err(wrong("has no label `cofferdam.protocol`, so it holds no runner".to_owned())),
        }
        let python = label("cofferdam.python").filter(|version| is_name(version));
        let modules = label("cofferdam.modules")
            .map(|list| list.split(',').map(str::to_owned).collect::<Vec<_>>())
            .filter(|list| list.len() <= MOST_MODULES && list.iter().all(|module| is_name(module)));
        match (image.id, python, modules) {
            (Some(id), Some(python), Some(modules)) => Ok(Self { id, python: python.to_owned(), modules }),
            _ => Err(wrong("does not say which Python and modules it has".to_owned())),
        }
    }
}

/// Whether the text can be the name of a module or a version.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_NAME
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
}

fn remedy(name: &str) -> String {
    format!(
        "in a checkout of Cofferdam make it by `docker build --tag {name} --file sandbox/docker/Dockerfile sandbox`, or \
         without a registry by `cargo xtask image --tag {name}`"
    )
}
