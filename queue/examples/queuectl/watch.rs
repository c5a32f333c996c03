//! The counts again and again.

use std::io::IsTerminal as _;
use std::time::Duration;

use cofferdam_queue::Queue;
use serde_json::json;

use crate::look::{count_head, count_rows, stats_json};
use crate::page::{Page, write};
use crate::{Problem, look};

/// Puts the cursor into the upper left corner and wipes what is below: less flicker than wiping first.
const HOME: &str = "\x1b[H";
const WIPE_REST_OF_LINE: &str = "\x1b[K";
const WIPE_BELOW: &str = "\x1b[J";

pub(crate) async fn watch(queue: &Queue, every: f64, times: Option<u64>, json: bool) -> Result<(), Problem> {
    let on_screen = !json && std::io::stdout().is_terminal();
    let mut looks = 0_u64;
    loop {
        let page = look_now(queue).await?;
        if on_screen {
            let wiped = page.text().replace('\n', &format!("{WIPE_REST_OF_LINE}\n"));
            write(&format!("{HOME}{wiped}{WIPE_BELOW}"))?;
        } else {
            page.show(json)?;
        }
        looks += 1;
        if times.is_some_and(|times| looks >= times) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs_f64(every)).await;
    }
}

async fn look_now(queue: &Queue) -> Result<Page, Problem> {
    let (stats, settings) = (queue.stats().await?, queue.settings().await?);
    let workers = look::workers(queue).await?;
    let document = json!({ "stats": stats_json(queue, &stats, &settings), "workers": workers.json() });
    Ok(Page::new(document)
        .line(&format!("queue {}, {}", queue.name(), settings.mode.as_str()))
        .table(&count_head(), count_rows(&stats), "")
        .line(workers.text().trim_end()))
}
