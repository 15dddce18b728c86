//! Runs the `.slt` files of `queries/` over the fixture lake.

#![expect(clippy::unwrap_used, reason = "tests")]

mod fixture;

use benchlake_analytics::{Answer, At, Lake, Query, QueryError, format, queries};
use datafusion::{datasource::MemTable, prelude::SessionContext};
use sqllogictest::{DB, DBOutput, DefaultColumnType, Runner};
use std::{collections::BTreeMap, path::Path, sync::Arc};

struct Database(SessionContext);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failure(String);

impl Database {
    /// `run NAME KEY=VALUE …`: the rows become the table `answer`.
    async fn run_named(&self, words: &str) -> Result<Answer, Failure> {
        let mut words = words.split_whitespace();
        let query =
            queries::find(words.next().unwrap_or_default()).map_err(|error| Failure(error.to_string()))?;
        let pairs = words.filter_map(|word| word.split_once('='));
        let parameters: BTreeMap<_, _> = pairs.map(|(key, value)| (key.into(), value.into())).collect();
        let answer = query.run(&self.0, &parameters).await.map_err(|error| Failure(error.to_string()))?;
        let table = MemTable::try_new(answer.schema.clone(), vec![answer.batches.clone()]).unwrap();
        self.0.deregister_table("answer").unwrap();
        self.0.register_table("answer", Arc::new(table)).unwrap();
        Ok(answer)
    }
}

impl Database {
    async fn answer(&self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        if let Some(words) = sql.strip_prefix("run ") {
            let rows = self.run_named(words).await?.rows();
            return Ok(DBOutput::StatementComplete(rows as u64));
        }
        let answer =
            benchlake_analytics::ask(&self.0, sql).await.map_err(|error| Failure(error.to_string()))?;
        let types = vec![DefaultColumnType::Any; answer.schema.fields().len()];
        let mut rows = format::rows(&answer).unwrap();
        rows.iter_mut().flatten().filter(|cell| cell.is_empty()).for_each(|cell| *cell = "(empty)".into());
        Ok(DBOutput::Rows { types, rows })
    }
}

impl DB for Database {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.answer(sql)))
    }
}

/// The queries that are asked of the lake that has a run with counters, peaks and failures.
const OF_COUNTERS: [&str; 4] = ["counters", "failures", "peaks", "roofline"];

/// The queries that are asked of the lake that has a run on devices.
const OF_DEVICES: [&str; 5] = ["cpu_gpu", "device_peaks", "device_roofline", "gpu_gemm", "throttling"];

/// The queries that are asked of the lake in which something was declared and decided.
const OF_DECISIONS: [&str; 3] = ["baseline_history", "baselines", "verdicts"];

/// The queries that are asked of the lake in which several ranks measured together.
const OF_RANKS: [&str; 2] = ["busbw", "scaling"];

/// Every named query has its expected result beside it, and gives it.
#[tokio::test(flavor = "multi_thread")]
async fn named_queries_give_their_expected_results() {
    let [plain, counted, devices, decided, together] = [(); 5].map(|()| tempfile::tempdir().unwrap());
    fixture::write(plain.path()).await;
    fixture::write_with_counters(counted.path()).await;
    fixture::write_with_devices(devices.path()).await;
    fixture::write_with_decisions(decided.path()).await;
    fixture::write_of_ranks(together.path()).await;
    let folder = tempfile::tempdir().unwrap();
    let pictures = std::env::var_os("PLOTS").map_or(folder.path().to_owned(), Into::into);
    for query in queries::all() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../queries/{}.slt", query.name));
        assert!(file.exists(), "queries/{}.sql has no .slt beside it", query.name);
        let folder = match query.name.as_str() {
            name if OF_COUNTERS.contains(&name) => &counted,
            name if OF_DEVICES.contains(&name) => &devices,
            name if OF_RANKS.contains(&name) => &together,
            name if OF_DECISIONS.contains(&name) => &decided,
            _ => &plain,
        };
        let lake = Lake::open(folder.path().to_str().unwrap(), &At::Latest).await.unwrap();
        let mut runner = Runner::new(|| async { Ok(Database(lake.context())) });
        if std::env::var_os("BLESS").is_some() {
            runner
                .update_test_file(
                    &file,
                    " ",
                    sqllogictest::default_validator,
                    sqllogictest::default_normalizer,
                    sqllogictest::default_column_validator,
                )
                .await
                .unwrap();
        }
        if let Err(error) = runner.run_file_async(&file).await {
            panic!("{error}");
        }
        draw(query, &lake, &pictures).await;
    }
}

/// Every chart is drawn, as SVG and PNG; with PLOTS set to a folder the pictures stay there, to be looked at.
async fn draw(query: &Query, lake: &Lake, pictures: &Path) {
    let answer = match query.run(&lake.context(), &BTreeMap::new()).await {
        // A query that must be given a parameter.
        Err(QueryError::MissingParameter { .. }) => return,
        answer => answer.unwrap(),
    };
    let picture = |ending: &str| pictures.join(format!("{}.{ending}", query.name));
    if query.chart.is_none() {
        let refused = query.plot(&answer, &picture("svg")).unwrap_err().to_string();
        assert!(refused.contains("has no chart"), "{refused}");
        return;
    }
    for ending in ["svg", "png"] {
        query.plot(&answer, &picture(ending)).unwrap();
        assert!(picture(ending).metadata().unwrap().len() > 700, "{}", query.name);
    }
    let refused = query.plot(&answer, &picture("gif")).unwrap_err().to_string();
    assert!(refused.contains("ends in .svg or .png"), "{refused}");
}
