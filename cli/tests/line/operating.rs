//! What those who run it for years see: metrics, health, logs.

use super::*;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One request: status, head and body of its answer.
fn get(address: &str, path: &str) -> Result<(u16, String, String), Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("an answer has a head")?;
    let status = head.split(' ').nth(1).ok_or("a status")?.parse()?;
    Ok((status, head.to_lowercase(), body.to_owned()))
}

/// Name, labels and value of a sample.
type Sample = (String, String, f64);

/// The samples of an exposition; every line must be one, or say what one is.
fn samples(text: &str) -> Result<Vec<Sample>, Box<dyn Error>> {
    let (mut families, mut samples) = (BTreeSet::new(), Vec::new());
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<_> = comment.splitn(3, ' ').collect();
            match words[..] {
                ["TYPE", name, "counter" | "gauge" | "histogram" | "info"] => {
                    families.insert(name.to_owned());
                }
                ["HELP" | "UNIT", _, _] | ["EOF"] => {}
                _ => return Err(format!("no comment of the format: {line}").into()),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').ok_or_else(|| format!("no sample: {line}"))?;
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').ok_or_else(|| format!("labels stay open: {line}"))?;
        let suffixes = ["", "_total", "_info", "_bucket", "_sum", "_count"];
        let known = suffixes
            .iter()
            .any(|suffix| name.strip_suffix(suffix).is_some_and(|name| families.contains(name)));
        if !known || !name.starts_with("benchlake_") {
            return Err(format!("of no family: {line}").into());
        }
        samples.push((name.to_owned(), labels.to_owned(), value.parse()?));
    }
    if text.ends_with("# EOF\n") { Ok(samples) } else { Err(format!("cut off: {text}").into()) }
}

/// A lander serves metrics that can be read line by line, and tells that it lives and lands; a second
/// one that wants the same address says so before it touches its lake.
#[test]
fn a_lander_shows_how_it_is() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (suite, spool, lake) = (suite(dir.path())?, dir.path().join("spool"), dir.path().join("lake"));
    ok(benchlake().args(["run", "-q", "--sessions", "1", "--spool"]).arg(&spool).arg(&suite).output()?)?;
    let land = |lake: &Path, address: &str| {
        let mut land = benchlake();
        land.args(["land", "--listen", address, "--spool"]).arg(&spool).arg("--lake").arg(lake);
        land.stdout(Stdio::null()).stderr(Stdio::piped());
        land
    };
    let mut lander = Running(land(&lake, "127.0.0.1:0").spawn()?);
    let mut said = BufReader::new(lander.0.stderr.take().ok_or("its standard error")?).lines();
    let first = said.next().ok_or("a remark")??;
    let address = first.strip_prefix("metrics and health on http://").ok_or_else(|| first.clone())?;
    assert!(!address.ends_with(":0"), "{first}");

    let began = Instant::now();
    loop {
        let (status, _, body) = get(address, "/health/ready")?;
        if status == 200 {
            assert_eq!(body, "ready\n");
            break;
        }
        assert!(status == 503 && body.lines().count() == 1, "{status} {body}");
        assert!(began.elapsed() < Duration::from_secs(60), "not ready: {body}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(get(address, "/health/live")?.2, "live\n");
    let (status, _, body) = get(address, "/health")?;
    let body: Value = serde_json::from_str(&body)?;
    assert_eq!((status, &body), (200, &serde_json::json!({ "live": true, "ready": true, "why": null })));
    assert_eq!(get(address, "/nothing")?.0, 404);

    let (status, head, exposition) = get(address, "/metrics")?;
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    let samples = samples(&exposition)?;
    let value = |name: &str| samples.iter().find(|(found, _, _)| found == name).map(|(_, _, value)| *value);
    assert!(value("benchlake_resident_bytes").is_some_and(|bytes| bytes > 1e6), "{exposition}");
    assert!(value("benchlake_rows_total").is_some(), "{exposition}");
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(samples.contains(&("benchlake_build_info".into(), version, 1.0)), "{exposition}");

    let other = dir.path().join("other");
    let output = land(&other, address).output()?;
    let text = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(address) && text.contains("--listen") && text.lines().count() == 1, "{text}");
    assert!(!other.exists());

    let pid = i32::try_from(lander.0.id()).ok().and_then(Pid::from_raw).ok_or("a process id")?;
    kill_process(pid, Signal::TERM)?;
    assert_eq!(lander.0.wait()?.code(), Some(0));
    Ok(())
}

/// With `--log-format json` every line on standard error is one object with a time, a level and a
/// message: remarks, logs and errors.
#[test]
fn every_line_is_an_object() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (suite, spool, lake) = (suite(dir.path())?, dir.path().join("spool"), dir.path().join("lake"));
    let objects = |output: &Output| -> Result<Vec<(String, String)>, Box<dyn Error>> {
        let text = std::str::from_utf8(&output.stderr)?;
        let lines = text.lines().map(|line| {
            let object: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
            let word = |value: &Value| {
                value.as_str().map(str::to_owned).ok_or_else(|| format!("lacks a word: {line}"))
            };
            word(&object["timestamp"])?;
            Ok((word(&object["level"])?, word(&object["fields"]["message"])?))
        });
        lines.collect()
    };
    let mut run = benchlake();
    run.args(["run", "-v", "--log-format", "json", "--sessions", "1", "--spool"]).arg(&spool).arg(&suite);
    let run = ok(run.arg("--lake").arg(&lake).output()?)?;
    let said = objects(&run)?;
    assert!(
        said.iter().any(|(level, text)| level == "INFO" && text.contains("2 benchmarks measured")),
        "{said:?}"
    );
    assert!(String::from_utf8(run.stdout)?.contains("cpu.reduce"));

    let land = |spool: &Path| {
        let mut land = benchlake();
        land.env("BENCHLAKE_LOG_FORMAT", "json").args(["land", "--until-idle", "--spool"]).arg(spool);
        land.arg("--lake").arg(&lake).output()
    };
    let said = objects(&ok(land(&spool)?)?)?;
    assert!(said.iter().any(|(_, text)| text.starts_with("landed ")), "{said:?}");
    let failed = land(&dir.path().join("absent"))?;
    assert_eq!(failed.status.code(), Some(2));
    let said = objects(&failed)?;
    assert!(
        matches!(&said[..], [(level, text)] if level == "ERROR" && text.contains("not a folder")),
        "{said:?}"
    );

    let quiet = benchlake()
        .args(["-q", "--log-format", "json", "land", "--until-idle", "--spool"])
        .arg(&spool)
        .arg("--lake")
        .arg(&lake)
        .output()?;
    assert_eq!(String::from_utf8(ok(quiet)?.stderr)?, "");
    Ok(())
}

/// A forwarder's file for node_exporter tells what it sent, and that nothing is left.
#[test]
fn a_forwarder_leaves_figures() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (suite, spool, file) =
        (suite(dir.path())?, dir.path().join("spool"), dir.path().join("benchlake.prom"));
    let forward = |file: &Path, brokers: &str| {
        let mut forward = benchlake();
        forward.args(["agent", "forward", "--brokers", brokers, "--spool"]).arg(&spool);
        forward.arg("--textfile").arg(file).output()
    };
    let wrong = forward(&dir.path().join("benchlake.txt"), "127.0.0.1:9")?;
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr)?.contains(".prom"));

    let Some(brokers) = real("BENCHLAKE_TEST_BROKERS", "Kafka") else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    ok(benchlake().args(["run", "-q", "--sessions", "1", "--spool"]).arg(&spool).arg(&suite).output()?)?;
    ok(forward(&file, &brokers)?)?;
    let text = fs::read_to_string(&file)?;
    let value = |name: &str| -> Option<u64> {
        text.lines().find(|line| line.starts_with(name))?.rsplit_once(' ')?.1.parse().ok()
    };
    assert_eq!(value("benchlake_spool_bytes{"), Some(0), "{text}");
    assert!(value("benchlake_forwarded_records_total{").is_some_and(|records| records >= 3), "{text}");
    assert!(value("benchlake_forwarder_last_success_timestamp_seconds{").is_some(), "{text}");
    Ok(())
}
