//! Where a run's records go: into a lake, to Kafka, or nowhere yet.

use crate::failure::Failure;
use benchlake_pipeline::{FlushPolicy, Lander, Report, SpoolSource};
use benchlake_producers::emit::{Forwarder, Kafka, drains};
use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

/// How long a run waits for Kafka to take its records before it leaves them in the spool.
const PATIENCE: Duration = Duration::from_secs(60);

/// A destination that was reached before anything was measured.
pub(crate) enum Destination {
    Lake(Box<Lander>),
    Kafka(Kafka, u32),
    Spool,
}

impl Destination {
    pub(crate) fn lake(uri: &str) -> Result<Self, Failure> {
        Ok(Self::Lake(Box::new(Lander::open(uri, FlushPolicy::default())?)))
    }

    pub(crate) fn kafka(kafka: Kafka, partitions: i32) -> Result<Self, Failure> {
        let partitions = kafka.ensure_topics(partitions)?;
        Ok(Self::Kafka(kafka, partitions))
    }

    /// Partitions that a new producer chooses from.
    pub(crate) const fn partitions(&self) -> u32 {
        match self {
            Self::Kafka(_, partitions) => *partitions,
            Self::Lake(_) | Self::Spool => 1,
        }
    }

    /// How to deliver later what could not be delivered.
    pub(crate) const fn advice(&self) -> &'static str {
        match self {
            Self::Kafka(..) => "send it with `benchlake agent forward --spool DIR --brokers HOST:PORT`",
            Self::Lake(_) | Self::Spool => {
                "land it with `benchlake land --until-idle --spool DIR --lake URI`"
            }
        }
    }

    /// Moves what the spool holds to the destination; what cannot be moved stays in the spool.
    pub(crate) fn deliver(&mut self, spool: &Path) -> Result<(), Failure> {
        match self {
            Self::Lake(lander) => {
                land_spool(lander, spool)?;
            }
            Self::Kafka(kafka, partitions) => {
                let mut forwarder = Forwarder::new(kafka.clone(), *partitions, PATIENCE);
                for drain in drains(spool, None)? {
                    forwarder.forward(&drain, &AtomicBool::new(false))?;
                }
            }
            Self::Spool => {}
        }
        Ok(())
    }
}

/// Lands everything that the spools in `spool` hold.
pub(crate) fn land_spool(lander: &mut Lander, spool: &Path) -> Result<Report, Failure> {
    let mut source = SpoolSource::new(spool, None, lander.positions());
    Ok(lander.run(&mut source, true, &AtomicBool::new(false), &mut |_| {})?)
}

/// The spool of a destination when none is named: in the user's state folder, one per destination,
/// so that what was measured for one lake never lands in another.
pub(crate) fn default_spool(destination: &str) -> PathBuf {
    let name: String = destination
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' })
        .collect();
    let name = name.trim_matches('_');
    let tail = name.char_indices().rev().nth(79).map_or(name, |(at, _)| &name[at..]);
    // Names that read alike after all are told apart by a hash of the whole.
    let whole = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, destination.as_bytes()).simple().to_string();
    state_folder().join("spool").join(format!("{tail}-{}", &whole[..8]))
}

/// `$XDG_STATE_HOME/benchlake`, or its default.
pub(crate) fn state_folder() -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or_else(home).unwrap_or_else(std::env::temp_dir).join("benchlake")
}
