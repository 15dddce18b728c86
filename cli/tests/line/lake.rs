//! Looking after a lake: what is off is found, and what could not land can land later.

use super::*;
use benchlake_pipeline::{LakeTable, Outcome, Progress, Span, partitions};
use benchlake_producers::emit::Kafka;
use benchlake_schemas::{Benchmark, Envelope, ProducerId, Record, Series, Table, header, sample_series};
use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use std::time::Duration;

fn rows(count: u32) -> Vec<Series> {
    (0..count).map(|n| sample_series(Benchmark::new("w").with("n", n), &[1.0])).collect()
}

fn verify(lake: &Path) -> Result<(Option<i32>, String), Box<dyn Error>> {
    let output = benchlake().args(["lake", "verify", "--lake"]).arg(lake).output()?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?))
}

/// Commits `rows` of `producer` from `first` on, at `offset` of some partition.
fn commit(lake: &Path, producer: ProducerId, first: i64, rows: &[Series], offset: i64) -> TestResult {
    let record = Record::encode(Table::Series, producer, first, rows)?;
    let (batch, range) = Envelope::seal(&record).open(Table::Series)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut table = LakeTable::open_or_create(&lake.to_string_lossy(), Table::Series).await?;
        let app_id = format!("benchlake/producer/{producer}");
        let start = table.position(&app_id).await?;
        let end = range.last.max(start.unwrap_or(0));
        let producer = Progress { app_id, span: Span { start, end }, expires: true };
        let start = table.position("partition").await?;
        let partition =
            Progress { app_id: "partition".into(), span: Span { start, end: offset }, expires: false };
        let landed = table.land(&[batch], &[producer, partition]).await?;
        assert!(matches!(landed, Outcome::Landed { .. }));
        Ok::<_, Box<dyn Error>>(())
    })
}

fn data_file(lake: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let files = fs::read_dir(lake.join("series"))?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "parquet")).collect();
    files.sort();
    files.pop().ok_or_else(|| "no data file".into())
}

/// A whole lake is whole; holes, doubles, altered, cut and missing files are named, with exit code 7.
#[test]
fn verify_finds_what_is_off() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (lake, producer) = (dir.path().join("lake"), ProducerId::new());
    commit(&lake, producer, 1, &rows(5), 1)?;
    let (code, text) = verify(&lake)?;
    assert_eq!((code, text.trim()), (Some(0), format!("{}: whole", lake.display()).as_str()));

    commit(&lake, producer, 8, &rows(2), 2)?;
    let (code, text) = verify(&lake)?;
    assert_eq!(code, Some(7));
    assert!(text.contains(&format!("series: producer {producer}: rows 6..=7 are missing")), "{text}");

    commit(&lake, producer, 4, &rows(4), 3)?;
    let (_, text) = verify(&lake)?;
    assert!(text.contains("rows 4..=5 are there more than once") && !text.contains("missing"), "{text}");

    let file = data_file(&lake)?;
    let mut bytes = fs::read(&file)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes)?;
    assert!(verify(&lake)?.1.contains("altered: its CRC-32C is"), "{}", verify(&lake)?.1);
    fs::write(&file, &bytes[..middle])?;
    assert!(verify(&lake)?.1.contains("but the log says"));
    fs::remove_file(&file)?;
    let output = benchlake().args(["lake", "verify", "--lake"]).arg(&lake).output()?;
    let text = String::from_utf8(output.stdout)?;
    assert!(text.contains("the file is missing"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// `lake vacuum` removes what no version names once it is old enough, and nothing else.
#[test]
fn vacuum_removes_orphans_alone() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    commit(&lake, ProducerId::new(), 1, &rows(5), 1)?;
    let orphan = lake.join("series/part-00000-orphan.parquet");
    fs::copy(data_file(&lake)?, &orphan)?;
    let vacuum = |words: &[&str]| -> Result<String, Box<dyn Error>> {
        let output =
            ok(benchlake().args(["lake", "vacuum"]).args(words).arg("--lake").arg(&lake).output()?)?;
        Ok(String::from_utf8(output.stdout)?)
    };
    // It may be a live lander's, about to be committed.
    assert_eq!(vacuum(&[])?, "");
    assert_eq!(vacuum(&["--older-than", "0s", "--dry-run"])?, "series/part-00000-orphan.parquet\n");
    assert!(orphan.exists());
    let refused = vacuum(&["--older-than", "1h"]).expect_err("a lander may commit a file of that age");
    assert!(refused.to_string().contains("--offline"), "{refused}");
    vacuum(&["--older-than", "0s", "--offline"])?;
    assert!(!orphan.exists());
    assert_eq!(verify(&lake)?.0, Some(0));
    Ok(())
}

/// A record that was altered on its way is a dead letter that can be listed, looked at and, mended,
/// landed once; the producer's own resend does not double it.
#[test]
fn a_mended_dead_letter_lands_once() -> TestResult {
    let Some(brokers) = real("BENCHLAKE_TEST_BROKERS", "Kafka") else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (lake, producer) = (dir.path().join("lake"), ProducerId::new());
    Kafka::new(&brokers).ensure_topics(4)?;
    let good = |first: i64| -> Result<Envelope, Box<dyn Error>> {
        Ok(Envelope::seal(&Record::encode(Table::Series, producer, first, &rows(3))?))
    };
    let mut bad = good(4)?;
    let middle = bad.payload.len() / 2;
    bad.payload[middle] ^= 0xff;
    for envelope in [&good(1)?, &bad, &good(7)?] {
        send(&brokers, envelope)?;
    }
    let run = |words: &[&str]| benchlake().args(words).arg("--lake").arg(&lake).output();
    ok(run(&["land", "--until-idle", "--brokers", &brokers])?)?;
    let count = || sql(&lake, &format!("select count(*) from series where producer_id = '{producer}'"));
    assert_eq!(count()?, [["6"]]);

    let listed = String::from_utf8(ok(run(&["dead-letters", "ls"])?)?.stdout)?;
    let ours = find(&lake, producer, &listed)?;
    assert!(
        listed.lines().any(|line| line.starts_with(&ours) && line.contains("\topen\tchecksum\t")),
        "{listed}"
    );
    let (_, text) = verify(&lake)?;
    assert!(text.contains(&format!("producer {producer}: rows 4..=6 are dead letters")), "{text}");

    let payload = dir.path().join("payload");
    let path = payload.to_string_lossy().into_owned();
    let shown = ok(run(&["dead-letters", "show", &ours, "--payload", &path])?)?;
    assert!(String::from_utf8(shown.stdout)?.contains(&format!("header {}: ", header::CRC)));
    assert_eq!(fs::read(&payload)?, bad.payload);
    let refused = run(&["dead-letters", "replay", &ours])?;
    assert_eq!(refused.status.code(), Some(5));
    assert_eq!(count()?, [["6"]]);

    fs::write(&payload, &good(4)?.payload)?;
    ok(run(&["dead-letters", "replay", &ours, "--payload", &path])?)?;
    ok(run(&["dead-letters", "replay", &ours, "--payload", &path])?)?;
    send(&brokers, &good(4)?)?;
    ok(run(&["land", "--until-idle", "--brokers", &brokers])?)?;
    assert_eq!(count()?, [["9"]]);
    let listed = String::from_utf8(ok(run(&["dead-letters", "ls"])?)?.stdout)?;
    assert!(listed.lines().any(|line| line.starts_with(&ours) && line.contains("\treplayed\t")), "{listed}");
    Ok(())
}

fn send(brokers: &str, envelope: &Envelope) -> TestResult {
    let sender: BaseProducer = Kafka::new(brokers).config().create()?;
    let empty = OwnedHeaders::new_with_capacity(envelope.headers.len());
    let headers = envelope.headers.iter();
    let headers = headers.fold(empty, |all, (key, value)| all.insert(Header { key, value: Some(value) }));
    let topic = Table::Series.topic();
    let record = BaseRecord::<(), _>::to(&topic).partition(0).payload(&envelope.payload).headers(headers);
    sender.send(record).map_err(|(error, _)| error)?;
    Ok(sender.flush(Duration::from_secs(20))?)
}

/// The id of the dead letter whose headers name `producer`: other tests leave letters in the topics too.
fn find(lake: &Path, producer: ProducerId, listed: &str) -> Result<String, Box<dyn Error>> {
    for line in listed.lines() {
        let id = line.split('\t').next().unwrap_or_default();
        let shown = ok(benchlake().args(["dead-letters", "show", id, "--lake"]).arg(lake).output()?)?;
        if String::from_utf8(shown.stdout)?.contains(&producer.to_string()) {
            return Ok(id.to_owned());
        }
    }
    Err(format!("no dead letter of {producer} in {listed}").into())
}

/// A lake whose position the broker does not have is told the choices; each does what it says.
#[test]
fn a_person_decides_where_to_go_on() -> TestResult {
    let Some(brokers) = real("BENCHLAKE_TEST_BROKERS", "Kafka") else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (lake, kafka, producer) = (dir.path().join("lake"), Kafka::new(&brokers), ProducerId::new());
    kafka.ensure_topics(4)?;
    send(&brokers, &Envelope::seal(&Record::encode(Table::Series, producer, 1, &rows(3))?))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let lost = || -> TestResult {
        runtime.block_on(async {
            let mut table = LakeTable::open_or_create(&lake.to_string_lossy(), Table::Series).await?;
            for part in partitions(&kafka, Table::Series)? {
                let start = table.position(&part.app_id).await?;
                let span = Span { start, end: part.high + 1_000 };
                table.land(&[], &[Progress { app_id: part.app_id, span, expires: false }]).await?;
            }
            Ok(())
        })
    };
    let land = |from: &[&str]| {
        let mut land = benchlake();
        land.args(["land", "--until-idle", "--brokers", &brokers, "--lake"]).arg(&lake).args(from).output()
    };
    let count = || sql(&lake, &format!("select count(*) from series where producer_id = '{producer}'"));
    lost()?;
    let refused = land(&[])?;
    let text = String::from_utf8(refused.stderr)?;
    assert_eq!(refused.status.code(), Some(6), "{text}");
    assert!(text.contains("--from earliest") && text.contains("--from OFFSET"), "{text}");
    let nowhere = land(&["--from", "123456789"])?;
    assert!(String::from_utf8(nowhere.stderr)?.contains("--from names no offset of this partition"));
    ok(land(&["--from", "latest"])?)?;
    assert_eq!(count()?, [["0"]]);
    lost()?;
    ok(land(&["--from", "earliest"])?)?;
    assert_eq!(count()?, [["3"]]);
    // The decision is durable: nothing is asked again.
    ok(land(&[])?)?;
    assert_eq!(count()?, [["3"]]);
    Ok(())
}
