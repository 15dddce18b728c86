//! `land --maintain`: what keeps a lake quick and small, beside landing.

use crate::lake::said;
use benchlake_pipeline::{Compaction, LakeError, LakeTable};
use benchlake_schemas::Table;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::runtime::Builder;

/// Files that no version names any more stay for so long: older versions stay readable.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

/// The first time comes no later than this after the start.
const FIRST: Duration = Duration::from_secs(60);

/// A thread that looks after a lake until it is stopped.
pub(crate) struct Keeper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Compacts, writes checkpoints and vacuums the lake at `lake` every so often. What fails is
    /// logged and tried again the next time: landing does not depend on it.
    pub(crate) fn start(lake: String, every: Duration, compaction: Compaction) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let thread = std::thread::spawn(move || {
            // Soon for the first time: a lander that starts often looks after its lake too.
            let mut next = Instant::now() + every.min(FIRST);
            while !stopping.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
                if Instant::now() >= next {
                    next = Instant::now() + every;
                    look_after(&lake, &compaction, &stopping);
                }
            }
        });
        Self { stop, thread }
    }

    /// Lets the table under way be finished and ends.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            tracing::warn!("maintenance ended with a panic");
        }
    }
}

fn look_after(lake: &str, compaction: &Compaction, stop: &AtomicBool) {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::warn!(%error, "no maintenance"),
    };
    for table in Table::ALL.iter().take_while(|_| !stop.load(Ordering::Relaxed)) {
        let done = runtime.block_on(async {
            let mut table = LakeTable::open_or_create(lake, *table).await?;
            let compacted = table.optimize(compaction).await?;
            if compacted.commits > 0 {
                table.checkpoint().await?;
            }
            let vacuumed = table.vacuum(KEEP, false).await?;
            Ok::<_, LakeError>((compacted, vacuumed.len()))
        });
        match done {
            Ok((compacted, vacuumed)) => {
                tracing::info!(%table, compacted = said(&compacted), vacuumed, "looked after");
            }
            Err(error) => tracing::warn!(%table, %error, "maintenance failed; it is tried again"),
        }
    }
}
