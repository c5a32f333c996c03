//! Leaves nothing behind: the keys of this program, and of nobody else.

use redis::Connection;

use super::Problem;
use super::servers::{NAME, Server};

/// apalis lists its queues here, by names that have this program's in them.
const APALIS_QUEUES: &str = "core:apalis:queues:list";

/// Deletes every key that has this program's name in it.
///
/// By DEL, not by UNLINK: what is freed in the background would fall into the phase that is measured next.
pub(super) fn sweep(server: &Server) -> Result<(), Problem> {
    for master in &server.masters {
        let mut master = master.connect()?;
        sweep_master(&mut master)?;
        // What was freed is given back now, and not while somebody else is measured. Without jemalloc there is no such
        // debt.
        let _ = redis::cmd("MEMORY").arg("PURGE").exec(&mut master);
    }
    Ok(())
}

fn sweep_master(master: &mut Connection) -> Result<(), Problem> {
    // On a cluster the list lies elsewhere, and apalis does not come so far as to write it.
    let _ = redis::cmd("ZREM").arg(APALIS_QUEUES).arg(format!("{{{NAME}}}:workers")).exec(master);
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("*{NAME}*")).arg("COUNT").arg(1000);
        let (next, keys): (u64, Vec<Vec<u8>>) = scan.query(master)?;
        let mut pipeline = redis::Pipeline::with_capacity(keys.len());
        // One at a time: on a cluster the keys of a node lie in many slots.
        for key in keys {
            pipeline.cmd("DEL").arg(key).ignore();
        }
        if !pipeline.is_empty() {
            pipeline.exec(master)?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}
