//! What a policy says of itself to the check inside the guest.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::settings::Policy;

/// The policy as JSON, written once however many programs it accepts. It takes no part in comparing policies.
#[derive(Clone, Default)]
pub(super) struct Carried(OnceLock<Arc<str>>);

impl Carried {
    pub(super) fn text(&self, policy: &Policy) -> Arc<str> {
        let write = || {
            if *policy == Policy::default() {
                return Arc::from("{}");
            }
            // Maps with string keys and numbers can always be written. An empty text would be refused by its reader.
            Arc::from(serde_json::to_string(policy).unwrap_or_default())
        };
        Arc::clone(self.0.get_or_init(write))
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Carried")
    }
}

impl PartialEq for Carried {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Carried {}
