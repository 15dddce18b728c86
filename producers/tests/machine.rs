//! The machine as a place to measure on, with the real kernel: the probe disturbs nothing itself, a pin
//! holds for a process and its children, and what was set is set back after a kill.
#![expect(unsafe_code, reason = "a global allocator that counts is an unsafe trait's implementation")]

use benchlake_producers::{
    machine::{Change, Cpus, Placement, Plan, Quanta, Watch, apply, undo},
    measure::Clock,
    session::SessionSpec,
    suite::Suite,
};
use benchlake_schemas::Flag;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    error::Error,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

type TestResult = Result<(), Box<dyn Error>>;

/// The system's allocator, with the calls of each thread counted.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has nothing to count.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The probe's quanta allocate nothing; making them, which is meant to, shows that the counter counts.
#[test]
fn quanta_allocate_nothing() {
    let time = Duration::from_millis(20);
    let start = CALLS.get();
    let mut quanta = Quanta::calibrated(Clock::calibrate(), time);
    let before = CALLS.get();
    assert!(before > start);
    let taken = quanta.take(time).len();
    assert_eq!((CALLS.get() - before, taken > 0), (0, true));
}

/// Paths that do not exist: asking for them marks the begin and the end of the quanta in a trace.
const BEGIN: &str = "/benchlake-quanta-begin";
const END: &str = "/benchlake-quanta-end";

/// This test program, told to run the ignored test `name` alone.
fn this(program: &mut Command, name: &str) -> Result<Output, std::io::Error> {
    program.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]).output()
}

/// What [`quanta_call_nothing`] traces; by itself it shows nothing.
#[test]
#[ignore = "run under strace by quanta_call_nothing"]
fn traced() {
    let time = Duration::from_millis(50);
    let mut quanta = Quanta::calibrated(Clock::calibrate(), time);
    let _ = Path::new(BEGIN).exists();
    let taken = quanta.take(time).len();
    let _ = Path::new(END).exists();
    assert!(taken > 0);
}

/// The probe's quanta ask the system for nothing.
#[test]
fn quanta_call_nothing() -> TestResult {
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o"]).arg(&trace).arg(std::env::current_exe()?);
    let output = match this(&mut strace, "traced") {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: no strace ({error})");
            return Ok(());
        }
    };
    let messages = String::from_utf8_lossy(&output.stderr);
    if messages.contains("ptrace") && !output.status.success() {
        eprintln!("skipped: strace may not trace here ({})", messages.trim());
        return Ok(());
    }
    assert!(output.status.success(), "{messages}");
    let trace = fs::read_to_string(&trace)?;
    let lines: Vec<&str> = trace.lines().collect();
    let at = |mark: &str| lines.iter().position(|line| line.contains(mark)).ok_or("a mark");
    let thread = lines[at(BEGIN)?].split(' ').next().unwrap_or_default();
    let between = &lines[at(BEGIN)? + 1..at(END)?];
    let calls: Vec<_> = between
        .iter()
        .filter(|line| line.starts_with(thread) && line.contains('(') && !line.contains("---"))
        .collect();
    assert_eq!(calls, [&""; 0]);
    Ok(())
}

/// Where the child of [`pins_hold_for_children`] is to run.
const PIN: &str = "BENCHLAKE_TEST_PIN";

/// Pins itself and shows where a process that it starts may run.
#[test]
#[ignore = "run by pins_hold_for_children"]
fn pinned() -> TestResult {
    Placement::new(Some(&std::env::var(PIN)?), None)?.apply()?;
    let child = Command::new("cat").arg("/proc/self/status").output()?;
    std::io::stdout().write_all(&child.stdout)?;
    Ok(())
}

/// A pin holds for a process and its children, on each of the processors that are there; one that is not
/// is refused in words, and trying a placement out changes nothing.
#[test]
fn pins_hold_for_children() -> TestResult {
    let all = Cpus::allowed()?;
    for cpu in all.iter() {
        let output = this(Command::new(std::env::current_exe()?).env(PIN, cpu.to_string()), "pinned")?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let status = String::from_utf8(output.stdout)?;
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        assert_eq!(allowed.map(str::trim), Some(cpu.to_string().as_str()));
    }
    let one: Cpus = all.iter().take(1).collect();
    assert_eq!(Placement::new(Some(&one.to_string()), None)?.try_out()?, one);
    let refused = Placement::new(Some("1023"), None)?.try_out().expect_err("no machine has that many");
    assert!(refused.to_string().starts_with("--pin 1023: "), "{refused}");
    assert_eq!(Cpus::allowed()?, all);
    let error = Placement::new(Some("0..1"), None).expect_err("no list").to_string();
    assert_eq!(error, "--pin: \"0..1\" is not a processor or a range of them; did you mean 0,1?");
    Ok(())
}

/// A session that is told to run on `pin`, started.
fn session(folder: &Path, pin: String) -> Result<Child, Box<dyn Error>> {
    let text =
        "name = \"s\"\n[policy]\nmin_time = \"300ms\"\n[[benchmark]]\nworkload = \"cpu.reduce\"\nn = 64\n";
    let spec = SessionSpec {
        pin: Some(pin),
        ..SessionSpec::new(&Suite::parse(text, "s")?, "s", folder.join("spool"), 1)
    };
    let mut agent = Command::new(env!("CARGO_BIN_EXE_benchlake-agent"))
        .args(["agent", "session"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let text = serde_json::to_vec(&spec)?;
    agent.stdin.take().ok_or("a pipe")?.write_all(&text)?;
    Ok(agent)
}

/// A session runs where it is told to from its start, and ends with the code of wrong usage, in words,
/// where it cannot.
#[test]
fn sessions_run_where_they_are_told() -> TestResult {
    let folder = tempfile::tempdir()?;
    let last = Cpus::allowed()?.iter().last().ok_or("a processor")?.to_string();
    let mut agent = session(folder.path(), last.clone())?;
    let status = format!("/proc/{}/status", agent.id());
    let pinned = || -> Result<bool, std::io::Error> {
        let status = fs::read_to_string(&status)?;
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        Ok(allowed.map(str::trim) == Some(&last))
    };
    while !pinned()? {
        assert!(agent.try_wait()?.is_none(), "it ended without being pinned");
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = agent.wait_with_output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout)?.contains("\"event\":\"measured\""));
    let refused = session(folder.path(), "1023".into())?.wait_with_output()?;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr)?.starts_with("error: --pin 1023: "));
    Ok(())
}

/// A node that is there is bound to, with its processors; one that is not is refused in words.
#[test]
fn nodes_are_bound_or_refused() -> TestResult {
    let refused = Placement::new(None, Some(999))?.try_out().expect_err("no machine has that many");
    let text = refused.to_string();
    assert!(text.starts_with("--numa 999: ") && text.contains("node"), "{text}");
    match Placement::new(None, Some(0))?.try_out() {
        Ok(cpus) => assert!(!cpus.is_empty() && cpus.without(&Cpus::allowed()?).is_empty()),
        Err(refused) => eprintln!("skipped: memory cannot be bound here ({refused})"),
    }
    Ok(())
}

/// A thread that shares its processor with another one has waited, which flags what it measured.
#[test]
fn a_rival_is_noticed() -> TestResult {
    if !Path::new("/proc/self/schedstat").exists() {
        eprintln!("skipped: this kernel does not count what threads wait for");
        return Ok(());
    }
    let one: Cpus = Cpus::allowed()?.iter().take(1).collect();
    let placement = Placement::new(Some(&one.to_string()), None)?;
    let mut rival = std::thread::scope(|scope| -> Result<Child, Box<dyn Error + Send + Sync>> {
        let started = scope.spawn(|| {
            placement.apply()?;
            Ok(Command::new("sh").args(["-c", "while :; do :; done"]).spawn()?)
        });
        started.join().map_err(|_| "a panic")?
    })
    .map_err(|error| error.to_string())?;
    let flags = std::thread::scope(|scope| {
        let watched = scope.spawn(|| {
            placement.apply().map(|()| {
                let (watch, began) = (Watch::start(), Instant::now());
                while began.elapsed() < Duration::from_millis(300) {}
                watch.end()
            })
        });
        watched.join()
    });
    rival.kill()?;
    rival.wait()?;
    let watched = flags.map_err(|_| "a panic")??;
    assert!(watched.waited.is_some_and(|share| share > 0.02), "{watched:?}");
    assert!(watched.flags().contains(&Flag::Noisy), "{watched:?}");
    Ok(())
}

/// The machine of [`a_kill_between_two_writes_can_be_undone`], and where it notes what was there.
const ROOT: &str = "BENCHLAKE_TEST_ROOT";

fn changes(root: &Path) -> Plan {
    let change = |setting: &str, from: &str, to: &str| Change {
        setting: setting.into(),
        file: root.join("proc/sys/kernel").join(setting),
        from: from.into(),
        to: to.into(),
    };
    let changes = vec![change("randomize_va_space", "0\n", "2"), change("numa_balancing", "1\n", "0")];
    Plan { changes, refused: Vec::new() }
}

/// Applies two changes, of which the second never ends.
#[test]
#[ignore = "run by a_kill_between_two_writes_can_be_undone"]
fn killed() -> TestResult {
    let root = PathBuf::from(std::env::var(ROOT)?);
    apply(&changes(&root), &root.join("tuned.json"))?;
    Ok(())
}

/// Killed between the first file and the second, what was set is set back.
#[test]
fn a_kill_between_two_writes_can_be_undone() -> TestResult {
    let root = tempfile::tempdir()?;
    let folder = root.path().join("proc/sys/kernel");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("randomize_va_space"), "0\n")?;
    // Who opens a pipe waits for its other end.
    let pipe = folder.join("numa_balancing");
    assert!(Command::new("mkfifo").arg(&pipe).status()?.success());
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--exact", "killed", "--ignored"])
        .env(ROOT, root.path())
        .spawn()?;
    while fs::read_to_string(folder.join("randomize_va_space"))? != "2" {
        assert!(child.try_wait()?.is_none(), "it waits in the pipe");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()?;
    fs::remove_file(&pipe)?;
    fs::write(&pipe, "1\n")?;
    let undone = undo(root.path(), &root.path().join("tuned.json"))?;
    assert!(undone.iter().all(|outcome| outcome.problem.is_none()), "{undone:?}");
    assert_eq!(fs::read_to_string(folder.join("randomize_va_space"))?, "0\n");
    assert_eq!(fs::read_to_string(&pipe)?, "1\n");
    Ok(())
}
