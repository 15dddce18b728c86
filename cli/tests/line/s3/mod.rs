//! Lakes on a real S3 server: the same answers as from a folder, each row once whatever the server and
//! the network do, and errors that name what is wrong.

mod proxy;

use super::*;
use benchlake_pipeline::{LakeTable, Outcome, Progress, Span, register_stores};
use benchlake_producers::emit::{Spool, SpoolOptions};
use benchlake_schemas::{Benchmark, Envelope, ProducerId, Record, Series, Table, sample_series};
use proxy::{Proxy, Trouble};
use std::time::{Duration, Instant};

/// The server of the tests and a place of its own for a lake there.
fn server(test: &str) -> Option<(String, PathBuf)> {
    let url = real("BENCHLAKE_TEST_S3", "S3 server")?;
    register_stores();
    Some((url, PathBuf::from(format!("s3://benchlake/{test}-{}/lake", ProducerId::new()))))
}

/// A program that knows nothing of the server but what it is told.
fn stranger() -> Command {
    let mut command = benchlake();
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    // No keys of whoever runs the tests.
    command
        .env("HOME", "/nonexistent")
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Key id and secret of the server.
fn keys() -> Result<(String, String), Box<dyn Error>> {
    let text = fs::read_to_string(std::env::var("AWS_SHARED_CREDENTIALS_FILE")?)?;
    let values: Vec<_> =
        text.lines().filter_map(|line| Some(line.split_once('=')?.1.trim().to_owned())).collect();
    let [id, secret] = &values[..] else { return Err("two keys".into()) };
    Ok((id.clone(), secret.clone()))
}

fn rows(count: u32) -> Vec<Series> {
    (0..count).map(|n| sample_series(Benchmark::new("w").with("n", n), &[1.0, f64::from(n)])).collect()
}

fn spool_rows(root: &Path, count: u32) -> TestResult {
    let mut spool = Spool::open(root, 4, SpoolOptions::default())?;
    assert_eq!(spool.append(&rows(count))?, count as usize);
    Ok(())
}

fn land(command: &mut Command, spool: &Path, lake: &Path) -> Result<Output, Box<dyn Error>> {
    command.args(["land", "--until-idle", "--spool"]).arg(spool).arg("--lake").arg(lake);
    ok(command.output()?)
}

/// Says that the lake is whole, with so many rows.
fn whole(lake: &Path, rows: u32) -> TestResult {
    let output = ok(benchlake().args(["lake", "verify", "--lake"]).arg(lake).output()?)?;
    assert_eq!(String::from_utf8(output.stdout)?.trim(), format!("{}: whole", lake.display()));
    assert_eq!(sql(lake, "select count(*) from series")?, [[rows.to_string()]]);
    Ok(())
}

/// What was measured is landed in a folder and on S3: every answer is the same, and a lake on S3 is
/// looked after by the same commands.
#[test]
fn a_lake_on_s3_answers_as_a_folder_does() -> TestResult {
    let Some((_, lake)) = server("answers") else { return Ok(()) };
    let dir = tempfile::tempdir()?;
    let (suite, spool, copy, local) =
        (suite(dir.path())?, dir.path().join("spool"), dir.path().join("copy"), dir.path().join("lake"));
    let mut run = benchlake();
    ok(run.args(["run", "--sessions", "2", "--spool"]).arg(&spool).arg(&suite).output()?)?;
    ok(Command::new("cp").arg("-r").arg(&spool).arg(&copy).output()?)?;
    land(&mut benchlake(), &spool, &lake)?;
    land(&mut benchlake(), &copy, &local)?;
    assert_eq!(everything(&lake)?, everything(&local)?);
    let answer = |lake: &Path, words: &[&str]| -> Result<Vec<u8>, Box<dyn Error>> {
        Ok(ok(benchlake().args(words).arg("--lake").arg(lake).output()?)?.stdout)
    };
    let median = "select label, list_median(\"values\") from measured order by 1, 2";
    for words in [
        &["query", "reproducibility", "--format", "csv"][..],
        &["sql", median],
        &["sql", "--at", "1", median],
    ] {
        let found = answer(&lake, words)?;
        assert!(!found.is_empty() && found == answer(&local, words)?, "{words:?}");
    }
    let report = dir.path().join("report");
    ok(benchlake().args(["report", "--out"]).arg(&report).arg("--lake").arg(&lake).output()?)?;
    assert!(fs::read_to_string(report.join("index.html"))?.contains("cpu.reduce"));
    // `run` lands there by itself too, and what it adds is there beside the rest.
    let more = dir.path().join("more");
    let mut run = benchlake();
    run.args(["run", "--sessions", "1", "--spool"]).arg(&more).arg(&suite).arg("--lake").arg(&lake);
    ok(run.output()?)?;
    for words in [
        &["lake", "checkpoint"][..],
        &["lake", "vacuum", "--older-than", "0s", "--offline"],
        &["lake", "verify"],
    ] {
        answer(&lake, words)?;
    }
    assert_eq!(sql(&lake, "select count(distinct run_id) from sessions")?, [["2"]]);
    Ok(())
}

/// Landers of the same spool, and rivals for the same version, write each row once: the server refuses
/// the second.
#[test]
fn rivals_on_s3_land_once() -> TestResult {
    let Some((_, lake)) = server("rivals") else { return Ok(()) };
    let dir = tempfile::tempdir()?;
    let spool = dir.path().join("spool");
    for _ in 0..5 {
        spool_rows(&spool, 8)?;
    }
    let landers: Vec<_> = (0..3)
        .map(|_| {
            let mut land = benchlake();
            land.args(["land", "--until-idle", "--interval", "0", "--spool"])
                .arg(&spool)
                .arg("--lake")
                .arg(&lake);
            land.stderr(std::process::Stdio::piped()).spawn()
        })
        .collect::<Result<_, _>>()?;
    for lander in landers {
        ok(lander.wait_with_output()?)?;
    }
    whole(&lake, 40)?;

    let contested = lake.with_file_name("contested");
    let threads: Vec<_> = (0..4)
        .map(|rival| {
            let lake = contested.to_string_lossy().into_owned();
            std::thread::spawn(move || contest(&lake, rival))
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a rival panicked")?;
    }
    // Ten rows each of its own partition, and ten of the one that all wanted.
    assert_eq!(sql(&contested, "select count(*) from series")?, [["50"]]);
    Ok(())
}

/// Ten commits of one row in a partition of this rival's own, and the same in one that all rivals share.
fn contest(lake: &str, rival: u32) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut table = LakeTable::open_or_create(lake, Table::Series).await.expect("the lake opens");
        for n in 0..10 {
            for app_id in [format!("own-{rival}"), "shared".to_owned()] {
                let record = Record::encode(Table::Series, ProducerId::new(), 1, &rows(1)).expect("a record");
                let (batch, _) = Envelope::seal(&record).open(Table::Series).expect("its rows");
                let own = app_id != "shared";
                let step = Progress {
                    app_id,
                    span: Span { start: (n > 0).then_some(n), end: n + 1 },
                    expires: false,
                };
                let landed = table.land(&[batch], &[step]).await.expect("it is decided");
                assert!(!own || matches!(landed, Outcome::Landed { .. }));
            }
        }
    });
}

/// A server that is busy or slow, and connections cut in the middle of a commit before and after the
/// server has it: each row lands once.
#[test]
fn trouble_on_the_way_lands_each_row_once() -> TestResult {
    let Some((server, lake)) = server("trouble") else { return Ok(()) };
    let dir = tempfile::tempdir()?;
    let spool = dir.path().join("spool");
    let proxy = Proxy::before(&server)?;
    let mut count = 0;
    for (trouble, timeout) in [
        (Trouble::None, "60s"),
        (Trouble::Busy(3), "60s"),
        (Trouble::Busy(14), "60s"),
        (Trouble::Slow(Duration::from_secs(3)), "60s"),
        // It arrives after the client has given up and tried again: the server refuses it.
        (Trouble::Slow(Duration::from_secs(3)), "1s"),
        (Trouble::CutBefore, "60s"),
        (Trouble::CutAfter, "60s"),
    ] {
        spool_rows(&spool, 5)?;
        count += 5;
        proxy.make(trouble);
        let mut through = benchlake();
        land(through.env("AWS_ENDPOINT_URL", &proxy.url).env("AWS_TIMEOUT", timeout), &spool, &lake)
            .map_err(|error| format!("{trouble:?}: {error}"))?;
        assert_eq!(proxy.left(), Trouble::None, "{trouble:?} did not happen");
        whole(&lake, count).map_err(|error| format!("{trouble:?}: {error}"))?;
    }
    // The late commit has arrived by now.
    std::thread::sleep(Duration::from_secs(3));
    whole(&lake, count)
}

/// Keys come from the environment or from a profile.
#[test]
fn keys_come_from_the_usual_places() -> TestResult {
    let Some((server, lake)) = server("keys") else { return Ok(()) };
    let (id, secret) = keys()?;
    let dir = tempfile::tempdir()?;
    let spool = dir.path().join("spool");
    spool_rows(&spool, 2)?;
    let mut environment = stranger();
    environment
        .env("AWS_ACCESS_KEY_ID", &id)
        .env("AWS_SECRET_ACCESS_KEY", &secret)
        .env("AWS_ENDPOINT_URL", &server);
    land(&mut environment, &spool, &lake)?;
    spool_rows(&spool, 3)?;
    let (credentials, config) = (dir.path().join("credentials"), dir.path().join("config"));
    fs::write(&credentials, format!("[work]\naws_access_key_id={id}\naws_secret_access_key={secret}\n"))?;
    fs::write(&config, format!("[profile work]\nregion = us-east-1\nendpoint_url = {server}\n"))?;
    let mut profile = stranger();
    profile.env("AWS_PROFILE", "work").env("AWS_CONFIG_FILE", &config);
    land(profile.env("AWS_SHARED_CREDENTIALS_FILE", &credentials), &spool, &lake)?;
    whole(&lake, 5)
}

/// What is wrong is named in one line, soon, with exit code 6 and without a secret.
#[test]
fn what_is_wrong_with_s3_is_named() -> TestResult {
    let Some((server, lake)) = server("wrong") else { return Ok(()) };
    let (id, secret) = keys()?;
    let lake = lake.to_string_lossy().into_owned();
    let wrong = "wrong-sesame-secret";
    let nowhere = "s3://no-such-bucket/lake".to_owned();
    for (id, secret, server, lake, words) in [
        (&*id, wrong, &*server, &lake, "the secret does not fit its key id (403 SignatureDoesNotMatch)"),
        ("nobody", wrong, &server, &lake, "the server does not know that key id (4"),
        (&id, &secret, &server, &nowhere, "S3 bucket `no-such-bucket` at http://127.0.0.1:"),
        (&id, &secret, &server, &nowhere, "there is no such bucket: create it"),
        (&id, &secret, "http://127.0.0.1:9", &lake, "is AWS_ENDPOINT_URL right?; it may pass"),
        (
            "",
            "",
            &server,
            &lake,
            "no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor profile",
        ),
    ] {
        let dir = tempfile::tempdir()?;
        spool_rows(&dir.path().join("spool"), 1)?;
        let spool = dir.path().join("spool").to_string_lossy().into_owned();
        for command in [&["sql", "-vv", "select 1"][..], &["land", "-vv", "--until-idle", "--spool", &spool]]
        {
            let began = Instant::now();
            let mut asked = stranger();
            asked
                .env("AWS_ACCESS_KEY_ID", id)
                .env("AWS_SECRET_ACCESS_KEY", secret)
                .env("AWS_ENDPOINT_URL", server);
            let output = asked.args(command).args(["--lake", lake]).output()?;
            let text = String::from_utf8(output.stderr)?;
            assert_eq!(output.status.code(), Some(6), "{command:?}: {text}");
            assert!(text.contains(words), "{command:?} should say {words:?}: {text}");
            let told = text.lines().filter(|line| line.starts_with("error:")).count();
            assert_eq!(
                (told, text.lines().last().is_some_and(|line| line.starts_with("error:"))),
                (1, true),
                "{text}"
            );
            assert!(secret.is_empty() || !text.contains(secret), "{command:?} tells the secret");
            let unreachable = server.ends_with(":9");
            assert!(
                unreachable || began.elapsed() < Duration::from_secs(10),
                "{command:?}: {:?}",
                began.elapsed()
            );
        }
    }
    Ok(())
}
