//! How fast our kernels are beside their peers: GEMM against NumPy with OpenBLAS, the triad against
//! plain C compiled for this machine. Same run, same number of threads, samples interleaved.
//!
//!     cargo bench -p benchlake-producers --bench peers
//!
//! Each peer is a process that answers "size, element bytes, repetitions" with seconds. Exits 0
//! whatever the ratios are, and says aloud what it skips.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use benchlake_producers::{cpu, environment::Topology, measure::Workload};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// Rounds, of one sample of each side, for at least this long and this often. The ratio is that of
/// the fastest samples, as what else runs on the machine only adds.
const TIME: Duration = Duration::from_secs(4);
const ROUNDS: usize = 5;
/// About how long a sample lasts: short enough to pass undisturbed now and then.
const SAMPLE: Duration = Duration::from_millis(10);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A process that times the same thing elsewhere; it ends when its input does.
struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(command: &mut Command) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("no output")?;
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("the peer ended".into());
        }
        Ok(line.trim().to_owned())
    }

    fn seconds(&mut self, size: u64, bytes: u64, repetitions: u64) -> Outcome<f64> {
        let input = self.input.as_mut().ok_or("no input")?;
        writeln!(input, "{size} {bytes} {repetitions}")?;
        input.flush()?;
        Ok(self.line()?.parse()?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.input = None;
        // It was told to end; how it did does not matter.
        let _ = self.child.wait();
    }
}

/// One row of the table.
struct Case {
    workload: &'static str,
    dtype: &'static str,
    label: String,
    size: u64,
    threads: usize,
}

impl Case {
    fn open(&self) -> Outcome<Box<dyn Workload>> {
        let given = BTreeMap::from([
            ("n".to_owned(), self.size.to_string()),
            ("dtype".to_owned(), self.dtype.to_owned()),
            ("threads".to_owned(), self.threads.to_string()),
        ]);
        let mut workload = cpu::open(&cpu::plan(self.workload, &given, &Topology::read())?, 1)?;
        workload.check()?;
        Ok(workload)
    }

    /// Seconds per iteration, ours and the peer's: each the fastest. Our threads wait by
    /// spinning, so that ours are started afresh for each sample and gone while the peer runs.
    fn compare(&self, peer: &mut Peer) -> Outcome<(f64, f64)> {
        let bytes = if self.dtype == "f32" { 4 } else { 8 };
        let once = timed(self.open()?.as_mut(), 2).max(1e-7);
        let repetitions = ((SAMPLE.as_secs_f64() / once) as u64).clamp(1, 100_000);
        let mut fastest = (f64::INFINITY, f64::INFINITY);
        peer.seconds(self.size, bytes, 2)?;
        let mut kept = (self.threads == 1).then(|| self.open()).transpose()?;
        let (start, mut rounds) = (Instant::now(), 0);
        while rounds < ROUNDS || start.elapsed() < TIME {
            rounds += 1;
            let ours = match &mut kept {
                Some(workload) => timed(workload.as_mut(), repetitions),
                None => timed(self.open()?.as_mut(), repetitions),
            };
            let theirs = peer.seconds(self.size, bytes, repetitions)? / repetitions as f64;
            fastest = (fastest.0.min(ours), fastest.1.min(theirs));
        }
        Ok(fastest)
    }
}

/// Seconds per iteration, after two to warm up.
fn timed(workload: &mut dyn Workload, repetitions: u64) -> f64 {
    workload.run(2);
    let start = Instant::now();
    workload.run(repetitions);
    start.elapsed().as_secs_f64() / repetitions as f64
}

fn main() -> Outcome<()> {
    let usable = Topology::read().cpus;
    println!(
        "{:<10} {:>5} {:>14} {:>7} {:>12} {:>12} {:>7}",
        "workload", "dtype", "size", "threads", "ours", "peer", "ratio"
    );
    let threads = if usable > 1 { vec![1, usable] } else { vec![1] };
    let target = target_folder();
    match python(&target) {
        Ok(python) => threads.iter().try_for_each(|&threads| gemm(&python, threads))?,
        Err(reason) => println!("skipped: cpu.gemm: {reason}"),
    }
    match compiled(&target) {
        Ok(program) => threads.iter().try_for_each(|&threads| triad(&program, threads))?,
        Err(reason) => println!("skipped: cpu.triad: {reason}"),
    }
    Ok(())
}

fn gemm(python: &Path, threads: usize) -> Outcome<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/gemm.py");
    let mut peer =
        Peer::start(Command::new(python).arg(script).env("OPENBLAS_NUM_THREADS", threads.to_string()))?;
    let version = peer.line()?;
    for dtype in ["f32", "f64"] {
        for size in [512, 1024, 2048] {
            let label = format!("{size}");
            let case = Case { workload: "cpu.gemm", dtype, label, size, threads };
            let (ours, theirs) = case.compare(&mut peer)?;
            let flops = 2.0 * (size as f64).powi(3) / 1e9;
            print(&case, flops / ours, flops / theirs, "Gflop/s", theirs / ours, &version);
        }
    }
    Ok(())
}

fn triad(program: &Path, threads: usize) -> Outcome<()> {
    let mut peer = Peer::start(Command::new(program).env("OMP_NUM_THREADS", threads.to_string()))?;
    for dtype in ["f32", "f64"] {
        for symbol in ["L2", "L3", "memory"] {
            let given = BTreeMap::from([
                ("n".to_owned(), symbol.to_owned()),
                ("dtype".to_owned(), dtype.to_owned()),
                ("threads".to_owned(), threads.to_string()),
            ]);
            let planned = match cpu::plan("cpu.triad", &given, &Topology::read()) {
                Ok(planned) => planned,
                Err(reason) => {
                    println!("skipped: cpu.triad: {reason}");
                    continue;
                }
            };
            let size: u64 = planned.parameters["n"].parse()?;
            let case =
                Case { workload: "cpu.triad", dtype, label: format!("{symbol} {size}"), size, threads };
            let (ours, theirs) = case.compare(&mut peer)?;
            let bytes = (3 * size * if dtype == "f32" { 4 } else { 8 }) as f64 / 1e9;
            print(&case, bytes / ours, bytes / theirs, "GB/s", theirs / ours, "gcc -O3");
        }
    }
    Ok(())
}

fn print(case: &Case, ours: f64, theirs: f64, unit: &str, ratio: f64, peer: &str) {
    let Case { workload, dtype, label, threads, .. } = case;
    println!(
        "{workload:<10} {dtype:>5} {label:>14} {threads:>7} {ours:>12.1} {theirs:>12.1} {ratio:>7.3}  {unit}, {peer}"
    );
}

/// Where built things go.
fn target_folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(workspace, PathBuf::from);
    target.join("peers")
}

/// A Python with NumPy: `BENCHLAKE_PYTHON`, or a virtual environment made under the target folder.
fn python(target: &Path) -> Result<PathBuf, String> {
    if let Some(python) = std::env::var_os("BENCHLAKE_PYTHON") {
        return Ok(python.into());
    }
    let environment = target.join("venv");
    let python = environment.join("bin/python");
    let has_numpy = || run(Command::new(&python).args(["-c", "import numpy"])).is_ok();
    if !has_numpy() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))
            .map_err(|e| format!("no python3 with venv: {e}"))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "numpy"]))
            .map_err(|e| format!("no numpy: {e}"))?;
    }
    Ok(python)
}

/// The C triad, compiled for this machine.
fn compiled(target: &Path) -> Result<PathBuf, String> {
    std::fs::create_dir_all(target).map_err(|error| error.to_string())?;
    let program = target.join("triad");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/triad.c");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O3", "-march=native", "-fopenmp"]).arg(source).arg("-o").arg(&program);
    run(&mut gcc).map_err(|error| format!("no gcc with OpenMP: {error}"))?;
    Ok(program)
}

/// Runs `command` to its end.
fn run(command: &mut Command) -> Result<(), String> {
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it failed").to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}
