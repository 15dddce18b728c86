//! Bad input: one clear line (what, where, what to do), the documented code, nothing half-written.

use super::*;

struct Case<'a> {
    args: &'a [&'a str],
    code: i32,
    says: &'a [&'a str],
}

/// Each mistake is named with its place and its way out.
#[test]
fn mistakes_are_named() -> TestResult {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    for (name, text) in [
        ("good.toml", SUITE.to_owned()),
        ("key.toml", SUITE.replace("min_samples", "min_sampels")),
        ("toml.toml", "name = \n".to_owned()),
        ("workload.toml", SUITE.replace("cpu.reduce", "cpu.redcue")),
        ("dtype.toml", format!("{SUITE}dtype = \"f17\"\n")),
        ("size.toml", SUITE.replace("[1024, 2048]", "1000000000000000")),
        ("a-file", "x".to_owned()),
    ] {
        fs::write(dir.path().join(name), text)?;
    }
    let (lake, spool, file) = (path("lake"), path("spool"), path("a-file"));
    let suites = ["good", "key", "toml", "workload", "dtype", "size", "none"]
        .map(|name| path(&format!("{name}.toml")));
    let [good, key, toml, workload, dtype, size, none] = suites.each_ref().map(String::as_str);
    let below = format!("{file}/spool");
    let run = ["run", "--sessions", "1", "--lake", &lake, "--spool", &spool];
    let args = |suite| [&run[..], &[suite]].concat();
    let cases = [
        Case { args: &args(none), code: 2, says: &["none.toml", "no such suite"] },
        Case { args: &args(key), code: 2, says: &["key.toml:7", "min_sampels", "min_samples"] },
        Case { args: &args(toml), code: 2, says: &["toml.toml:1"] },
        Case { args: &args(workload), code: 2, says: &["workload.toml:", "cpu.redcue", "cpu.reduce"] },
        Case { args: &args(dtype), code: 2, says: &["dtype.toml:12", "f17", "f32"] },
        Case { args: &args(size), code: 2, says: &["size.toml:11", "n"] },
        Case {
            args: &[&args(good)[..], &["--filter", "nothing"]].concat(),
            code: 4,
            says: &["nothing to measure", "\"nothing\""],
        },
        Case {
            args: &[&args(good)[..], &["--filter", "("]].concat(),
            code: 2,
            says: &["--filter", "regular expression"],
        },
        Case { args: &["run", good], code: 2, says: &["--lake DIR", "--brokers"] },
        Case { args: &["run", good, "--lake", &file], code: 6, says: &["is a file", "--lake"] },
        Case {
            args: &["run", good, "--lake", &lake, "--spool", &below],
            code: 1,
            says: &["a-file/spool", "--spool"],
        },
        Case {
            args: &["run", good, "--brokers", "127.0.0.1:9", "--spool", &spool],
            code: 6,
            says: &["127.0.0.1:9", "--brokers"],
        },
        Case {
            args: &["land", "--brokers", "127.0.0.1:9", "--lake", &lake],
            code: 6,
            says: &["127.0.0.1:9"],
        },
        Case {
            args: &["land", "--spool", &path("absent"), "--lake", &lake],
            code: 2,
            says: &["absent", "not a folder"],
        },
        Case { args: &["sql", "select 1", "--lake", &path("absent")], code: 6, says: &["absent"] },
        Case { args: &["sql", "select 1", "--lake", &file], code: 6, says: &["a-file"] },
        Case { args: &["sql", "selec 1"], code: 2, says: &["syntax", "line 1"] },
        Case { args: &["sql", "select * from serie"], code: 2, says: &["serie"] },
        Case { args: &["functions", "list_meadian"], code: 2, says: &["list_meadian", "list_median"] },
        Case { args: &["query", "sumary", "--lake", &lake], code: 2, says: &["sumary", "summary"] },
        Case {
            args: &["report", "--lake", &path("absent"), "--out", &path("out")],
            code: 6,
            says: &["absent"],
        },
    ];
    let mut wrong = Vec::new();
    for Case { args, code, says } in &cases {
        let output = benchlake().args(*args).output()?;
        let text = String::from_utf8(output.stderr)?;
        let one_line =
            text.starts_with("error: ") && text.trim().lines().count() == 1 && output.stdout.is_empty();
        if output.status.code() != Some(*code) || !one_line || !says.iter().all(|word| text.contains(word)) {
            wrong.push(format!("{args:?}\n  wanted {code} {says:?}\n  got {} {text}", output.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(fs::read_to_string(&file)?, "x");
    assert!(!dir.path().join("out").exists());
    Ok(())
}

/// A version that does not exist is named with those that do.
#[test]
fn a_version_that_does_not_exist() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (suite, lake) = (suite(dir.path())?, dir.path().join("lake").display().to_string());
    let mut run = benchlake();
    run.args(["run", "-q", "--sessions", "1", "--lake", &lake, "--spool"]).arg(dir.path().join("spool"));
    ok(run.arg(&suite).output()?)?;
    for (at, code) in [("99", 6), ("series=99", 6), ("1999-01-01", 6), ("soon", 2)] {
        let output = benchlake().args(["sql", "select 1", "--lake", &lake, "--at", at]).output()?;
        let text = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(code), "{at}: {text}");
        assert!(text.contains(at.split('=').next_back().unwrap_or(at)), "{at}: {text}");
    }
    Ok(())
}

/// Who reads no further is nobody's error, in any format; a statement without columns answers nothing.
#[test]
fn a_closed_pipe_is_no_error() -> TestResult {
    use std::io::{BufRead, BufReader};
    for format in ["csv", "tsv", "ndjson", "table"] {
        let mut sql = benchlake();
        sql.args(["sql", "select value from generate_series(1, 300000)", "--format", format]);
        let mut sql =
            sql.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(sql.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
        let output = sql.wait_with_output()?;
        let error = String::from_utf8(output.stderr)?;
        assert_eq!((output.status.code(), error.as_str()), (Some(0), ""), "{format}: {line}");
    }
    for format in ["csv", "tsv", "table"] {
        let set = ["sql", "set datafusion.execution.batch_size = 100", "--format", format];
        assert_eq!(ok(benchlake().args(set).output()?)?.stdout, b"", "{format}");
    }
    Ok(())
}
