//! Where rounds take place: a lake, spools and topics that last for an epoch, as they do in life.

use crate::{
    Result,
    parts::{Broker, Part, benchlake},
    plan::Strike,
    truth::{Truth, compare},
};
use benchlake_pipeline::{LakeTable, partitions};
use benchlake_schemas::Table;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub(crate) struct Scene {
    dir: TempDir,
    /// A folder, or a URL on the S3 server of the tests.
    lake: PathBuf,
    group: String,
    /// Rows that earlier rounds had spooled.
    known: usize,
    epochs: u32,
    pub(crate) garbage: u32,
    pub(crate) rounds: u64,
}

impl Scene {
    /// The next epoch: new topics of the same names; every second time new spools and a new lake, in a
    /// folder or on S3.
    pub(crate) fn next(before: Option<Self>, broker: &Broker, on_s3: bool) -> Result<Self> {
        let scene = match before {
            Some(mut scene) => {
                scene.finish(broker)?;
                (scene.epochs < 2).then_some(scene)
            }
            None => None,
        };
        broker.renew_topics()?;
        Ok(match scene {
            Some(scene) => Self { epochs: scene.epochs + 1, rounds: 0, ..scene },
            None => {
                let dir = tempfile::Builder::new().prefix("benchlake-faults-").tempdir()?;
                for folder in ["kafka", "spool", "log"] {
                    fs::create_dir(dir.path().join(folder))?;
                }
                let group = dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
                let lake = if on_s3 {
                    PathBuf::from(format!("s3://benchlake/{group}/lake"))
                } else {
                    dir.path().join("lake")
                };
                Self { dir, lake, group, known: 0, epochs: 1, garbage: 0, rounds: 0 }
            }
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.lake.clone()
    }

    pub(crate) fn on_s3(&self) -> bool {
        self.lake.starts_with("s3:")
    }

    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    /// Leaves the files where they are.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.dir.disable_cleanup(true);
        self.dir.path().to_owned()
    }

    /// Every row that was spooled is in the lake once, each message that was no record is one dead
    /// letter, and the lake stands where Kafka ends. Returns how many rows are new.
    pub(crate) fn check(&mut self, broker: &Broker) -> Result<u64> {
        let mut truth = Truth::default();
        truth.add_spool(&self.path("kafka"))?;
        truth.add_spool(&self.path("spool"))?;
        let runtime = tokio::runtime::Runtime::new()?;
        let lake = self.lake().display().to_string();
        for table in Table::ALL {
            // A round may have gone elsewhere before there was a lake here.
            runtime.block_on(LakeTable::open_or_create(&lake, *table))?;
        }
        compare(&truth, &self.lake())?;
        runtime.block_on(async {
            let open = benchlake_analytics::Lake::open(&lake, &benchlake_analytics::At::Latest).await?;
            let letters = benchlake_analytics::continuity::dead_letters(&open, None).await?;
            if letters.len() as u64 != u64::from(self.garbage) {
                return Err(format!(
                    "{} dead letters of {} messages that are no records",
                    letters.len(),
                    self.garbage
                )
                .into());
            }
            for table in Table::PRODUCED {
                let mut there = LakeTable::open_or_create(&lake, table).await?;
                for part in partitions(&broker.kafka(), table)? {
                    let stands = there.position(&part.app_id).await?;
                    if stands.unwrap_or(part.low) != part.high {
                        return Err(format!(
                            "{}/{}: the lake stands at {stands:?}, Kafka ends at {}",
                            table.topic(),
                            part.number,
                            part.high
                        )
                        .into());
                    }
                }
            }
            Ok::<_, Box<dyn std::error::Error>>(())
        })?;
        let new = truth.len() - self.known;
        self.known = truth.len();
        Ok(new as u64)
    }

    /// The end of an epoch: `lake verify` finds nothing, and no file that no version names outlives
    /// `lake vacuum`.
    pub(crate) fn finish(&mut self, broker: &Broker) -> Result<()> {
        let lake = self.lake();
        let logs = self.path("log");
        let run = |words: &[&str]| -> Result<()> {
            let mut command = benchlake();
            command.args(words).arg("--lake").arg(&lake);
            Part::start(command, words[1], &Strike::None, &logs)?.succeed()
        };
        run(&["lake", "vacuum", "--older-than", "0s", "--offline"])?;
        run(&["lake", "verify", "--brokers", &broker.brokers])?;
        run(&["lake", "checkpoint"])?;
        run(&["lake", "verify"])?;
        orphans(&lake)
    }
}

fn orphans(lake: &Path) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    for table in Table::ALL {
        let url = deltalake::ensure_table_uri(lake.join(table.as_str()).to_string_lossy())?;
        let delta = runtime.block_on(deltalake::DeltaTableBuilder::from_url(url)?.load())?;
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let named: BTreeSet<_> = delta.get_file_uris()?.map(|uri| name(&uri)).collect();
        let listed = runtime.block_on(delta.object_store().list_with_delimiter(None))?;
        let there: BTreeSet<_> = listed
            .objects
            .iter()
            .map(|object| name(object.location.as_ref()))
            .filter(|name| name.ends_with(".parquet"))
            .collect();
        if named != there {
            return Err(format!(
                "{table}: files that no version names, or named files that are gone: {:?}",
                named.symmetric_difference(&there).collect::<Vec<_>>()
            )
            .into());
        }
    }
    Ok(())
}
