//! The backends, as the tests want them.

use std::num::NonZeroUsize;
use std::sync::Arc;

use cofferdam_sandbox::{AnySandbox, DockerSandbox, Observer, OutputPolicy, WasmSandbox};

use crate::containers::image;

/// Which backend a test asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Wasm,
    Docker,
}

/// How a sandbox is to be.
pub(crate) struct Wish {
    pub(crate) slots: usize,
    pub(crate) allow_unchecked: bool,
    pub(crate) fuel: bool,
    pub(crate) output_policy: OutputPolicy,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Default for Wish {
    fn default() -> Self {
        let (output_policy, observer) = (OutputPolicy::default(), Arc::new(()));
        Self { slots: 4, allow_unchecked: true, fuel: false, output_policy, observer }
    }
}

impl Backend {
    pub(crate) async fn sandbox(self) -> AnySandbox {
        self.wished(Wish::default()).await
    }

    pub(crate) async fn wished(self, wish: Wish) -> AnySandbox {
        let slots = NonZeroUsize::new(wish.slots).unwrap();
        match self {
            Self::Wasm => AnySandbox::new(
                WasmSandbox::builder()
                    .slots(slots)
                    .allow_unchecked(wish.allow_unchecked)
                    .fuel(wish.fuel)
                    .output_policy(wish.output_policy)
                    .observer(wish.observer)
                    .build()
                    .unwrap(),
            ),
            Self::Docker => {
                let builder = DockerSandbox::builder()
                    .image(image())
                    .slots(slots)
                    .warm(1)
                    .allow_unchecked(wish.allow_unchecked)
                    .output_policy(wish.output_policy)
                    .observer(wish.observer);
                AnySandbox::new(builder.build().await.unwrap_or_else(|error| {
                    panic!(
                        "{error}: {}",
                        std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
                    )
                }))
            }
        }
    }
}
