//! What one session has to do.

use crate::{
    emit::SpoolOptions,
    environment::VersionControl,
    ranks::{Group, RankError},
    suite::Suite,
};
use benchlake_schemas::{BenchmarkId, RunId, SessionId};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// What one session has to do. Later fields have defaults, so that launchers and programs of
/// different versions understand each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSpec {
    /// The suite's text, and the name that its errors give.
    pub suite: String,
    /// Where the suite came from.
    pub label: String,
    /// Benchmarks to measure: a regular expression over `name{parameters}`.
    pub filter: Option<String>,
    /// The launch that this session belongs to.
    pub run_id: RunId,
    /// Its own id.
    pub session_id: SessionId,
    /// Its place in the run: 0, 1, ….
    pub position: i64,
    /// Seed of the inputs; with the round, of the order of the benchmarks.
    pub seed: i64,
    /// Its rank among `world_size` processes.
    pub rank: i64,
    /// How many processes measure together: as many as [`supervise`](super::supervise::supervise) starts.
    pub world_size: i64,
    /// The side of a comparison.
    pub arm: Option<String>,
    /// What the user said of the run.
    pub tags: BTreeMap<String, String>,
    /// What is measured, where the suite lies in a repository.
    pub version_control: Option<VersionControl>,
    /// Where to spool.
    pub spool: PathBuf,
    /// Partitions of the topics, for a producer that is made here.
    pub partitions: u32,
    /// The spool's bounds.
    pub spool_options: SpoolOptions,
    /// The round of the run that it belongs to, in which every arm is measured once, in the same order of
    /// benchmarks; its position where it is not given.
    #[serde(default)]
    pub round: Option<i64>,
    /// Iterations of a sample by benchmark, as an earlier session of the run has chosen them: equal
    /// in all sessions and arms of a run.
    #[serde(default)]
    pub iterations: BTreeMap<BenchmarkId, u64>,
    /// Benchmarks that an earlier process at this place has dealt with.
    #[serde(default)]
    pub done: BTreeSet<BenchmarkId>,
    /// The folder to run in: the suite's, so that what it names is found; the launcher's where not given.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// The program that the workload `program` runs: this arm's build of it.
    #[serde(default)]
    pub program: Option<PathBuf>,
    /// Private memory that the process may have, in bytes: what needs more fails by itself.
    #[serde(default)]
    pub memory_limit: Option<u64>,
    /// Whether to count what the processor does, in a pass of its own after the timed samples.
    #[serde(default)]
    pub counters: bool,
    /// What the launcher knows of this session's surroundings, to be kept with its environment.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// Whether the machine was found to be disturbed: every series is flagged `noisy`.
    #[serde(default)]
    pub noisy: bool,
    /// Processors to run on, such as `0-3,8`; `None` leaves them as they are.
    #[serde(default)]
    pub pin: Option<String>,
    /// The NUMA node to take memory from, and processors where none are named.
    #[serde(default)]
    pub numa: Option<u32>,
    /// The devices, one a rank: what `CUDA_VISIBLE_DEVICES` is for each. As the environment has it where none
    /// are named.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Where the ranks meet, such as `127.0.0.1:5000`, rank 0 listening; chosen by who starts them where it is
    /// not given.
    #[serde(default)]
    pub group: Option<String>,
}

impl SessionSpec {
    /// The first session of a new run of `suite`, alone in the world, into `spool`, for topics of
    /// `partitions` partitions.
    #[must_use]
    pub fn new(suite: &Suite, label: &str, spool: PathBuf, partitions: u32) -> Self {
        Self {
            suite: suite.text().to_owned(),
            label: label.to_owned(),
            filter: None,
            run_id: RunId::new(),
            session_id: SessionId::new(),
            position: 0,
            seed: 42,
            rank: 0,
            world_size: 1,
            arm: None,
            tags: BTreeMap::new(),
            version_control: None,
            spool,
            partitions,
            spool_options: SpoolOptions::default(),
            round: None,
            iterations: BTreeMap::new(),
            done: BTreeSet::new(),
            folder: None,
            program: None,
            memory_limit: None,
            counters: true,
            facts: BTreeMap::new(),
            noisy: false,
            pin: None,
            numa: None,
            devices: Vec::new(),
            group: None,
        }
    }

    /// The same for its rank `rank`.
    pub(super) fn of_rank(&self, rank: usize) -> Self {
        Self { rank: i64::try_from(rank).unwrap_or(i64::MAX), ..self.clone() }
    }

    /// How many processes it is; at least 1.
    pub(super) fn ranks(&self) -> usize {
        usize::try_from(self.world_size).unwrap_or(1).max(1)
    }

    /// The processes that measure together, this one as its rank says.
    ///
    /// # Errors
    /// [`RankError`] if they do not meet.
    pub(super) fn meet(&self) -> Result<Group, RankError> {
        let (rank, size) = (usize::try_from(self.rank).unwrap_or(usize::MAX), self.ranks());
        if size == 1 && rank == 0 {
            return Ok(Group::alone());
        }
        let address = self.group.as_deref().unwrap_or("nowhere");
        if rank >= size {
            let problem = format!("there is no rank {rank} of {size}");
            return Err(RankError::Meeting { address: address.to_owned(), problem });
        }
        Group::meet(rank, size, address, &self.session_id.to_string())
    }
}
