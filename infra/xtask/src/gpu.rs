//! `gpu`: every workload of devices on the machine at hand, checked and beside its peers.
//!
//! That machine may have neither Rust nor a network: this program and benchlake are built elsewhere, and the
//! peers are what its Python has (PyTorch).

use crate::{
    step::{on_path, output},
    workspace::Workspace,
};
use anyhow::{Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What each benchmark came to: one row each, as `gpu_peers.py` reads it.
const MEASURED: &str = "
    SELECT
        label, benchmark, CAST(max(parameters) AS VARCHAR) AS parameters, device,
        count(DISTINCT session_id) AS sessions,
        list_median(array_agg(list_median(\"values\"))) AS median,
        list_cv(array_agg(list_median(\"values\"))) AS cv,
        max(flops) AS flops, max(bytes) AS bytes,
        max(check_error) AS check_error, max(check_tolerance) AS check_tolerance,
        array_to_string(array_sort(array_distinct(flatten(array_agg(flags)))), ' ') AS flags
    FROM measured
    WHERE metric = 'time' AND device IS NOT NULL
    GROUP BY label, benchmark, benchmark_id, device
    ORDER BY label, device";

/// How benchlake ends where part of the sessions failed.
const PARTLY: i32 = 5;

/// What could not be measured, and why.
const NOT_MEASURED: &str = "
    SELECT DISTINCT label, reason, error
    FROM failures
    WHERE metric = 'time'
    ORDER BY label, error";

/// Runs the suite `gpu` by `benchlake` in `sessions` sessions, and writes a lake and `gpu.md` into `out`.
pub(crate) fn gpu(
    workspace: &Workspace,
    benchlake: Option<&Path>,
    out: Option<&Path>,
    sessions: u32,
) -> Result<()> {
    let devices = on_path("nvidia-smi")
        .map(|program| output(Command::new(program).arg("-L"), "is the driver loaded?").unwrap_or_default());
    let Some(devices) = devices.filter(|devices| devices.contains("GPU ")) else {
        println!("skipped: nvidia-smi finds no device on this machine");
        return Ok(());
    };
    eprint!("{devices}");
    let benchlake = benchlake.map_or_else(|| workspace.target().join("release/benchlake"), Path::to_path_buf);
    if !benchlake.is_file() {
        bail!(
            "no program {}: build it here or elsewhere with `cargo build --release --locked`, and name it with --benchlake",
            benchlake.display()
        );
    }
    let out = out.map_or_else(|| workspace.target().join("gpu"), Path::to_path_buf);
    fs::create_dir_all(&out)?;
    let lake = out.join("lake");
    let of_lake = |command: &str| {
        let mut program = Command::new(&benchlake);
        program.arg(command).arg("--lake").arg(&lake);
        program
    };
    let count = sessions.to_string();
    let status = of_lake("run").args(["--sessions", &count, "gpu"]).status()?;
    // Where a benchmark failed, the table says which and why.
    if !matches!(status.code(), Some(0 | PARTLY)) {
        bail!("benchlake run gpu ended with {status}: see what it says");
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for (name, sql) in [("measured.csv", MEASURED), ("not-measured.csv", NOT_MEASURED)] {
        let rows = output(of_lake("sql").args(["--format", "csv", sql]), "see what it says")?;
        files.push(out.join(name));
        fs::write(out.join(name), rows)?;
    }
    let mut peers = Command::new("python3");
    peers.arg(workspace.path("infra/python/gpu_peers.py")).args(&files);
    let table =
        output(&mut peers, "see what it says; it needs a Python 3, and measures peers where it has PyTorch")?;
    fs::write(out.join("gpu.md"), &table)?;
    print!("{table}");
    eprintln!("written: {} and the lake {}", out.join("gpu.md").display(), lake.display());
    Ok(())
}
