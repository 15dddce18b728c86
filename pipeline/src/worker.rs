//! One table's writer, as two tasks: one encodes rows while they are read, the other makes what is
//! encoded durable, while the first is at the rows of the next commit.

use crate::{
    data_file::{FileWriter, Written, size},
    lake_table::{LakeError, LakeTable, Outcome, Progress},
};
use arrow::array::RecordBatch;
use benchlake_schemas::Table;
use std::{
    sync::mpsc::Sender,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// What the lander asks of a worker.
enum Command {
    /// These rows belong to the next commit.
    Write(RecordBatch),
    /// Everything written since the last commit, and these moves, are one commit.
    Commit(u64, Vec<Progress>),
    /// Everything written since the last commit is given up.
    Discard,
}

/// What became of a commit.
pub(crate) struct Done {
    pub(crate) table: Table,
    pub(crate) number: u64,
    pub(crate) result: Result<Landed, LakeError>,
}

/// How a commit ended.
pub(crate) struct Landed {
    pub(crate) outcome: Outcome,
    /// From the end of encoding to the durable commit.
    pub(crate) took: Duration,
    /// Size of its files.
    pub(crate) bytes: u64,
    /// Tries that came to nothing before.
    pub(crate) retries: u64,
}

/// A commit on its way from the first task to the second.
struct Encoded {
    number: u64,
    written: Result<Written, LakeError>,
    progress: Vec<Progress>,
}

/// The lander's end of a worker. How many bytes are on their way is bounded by the lander, which
/// stops reading; so the queue itself needs no bound.
pub(crate) struct Worker(UnboundedSender<Command>);

impl Worker {
    pub(crate) fn start(runtime: &Runtime, table: LakeTable, done: Sender<Done>) -> Self {
        let (sender, commands) = unbounded_channel();
        let (encoded, commits) = unbounded_channel();
        runtime.spawn(encode(table.writer(), commands, encoded));
        runtime.spawn(commit(table, commits, done));
        Self(sender)
    }

    pub(crate) fn write(&self, batch: RecordBatch) {
        self.tell(Command::Write(batch));
    }

    pub(crate) fn commit(&self, number: u64, progress: Vec<Progress>) {
        self.tell(Command::Commit(number, progress));
    }

    pub(crate) fn discard(&self) {
        self.tell(Command::Discard);
    }

    /// A worker ends after its lander alone.
    fn tell(&self, command: Command) {
        let _ = self.0.send(command);
    }
}

async fn encode(
    mut writer: FileWriter,
    mut commands: UnboundedReceiver<Command>,
    commits: UnboundedSender<Encoded>,
) {
    // A failure is told with the commit whose rows it concerns.
    let mut failed = None;
    while let Some(command) = commands.recv().await {
        match command {
            Command::Write(batch) => {
                if failed.is_none() {
                    failed = writer.write(&batch).await.err();
                }
            }
            Command::Discard => {
                writer.abort().await;
                failed = None;
            }
            Command::Commit(number, progress) => {
                let written = match failed.take() {
                    None => writer.close().await,
                    Some(error) => {
                        writer.abort().await;
                        Err(error)
                    }
                };
                let written = written.map_err(|error| writer.failed(&error));
                if commits.send(Encoded { number, written, progress }).is_err() {
                    break;
                }
            }
        }
    }
    writer.abort().await;
}

async fn commit(mut table: LakeTable, mut commits: UnboundedReceiver<Encoded>, done: Sender<Done>) {
    while let Some(Encoded { number, written, progress }) = commits.recv().await {
        let (began, before) = (Instant::now(), table.retries());
        let result = match written {
            Ok(written) => land(&mut table, written, &progress).await,
            Err(error) => Err(error),
        };
        let retries = table.retries() - before;
        let result = result.map(|(outcome, bytes)| Landed { outcome, took: began.elapsed(), bytes, retries });
        if done.send(Done { table: table.table(), number, result }).is_err() {
            return;
        }
    }
}

async fn land(
    table: &mut LakeTable,
    written: Written,
    progress: &[Progress],
) -> Result<(Outcome, u64), LakeError> {
    let bytes = written.files.iter().map(size).sum();
    let outcome = table.commit(written, progress).await?;
    if let Outcome::Landed { version } = outcome
        && let Some(checkpoint) = table.due_checkpoint(version)
    {
        tokio::spawn(checkpoint.write());
    }
    Ok((outcome, bytes))
}
