//! The reference values are what the committed scripts write.

use serde_json::Value;
use std::{error::Error, fs, path::Path, process::Command};

/// The scripts, rerun with Python, write the committed files: the same keys, and numbers within a relative
/// 1e-12.
#[test]
fn scripts_write_the_reference_values() -> Result<(), Box<dyn Error>> {
    let Some(python) = std::env::var_os("BENCHLAKE_TEST_PYTHON").filter(|python| !python.is_empty()) else {
        eprintln!(
            "skipped: no Python with SciPy and statsmodels: BENCHLAKE_TEST_PYTHON is not set (`cargo xtask test` sets it)"
        );
        return Ok(());
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let written = tempfile::tempdir()?;
    let mut script = Command::new(python);
    // Without it the folder of the sources would get compiled scripts.
    script.env("PYTHONDONTWRITEBYTECODE", "1").arg(folder.join("reference.py")).arg(written.path());
    let output = script.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut compared = 0;
    for file in fs::read_dir(&folder)? {
        let file = file?.path();
        if file.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        let name = file.file_name().unwrap_or_default();
        let again = written.path().join(name);
        let [committed, again] = [file.clone(), again].map(fs::read_to_string);
        same(&serde_json::from_str(&committed?)?, &serde_json::from_str(&again?)?, &name.to_string_lossy())?;
        compared += 1;
    }
    assert_eq!(compared, fs::read_dir(written.path())?.count(), "each file that is written is committed");
    Ok(())
}

/// Whether two documents say the same.
fn same(committed: &Value, again: &Value, at: &str) -> Result<(), String> {
    match (committed, again) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().try_for_each(|(key, value)| same(value, &b[key], &format!("{at}: {key}")))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs.into_iter().try_for_each(|(i, (a, b))| same(a, b, &format!("{at}: {i}")))
        }
        _ if committed == again || near(committed, again) => Ok(()),
        _ => Err(format!("{at}: {committed} is committed, the script writes {again}")),
    }
}

fn near(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let Some((a, b)) = number(a).zip(number(b)) else { return false };
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}
