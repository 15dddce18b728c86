//! Do measurements repeat? Over simulated fleets.

use super::*;

const FLEET: &str = "simulate -q --sessions 6 --series 4 --samples 20 --modes 0";

/// Simulates a fleet with `options` into `spool`.
fn simulate(options: &str, spool: &Path) -> TestResult {
    let words = FLEET.split(' ').chain(options.split(' '));
    ok(benchlake().args(words).arg("--spool").arg(spool).output()?)?;
    Ok(())
}

fn land(spool: &Path, lake: &Path) -> TestResult {
    ok(benchlake()
        .args(["land", "-q", "--until-idle", "--spool"])
        .arg(spool)
        .arg("--lake")
        .arg(lake)
        .output()?)?;
    Ok(())
}

/// What `reproducibility` with `words` prints and says, and its exit code.
fn ask_for(lake: &Path, words: &[&str]) -> Result<(i32, String, String), Box<dyn Error>> {
    let output = benchlake().arg("reproducibility").args(words).arg("--lake").arg(lake).output()?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    Ok((output.status.code().ok_or("killed")?, out, err))
}

/// Five nodes that hardly differ, and a sixth from a fleet whose nodes differ by 5 %: the same commands, so that
/// the one node is another machine.
fn fleet_with_an_odd_node(dir: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let lake = dir.join("lake");
    simulate("--nodes 5 --node-noise 0.001", &dir.join("even"))?;
    land(&dir.join("even"), &lake)?;
    // Which folder of a spool is the sixth node's, a lake of its own tells.
    for spool in ["told", "uneven"] {
        simulate("--nodes 6 --node-noise 0.05", &dir.join(spool))?;
    }
    land(&dir.join("told"), &dir.join("other"))?;
    let found =
        sql(&dir.join("other"), "select distinct producer_id from sessions where node = 'node-00005'")?;
    let odd = dir.join("odd");
    fs::create_dir(&odd)?;
    fs::rename(dir.join("uneven").join(&found[0][0]), odd.join(&found[0][0]))?;
    land(&odd, &lake)?;
    Ok(lake)
}

/// Exactly the node that is another machine is named, in each of the formats.
#[test]
fn the_odd_node_is_named() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = fleet_with_an_odd_node(dir.path())?;
    let (code, json, _) = ask_for(&lake, &["window:30d", "--format", "json"])?;
    let found: serde_json::Value = serde_json::from_str(&json)?;
    let named = found["off"].as_array().ok_or("no list")?.iter().filter(|it| it["named"] == true);
    let named: Vec<_> = named.map(|it| (it["kind"].as_str(), it["name"].as_str())).collect();
    assert_eq!((code, named), (0, vec![(Some("node"), Some("node-00005"))]), "{json}");
    assert_eq!(found["benchmarks"].as_array().map(Vec::len), Some(4));

    let (_, table, _) = ask_for(&lake, &["window:30d"])?;
    assert!(table.contains("node-00005 stands out: +"), "{table}");
    assert!(table.contains("one after the other") && table.contains("side by side"), "{table}");
    let (_, csv, _) = ask_for(&lake, &["window:30d", "--format", "csv", "--filter", "gemm|add"])?;
    assert!(csv.starts_with("label,arm,metric,unit,") && !csv.contains("cpu.memcpy"), "{csv}");
    let (_, markdown, _) = ask_for(&lake, &["window:30d", "--format", "markdown"])?;
    assert!(markdown.starts_with("| benchmark |"), "{markdown}");
    let (_, html, _) = ask_for(&lake, &["window:30d", "--format", "html"])?;
    assert!(html.contains("<circle") && html.trim_end().ends_with("</html>"));
    let label = found["benchmarks"][0]["label"].as_str().ok_or("no label")?;
    let (_, told, _) = ask_for(&lake, &["window:30d", "--explain", label])?;
    assert!(told.contains("ISO 5725") && told.contains("node-00005"), "{told}");
    Ok(())
}

/// A spread above the limit ends with 3 where that is asked for; an undecided one only where that is.
#[test]
fn exit_codes_follow_the_answer() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (lake, spool) = (dir.path().join("lake"), dir.path().join("spool"));
    simulate("--nodes 1 --session-noise 0.03", &spool)?;
    land(&spool, &lake)?;
    let code = |words: &[&str]| -> Result<i32, Box<dyn Error>> {
        Ok(ask_for(&lake, &[&["window:30d"], words].concat())?.0)
    };
    assert_eq!(code(&["--limit", "0.1%"])?, 0);
    assert_eq!(code(&["--limit", "0.1%", "--fail-on", "not-reproducible"])?, 3);
    assert_eq!(code(&["--limit", "50%", "--fail-on", "undecided"])?, 0);
    // The newest run has one session.
    let (code, text, _) = ask_for(&lake, &["--fail-on", "undecided"])?;
    assert!(code == 3 && text.contains("measured in one session alone"), "{code}: {text}");
    assert_eq!(ask_for(&lake, &["--fail-on", "not-reproducible"])?.0, 0);
    Ok(())
}

/// What is not there is named with what is near, by exit code 4; what is no option by 2; no lake by 6.
#[test]
fn wrong_questions_are_answered() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (lake, spool) = (dir.path().join("lake"), dir.path().join("spool"));
    simulate("--nodes 2", &spool)?;
    land(&spool, &lake)?;
    let cases: [(&[&str], i32, &[&str]); 11] = [
        (&["branch:mian"], 4, &["branch:mian", "`main`"]),
        (&["brnch:main"], 2, &["did you mean `branch`"]),
        (&["window:30x"], 2, &["is no window"]),
        (&["--metric", "tiem"], 4, &["did you mean `time`"]),
        (&["--filter", "nothing"], 4, &["no benchmark matches 'nothing'", "cpu."]),
        (&["--filter", "("], 2, &["--filter"]),
        (&["--explain", "nothing"], 4, &["no benchmark fits `nothing`", "cpu."]),
        (&["--explain", "cpu."], 2, &["`cpu.` fits 4 benchmarks: cpu.", "give more of one"]),
        (&["--limit", "5"], 2, &["did you mean 5%"]),
        (&["--limit=-1%"], 2, &["percentage above 0"]),
        (&["--level", "95"], 2, &["between 0.5 and 1"]),
    ];
    for (words, expected, says) in cases {
        let (code, _, text) = ask_for(&lake, words)?;
        assert_eq!(code, expected, "{words:?}: {text}");
        assert!(says.iter().all(|word| text.contains(word)), "{words:?}: {text}");
    }
    let level = |level: &str| ask_for(&lake, &["--level", level, "--format", "json"]);
    assert_eq!(level("99%")?, level("0.99")?);
    let (code, _, text) = ask_for(&dir.path().join("none"), &[])?;
    assert_eq!(code, 6, "{text}");
    let output = benchlake().arg("reproducibility").output()?;
    assert!(output.status.code() == Some(2) && String::from_utf8(output.stderr)?.contains("--lake"));
    Ok(())
}
