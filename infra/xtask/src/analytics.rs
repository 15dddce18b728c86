//! `bench analytics` and `bench decisions`: how fast statistics and comparisons are, and how often right.

use crate::{python, step::run, workspace::Workspace};
use anyhow::Result;

/// Beside DuckDB, Polars, chdb and NumPy, which are installed first.
pub(crate) fn analytics(workspace: &Workspace, options: &[String]) -> Result<()> {
    python::install_peers(workspace)?;
    let mut bench = workspace.cargo(["bench", "--workspace", "--bench", "analytics", "--"]);
    bench.args(options).env("BENCHLAKE_BENCH_PYTHON", workspace.python_of_benches());
    run(&mut bench, "see what it says")
}

/// On simulated machines.
pub(crate) fn decisions(workspace: &Workspace, options: &[String]) -> Result<()> {
    let mut bench = workspace.cargo(["bench", "--workspace", "--bench", "decisions", "--"]);
    run(bench.args(options), "see what it says")
}
