//! `benchlake functions`.

use super::{TestResult, benchlake, ok};
use benchlake_analytics::functions;
use serde_json::Value;

fn says(args: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
    Ok(String::from_utf8(ok(benchlake().arg("functions").args(args).output()?)?.stdout)?)
}

/// The list has every function with its signature, under the heading of its family.
#[test]
fn every_function_is_listed() -> TestResult {
    let list = says(&[])?;
    for function in functions::all() {
        let heading = list.find(&format!("\n{}\n", function.family.title()));
        let line = list.find(&format!("\n  {}  ", function.signature()));
        assert!(line.is_some() && heading.is_some() && heading < line, "{}: {list}", function.name);
    }
    Ok(())
}

/// One function is explained with formula, source and the value of its example, by its name or by that of
/// its aggregate.
#[test]
fn one_function_is_explained() -> TestResult {
    for name in ["list_trimmed_mean", "trimmed_mean"] {
        let text = says(&[name])?;
        let lines =
            ["list_trimmed_mean(samples, share) → double", "trimmed_mean(x, share) over rows", "Value:   3"];
        assert!(lines.iter().all(|wanted| text.lines().any(|line| line == *wanted)), "{text}");
        assert!(text.contains("Formula: the mean of") && text.contains("Source:  Tukey"), "{text}");
    }
    Ok(())
}

/// Programs read the same as rows.
#[test]
fn programs_read_rows() -> TestResult {
    let rows: Vec<Value> = serde_json::from_str(&says(&["--format", "json"])?)?;
    assert_eq!(rows.len(), functions::all().count());
    let one: Vec<Value> = serde_json::from_str(&says(&["mad", "--json"])?)?;
    assert_eq!(one[0]["signature"], "list_mad(samples)");
    assert_eq!(one[0]["aggregate"], "mad(x)");
    Ok(())
}

/// An unknown name is answered with three near ones, and how to see all.
#[test]
fn unknown_functions_are_answered_briefly() -> TestResult {
    let output = benchlake().args(["functions", "nope"]).output()?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2));
    let (nearest, all) =
        said.split_once("the nearest are ").and_then(|(_, rest)| rest.split_once("; ")).ok_or("no names")?;
    assert_eq!((nearest.split(", ").count(), all.trim()), (3, "`benchlake functions` lists all"), "{said}");
    Ok(())
}
