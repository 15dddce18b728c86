//! Lakes at their states, and what is said where there is none.

#![expect(clippy::unwrap_used, reason = "tests")]

mod fixture;

use benchlake_analytics::{At, Lake, ask, format, queries};
use benchlake_schemas::Table;
use std::{collections::BTreeMap, path::Path};

async fn open(lake: &Path, at: &str) -> Result<Lake, String> {
    Lake::open(lake.to_str().unwrap(), &at.parse().unwrap()).await.map_err(|error| error.to_string())
}

async fn state(lake: &Path, at: &str) -> Result<(String, String), String> {
    let lake = open(lake, at).await?;
    let sql = "SELECT (SELECT count(*) FROM runs) a, (SELECT count(DISTINCT run_id) FROM measured) b, (SELECT count(*) FROM dead_letters) c";
    let rows = format::rows(&ask(&lake.context(), sql).await.map_err(|error| error.to_string())?).unwrap();
    Ok((lake.pin().to_string(), rows[0].join(" ")))
}

fn ok(pin: &str, counts: &str) -> Result<(String, String), String> {
    Ok((pin.into(), counts.into()))
}

/// A version of series brings the other tables as of its time; a time, all of them; pins are exact;
/// what is printed as the state opens that state again.
#[tokio::test(flavor = "multi_thread")]
async fn states() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path();
    fixture::write(lake).await;
    let latest = ok("sessions=1,series=1,dead_letters=0", "2 2 1");
    assert_eq!(state(lake, "latest").await, latest);
    assert_eq!(state(lake, "0").await, ok("sessions=0,series=0", "1 1 0"));
    assert_eq!(state(lake, "1").await, ok("sessions=1,series=1", "2 2 0"));
    // Between the commits to sessions and to series.
    assert_eq!(state(lake, "2026-11-20T01:30:30Z").await, ok("sessions=0", "1 0 0"));
    assert_eq!(state(lake, "2026-11-20T02:30:30Z").await, ok("sessions=1,series=0", "2 1 0"));
    assert_eq!(state(lake, "2026-11-21").await, latest);
    assert_eq!(state(lake, "series=1,sessions=0").await, ok("sessions=0,series=1", "1 2 0"));
    for at in ["latest", "0", "2026-11-20T01:30:30Z", "series=1,sessions=0"] {
        let pinned = state(lake, at).await.unwrap();
        assert_eq!(state(lake, &pinned.0).await, Ok(pinned));
    }
}

/// Where there is no such lake or state, the error says what there is.
#[tokio::test(flavor = "multi_thread")]
async fn errors() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path();
    let error = |at: &'static str, path: &'static str| {
        let path = lake.join(path);
        async move {
            let error = open(&path, at).await.map(|lake| lake.pin()).unwrap_err();
            error.replace(path.to_str().unwrap(), "LAKE")
        }
    };
    let none = "no lake at LAKE: none of its sub-folders sessions, series, … is a table; check the path, or measure something first";
    assert_eq!(error("latest", ".").await, none);
    assert_eq!(error("latest", "nowhere").await, none);
    fixture::write(lake).await;
    std::fs::write(lake.join("file"), "").unwrap();
    assert_eq!(
        error("latest", "file").await,
        "LAKE is a file; a lake is a folder with the tables sessions, series, …"
    );
    assert_eq!(error("latest", "series").await, "LAKE is a single table; give the folder above it");
    assert_eq!(error("7", ".").await, "series has no version 7; it has 0 to 1");
    assert_eq!(
        error("verdicts=0", ".").await,
        "the lake at LAKE has no table verdicts, so no version 0 of it"
    );
    assert_eq!(
        error("2026-11-19", ".").await,
        "the lake at LAKE was still empty at 2026-11-19T00:00:00Z; its first commit came at 2026-11-20T01:30:00Z"
    );
    let remote = Lake::open("ftp://host/lake", &At::Latest).await.map(|lake| lake.pin()).unwrap_err();
    assert!(
        remote.to_string().starts_with("ftp://host/lake is not a location this build reads ("),
        "{remote}"
    );
}

/// Tables that the lake lacks are empty, with their columns; every table and view can be listed.
#[tokio::test(flavor = "multi_thread")]
async fn absent_tables_are_empty() {
    let folder = tempfile::tempdir().unwrap();
    fixture::commit(folder.path(), Table::Series, &fixture::series(1, 1), fixture::DAY).await;
    let lake = open(folder.path(), "latest").await.unwrap();
    for name in ["sessions", "dead_letters", "verdicts", "baselines", "runs", "session_status"] {
        let answer = ask(&lake.context(), &format!("SELECT * FROM {name}")).await.unwrap();
        assert_eq!((answer.rows(), answer.schema.fields().len() > 5), (0, true), "{name}");
    }
    let answer = ask(
        &lake.context(),
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    )
    .await;
    let names = format::rows(&answer.unwrap()).unwrap().concat().join(" ");
    assert_eq!(
        names,
        "baseline_status baselines benchmarks dead_letters device_peaks device_timings failures measured measured_runs peaks roofline runs samples series session_status sessions timings together verdicts"
    );
    ask(&lake.context(), "SHOW TABLES").await.unwrap();
    ask(&lake.context(), "DESCRIBE series").await.unwrap();
}

/// A lake of before series had the columns `error` and `chunks` answers every query as one that has them.
#[tokio::test(flavor = "multi_thread")]
async fn lakes_without_the_newest_columns_answer() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fixture::write_without(old.path(), &["error", "chunks"]).await;
    fixture::write(new.path()).await;
    let (old, new) = (open(old.path(), "latest").await.unwrap(), open(new.path(), "latest").await.unwrap());
    let rows = async |lake: &Lake, sql| format::rows(&ask(&lake.context(), sql).await.unwrap()).unwrap();
    let columns = "SELECT count(*), count(error), count(chunks) FROM series";
    assert_eq!(rows(&old, columns).await, [["30", "0", "0"]]);
    assert_eq!(rows(&new, columns).await, [["30", "0", "30"]]);
    let measured = "SELECT * FROM measured ORDER BY session_id, benchmark_id";
    assert_eq!(rows(&old, measured).await, rows(&new, measured).await);
    for query in queries::all() {
        let needed = query.parameters.iter().filter(|parameter| parameter.default.is_none());
        let given: BTreeMap<_, _> =
            needed.map(|parameter| (parameter.name.clone(), "cpu.gemm".to_owned())).collect();
        let answer =
            async |lake: &Lake| format::rows(&query.run(&lake.context(), &given).await.unwrap()).unwrap();
        assert_eq!(answer(&old).await, answer(&new).await, "{}", query.name);
    }
}

/// SQL reads a lake and cannot write it: a row that no lander numbered would be in nobody's sequence.
#[tokio::test(flavor = "multi_thread")]
async fn sql_only_reads() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write(folder.path()).await;
    let lake = open(folder.path(), "latest").await.unwrap();
    let insert = "INSERT INTO series SELECT * FROM series LIMIT 1";
    let error = ask(&lake.context(), insert).await.unwrap_err().to_string();
    assert!(error.contains("series is a table of the lake") && error.contains("COPY"), "{error}");
    for change in ["DELETE FROM series", "UPDATE series SET rank = 1", "TRUNCATE TABLE series"] {
        ask(&lake.context(), change).await.unwrap_err();
    }
    let file = std::fs::read_dir(folder.path().join("series")).unwrap().find_map(|entry| {
        Some(entry.unwrap().path()).filter(|path| path.extension().is_some_and(|kind| kind == "parquet"))
    });
    let file = file.unwrap();
    let before = std::fs::read(&file).unwrap();
    for sql in ["", "EXPLAIN ANALYZE "] {
        let copy = format!("{sql}COPY (SELECT 1) TO '{}' STORED AS PARQUET", file.display());
        let error = ask(&lake.context(), &copy).await.unwrap_err().to_string();
        assert!(error.contains("in a table of a lake"), "{error}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let elsewhere = folder.path().join("answer.parquet");
    let copy = format!("COPY (SELECT 1) TO '{}' STORED AS PARQUET", elsewhere.display());
    ask(&lake.context(), &copy).await.unwrap();
    assert!(elsewhere.is_file());
    assert_eq!(open(folder.path(), "latest").await.unwrap().versions(), lake.versions());
}

/// A filter without columns holds for all rows or for none, wherever it comes from; one that is null holds for none.
#[tokio::test(flavor = "multi_thread")]
async fn filters_without_columns() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write(folder.path()).await;
    let lake = open(folder.path(), "latest").await.unwrap();
    let count = async |from: &str| {
        let sql = format!("SELECT count(*) FROM {from}");
        format::rows(&ask(&lake.context(), &sql).await.unwrap()).unwrap().concat().concat()
    };
    for none in [
        "series WHERE NULL = 1 AND chunk >= 0",
        "(SELECT *, CAST(NULL AS BIGINT) AS nothing FROM series) WHERE nothing = 1",
        "(SELECT *, CAST(NULL AS BIGINT) AS nothing FROM series) WHERE nothing > 1 AND chunk >= 0",
        "(SELECT *, 1 AS one FROM series) WHERE one = 2",
        "series WHERE 1 = 2 AND chunk >= 0",
    ] {
        assert_eq!(count(none).await, "0", "{none}");
    }
    assert_eq!(count("(SELECT *, 1 AS one FROM series) WHERE one = 1 AND chunk >= 0").await, "30");
}

/// What a scan leaves out is what its filter leaves out: each of these holds for as many rows where it filters, and so
/// is pushed into the scan, as where it is computed.
#[tokio::test(flavor = "multi_thread")]
async fn filters_leave_out_what_they_should() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write(folder.path()).await;
    let lake = open(folder.path(), "latest").await.unwrap();
    let atoms = [
        "benchmark = 'cpu.gemm'",
        "benchmark > 'cpu.m'",
        "benchmark NOT LIKE 'cpu.t%'",
        "upper(benchmark) = 'CPU.TRIAD'",
        "chunk > 0",
        "chunks = 1",
        "chunks > 1 OR chunks IS NULL",
        "flops IS NULL",
        "bytes BETWEEN 1 AND 25165824",
        "device = 'x'",
        "error IS NULL",
        "phase <> 'measure'",
        "seq > 10",
        "seq % 2 = 0",
        "started_at > TIMESTAMP '2026-11-20T02:00:00Z'",
        "parameters['n'] = '512'",
        "cardinality(samples) > 2",
        "check_error > 0",
        "rank = NULL",
    ];
    let both = atoms.iter().zip(atoms.iter().skip(5)).flat_map(|(a, b)| {
        [format!("({a}) AND ({b})"), format!("({a}) OR NOT ({b})"), format!("NOT (({a}) AND ({b}))")]
    });
    let filters =
        atoms.iter().map(ToString::to_string).chain(atoms.map(|a| format!("NOT ({a})"))).chain(both);
    let answer =
        async |sql: String| format::rows(&ask(&lake.context(), &sql).await.unwrap()).unwrap().concat();
    for filter in filters {
        let filtered = answer(format!("SELECT count(*) FROM series WHERE {filter}")).await;
        let computed = answer(format!("SELECT sum(CASE WHEN {filter} THEN 1 ELSE 0 END) FROM series")).await;
        assert_eq!(filtered, computed, "{filter}");
    }
}
