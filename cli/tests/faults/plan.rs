//! What a round does, decided by its seed and number alone.

use benchlake_producers::fault::STEPS;
use rand::{RngExt as _, SeedableRng, rngs::StdRng, seq::IndexedRandom as _};
use std::fmt;

/// What happens to a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Strike {
    /// Nothing.
    None,
    /// `ACTION` when it takes `STEP` for the `N`th time.
    At { step: &'static str, count: u32, action: &'static str },
    /// `kill -9` after so many milliseconds.
    After(u64),
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "-"),
            Self::At { step, count, action } => write!(f, "{step}@{count}={action}"),
            Self::After(millis) => write!(f, "kill after {millis} ms"),
        }
    }
}

/// What happens to a server while the round runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    None,
    /// `kill -9`, and started again on its folder.
    Killed,
    /// Away until producers and landers have given up, then started again.
    Away,
}

/// Where the records of a round go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Spool → Kafka → lake.
    Kafka,
    /// Spool → lake.
    Spool,
    /// Spool → lake, with the power cut after the writers and during the landing.
    PowerCut,
    /// Spool and lake on a disk that is full.
    FullDisk,
}

impl Way {
    /// Whether the round's rows land in the epoch's lake, and not in one on a disk of its own.
    pub(crate) const fn is_in_scene(self) -> bool {
        matches!(self, Self::Kafka | Self::Spool)
    }
}

/// What looks after the lake in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maintenance {
    /// `lake checkpoint`, beside landers.
    Checkpoint,
    /// `lake optimize`, beside landers.
    Optimize,
    /// `lake vacuum` of everything that no version names, when no lander lives.
    Vacuum,
}

impl Maintenance {
    const fn steps(self) -> &'static str {
        match self {
            Self::Checkpoint => "maintain.checkpoint",
            Self::Optimize => "optimize",
            Self::Vacuum => "maintain.vacuum",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) way: Way,
    /// Producers: how many rows each, and its strike.
    pub(crate) writers: Vec<(u32, Strike)>,
    pub(crate) forwarder: Strike,
    pub(crate) landers: Vec<Strike>,
    /// The broker's.
    pub(crate) outage: Outage,
    /// That of the lake's server, where the lake is on S3.
    pub(crate) store_outage: Outage,
    /// Acknowledged records are sent again.
    pub(crate) resend: bool,
    /// Messages in Kafka that are no records.
    pub(crate) garbage: u32,
    /// A checkpoint is made while landers work, or files are removed after them, and struck.
    pub(crate) maintenance: Option<(Maintenance, Strike)>,
}

fn strike(random: &mut StdRng, part: &[&str], actions: &[&'static str], counts: u32) -> Strike {
    match random.random_range(0..10) {
        0..2 => Strike::None,
        2..4 => Strike::After(random.random_range(5..600)),
        _ => {
            let steps: Vec<_> =
                STEPS.iter().filter(|step| part.iter().any(|part| step.starts_with(part))).collect();
            Strike::At {
                step: steps.choose(random).copied().copied().unwrap_or("spool.append"),
                count: random.random_range(1..=counts),
                action: actions.choose(random).copied().unwrap_or("kill"),
            }
        }
    }
}

impl Plan {
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number;
        let mut random = StdRng::seed_from_u64(seed);
        let random = &mut random;
        let way = match random.random_range(0..100) {
            0..74 => Way::Kafka,
            74..88 => Way::Spool,
            88..94 => Way::PowerCut,
            _ => Way::FullDisk,
        };
        let kafka = way == Way::Kafka;
        let writers = (0..random.random_range(1..=3))
            .map(|_| (random.random_range(5..60), strike(random, &["spool"], &["kill", "kill", "fail"], 30)));
        let writers = writers.collect();
        let forwarder = strike(random, &["forward", "drain"], &["kill", "kill", "fail", "stop"], 6);
        let landers = if kafka && random.random_bool(0.15) {
            // A zombie: stopped with rows in hand until a rival has landed them.
            let step = ["land.pending", "land.written", "land.synced"].choose(random).copied();
            let step = step.unwrap_or("land.pending");
            vec![Strike::At { step, count: 1, action: "stop" }, Strike::None]
        } else {
            (0..random.random_range(1..=3))
                .map(|_| strike(random, &["land"], &["kill", "kill", "stop", "fail"], 3))
                .collect()
        };
        let outage = match random.random_range(0..100) {
            0..3 if kafka => Outage::Killed,
            3..4 if kafka => Outage::Away,
            _ => Outage::None,
        };
        let mut plan = Self {
            seed,
            way,
            writers,
            forwarder,
            landers,
            outage,
            store_outage: Outage::None,
            resend: kafka && random.random_bool(0.3),
            garbage: if kafka { random.random_range(0..3) } else { 0 },
            maintenance: random.random_bool(0.2).then(|| {
                let what = [Maintenance::Checkpoint, Maintenance::Optimize, Maintenance::Vacuum]
                    [random.random_range(0..3)];
                (what, strike(random, &[what.steps()], &["kill", "kill", "stop", "fail"], 3))
            }),
        };
        plan.store_outage = match random.random_range(0..100) {
            0..15 if plan.way.is_in_scene() => Outage::Killed,
            15..20 if plan.way.is_in_scene() => Outage::Away,
            _ => Outage::None,
        };
        plan
    }

    /// Names of everything that struck, for the tally.
    pub(crate) fn strikes(&self) -> Vec<String> {
        let parts = self.writers.iter().map(|(_, strike)| strike);
        let parts = parts.chain([&self.forwarder]).chain(&self.landers);
        let parts = parts.chain(self.maintenance.iter().map(|(_, strike)| strike));
        let mut names: Vec<_> = parts
            .map(|strike| match strike {
                Strike::None => "(undisturbed process)".to_owned(),
                Strike::At { step, action, .. } => format!("{step}={action}"),
                Strike::After(_) => "kill at a random instant".to_owned(),
            })
            .collect();
        names.push(format!("way {:?}", self.way));
        if self.outage != Outage::None {
            names.push(format!("broker {:?}", self.outage));
        }
        if self.store_outage != Outage::None {
            names.push(format!("S3 {:?} (if the lake is there)", self.store_outage));
        }
        if self.resend {
            names.push("records sent again".to_owned());
        }
        names
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}; writers", self.way)?;
        for (rows, strike) in &self.writers {
            write!(f, " [{rows} rows, {strike}]")?;
        }
        if let Some((what, strike)) = &self.maintenance {
            write!(f, "; {what:?} [{strike}]")?;
        }
        write!(f, "; forwarder [{}]; landers", self.forwarder)?;
        for strike in &self.landers {
            write!(f, " [{strike}]")?;
        }
        if self.outage != Outage::None {
            write!(f, "; broker {:?}", self.outage)?;
        }
        if self.store_outage != Outage::None {
            write!(f, "; S3 {:?}", self.store_outage)?;
        }
        for (on, what) in [(self.resend, "resend"), (self.garbage > 0, "garbage")] {
            if on {
                write!(f, "; {what}")?;
            }
        }
        Ok(())
    }
}
