//! A replica that is alive and falls behind.
//!
//! To stop its process is not enough: what the master sends meanwhile waits in the kernel's buffers, outlives the master,
//! and is read when the replica goes on. So the link is cut, and kept from coming back by a password that the master does
//! not know.

use super::Node;
use crate::error::Result;

impl Node {
    /// Cuts the replica's link to its master until [`mend_link`](Self::mend_link).
    ///
    /// # Errors
    /// When the node does not take it.
    pub fn cut_link(&self) -> Result {
        self.ask(&["CONFIG", "SET", "masterauth", "not the password"])?;
        self.ask(&["CLIENT", "KILL", "TYPE", "master"]).map(drop)
    }

    /// Lets the replica follow again, whomever it follows by then.
    ///
    /// # Errors
    /// When the node does not take it.
    pub fn mend_link(&self) -> Result {
        self.ask(&["CONFIG", "SET", "masterauth", ""]).map(drop)
    }
}
