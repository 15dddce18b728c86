//! What a suite's file becomes, and what is said of a wrong one.

use benchlake_producers::{
    environment::Topology,
    measure::Policy,
    suite::{self, Suite, SuiteError},
};
use std::{collections::BTreeSet, path::Path, time::Duration};

/// A machine with known sizes.
fn machine() -> Topology {
    Topology {
        cpus: 2,
        cores: Some(2),
        l1d: Some(48 << 10),
        l2: Some(2 << 20),
        l3: Some(16 << 20),
        memory_total: 8 << 30,
        memory_available: 4 << 30,
    }
}

/// The one line said of `text`.
fn said(text: &str) -> String {
    let outcome = Suite::parse(text, "suite.toml").and_then(|suite| suite.expand(&machine()));
    let error: SuiteError = outcome.expect_err(text);
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

/// The demo covers all six workloads with distinct benchmarks, on any machine.
#[test]
fn the_demo_covers_everything() {
    let demo = Suite::parse(suite::DEMO, "demo").expect("the demo");
    let planned = demo.expand(&Topology { cpus: 1, memory_available: 1 << 30, ..Topology::default() });
    let planned = planned.expect("the demo fits a small machine");
    let names: BTreeSet<&str> = planned.iter().map(|one| one.benchmark.name.as_str()).collect();
    assert_eq!(names.len(), 6);
    let longest: Duration = planned.iter().map(|one| one.policy.min_time + one.policy.warmup_max).sum();
    assert!(longest <= Duration::from_secs(6), "{longest:?}");
    assert!(planned.iter().all(|one| one.policy.min_samples >= 30));
}

/// Axes multiply, the last fastest; a benchmark's own policy lies over the suite's.
#[test]
fn axes_multiply() {
    let text = r#"
name = "s"
[policy]
min_time = "100ms"
precision = 0.02
[[benchmark]]
workload = "cpu.triad"
dtype = ["f32", "f64"]
n = [100, "L2"]
threads = "all"
[[benchmark]]
workload = "cpu.alloc"
bytes = "4KiB"
policy = { min_samples = 50 }
"#;
    let suite = Suite::parse(text, "suite.toml").expect("a suite");
    let planned = suite.expand(&machine()).expect("benchmarks");
    let names: Vec<String> = planned.iter().map(|one| one.benchmark.to_string()).collect();
    let expected = [
        "cpu.triad{dtype=f32,n=100,threads=2}",
        "cpu.triad{dtype=f32,n=174752,threads=2}",
        "cpu.triad{dtype=f64,n=100,threads=2}",
        "cpu.triad{dtype=f64,n=87376,threads=2}",
        "cpu.alloc{bytes=4096,threads=1}",
    ];
    assert_eq!(names, expected);
    assert_eq!((planned[0].policy.min_samples, planned[4].policy.min_samples), (30, 50));
    assert_eq!(planned[4].policy.precision, Some(0.02));
    assert_eq!(suite.hash().len(), 64);
    assert_ne!(suite.hash(), Suite::parse(&format!("{text}\n"), "suite.toml").expect("a suite").hash());
}

/// The file's own mistakes are named with their line and the way out.
#[test]
fn mistakes_in_the_file() {
    let one = |line: &str| {
        format!("name = \"s\"\n[policy]\n{line}\n[[benchmark]]\nworkload = \"cpu.add\"\nn = 8\n")
    };
    assert_eq!(
        said(&one("warm_up = \"1s\"")),
        "suite.toml:3: unknown key \"warm_up\"; did you mean \"warmup\"?"
    );
    assert_eq!(
        said(&one("min_time = \"soon\"")),
        "suite.toml:3: `min_time` = \"soon\" is no duration (expected number at 0): such as \"500ms\" or \"2s\""
    );
    assert_eq!(
        said(&one("min_time = 5")),
        "suite.toml:3: `min_time` is an integer: a string, such as \"500ms\""
    );
    assert_eq!(
        said(&one("max_samples = 5")),
        "suite.toml:3: `max_samples` is 5, less than `min_samples` = 30"
    );
    assert!(said(&one("min_samples = -1")).starts_with("suite.toml:3: `min_samples` is an integer"));
    assert!(said(&one("min_samples = ")).starts_with("suite.toml:3: "));
    assert_eq!(said("nmae = \"s\""), "suite.toml:1: unknown key \"nmae\"; did you mean \"name\"?");
    assert_eq!(
        said("name = \"s\""),
        "suite.toml:1: the suite has no benchmark: add a [[benchmark]] with a `workload`"
    );
    let missing = Suite::load(Path::new("no/such.toml")).expect_err("it is missing").to_string();
    assert_eq!(missing, "no/such.toml: there is no such suite: check the path");
}

/// A benchmark's mistakes are named with the line of the parameter.
#[test]
fn mistakes_in_a_benchmark() {
    let one = |lines: &str| format!("name = \"s\"\n[[benchmark]]\n{lines}\n");
    assert_eq!(
        said(&one("workload = \"cpu.gem\"\nn = 8")),
        "suite.toml:3: unknown workload \"cpu.gem\"; did you mean \"cpu.gemm\"?"
    );
    assert_eq!(
        said(&one("workload = \"cpu.gemm\"\nn = 8\ndtype = [\"f32\", \"f17\"]")),
        "suite.toml:5: unknown dtype \"f17\"; one of f32, f64"
    );
    assert_eq!(
        said(&one("workload = \"cpu.triad\"\nsize = 8")),
        "suite.toml:4: unknown parameter \"size\" of cpu.triad; one of dtype, n, threads"
    );
    assert!(
        said(&one("workload = \"cpu.triad\"")).starts_with("suite.toml:3: cpu.triad needs the parameter `n`")
    );
    assert_eq!(said(&one("workload = \"cpu.triad\"\nn = 0")), "suite.toml:4: n = \"0\" is empty: at least 1");
    assert_eq!(
        said(&one("workload = \"cpu.triad\"\nn = 1000000000")),
        "suite.toml:4: n = 1000000000 needs 22.4 GiB of memory but 4.0 GiB are available: choose a smaller size"
    );
    let huge = said(&one("workload = \"cpu.gemm\"\nn = 9223372036854775807"));
    assert!(huge.starts_with("suite.toml:4: n = 9223372036854775807 needs 16.0 EiB of memory"), "{huge}");
    assert_eq!(
        said(&one("workload = \"cpu.triad\"\nn = 8\nthreads = 64")),
        "suite.toml:5: threads = \"64\" is more than the 2 processors that this process may use"
    );
    assert_eq!(
        said(&one("workload = \"cpu.triad\"\nn = [8, \"8\"]")),
        "suite.toml:3: cpu.triad{dtype=f64,n=8,threads=1} is already there (line 3): remove one of them"
    );
}

/// The example of docs/suites.md is a suite, and the defaults it states are the code's.
#[test]
fn the_documented_example_is_right() {
    let guide = include_str!("../../docs/suites.md");
    let example =
        guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let suite = Suite::parse(example, "docs/suites.md").expect("it parses");
    assert_eq!(
        suite.policy,
        Suite::parse("name = \"x\"\n[[benchmark]]\nworkload = \"cpu.add\"", "").expect("it parses").policy
    );
    let planned = suite.expand(&machine()).expect("it fits the machine");
    assert_eq!(planned.len(), 7);
    for workload in benchlake_producers::cpu::WORKLOADS {
        assert!(guide.contains(&format!("| `{}` |", workload.name)), "{} is not documented", workload.name);
    }
}

/// A suite of a program says where it is and how it is built; each command line is a benchmark, and the
/// folder of a build is no part of it.
#[test]
fn a_program_has_benchmarks() {
    let text = |path: &str| {
        format!(
            "name = \"s\"\n[program]\npath = \"{path}\"\nbuild = \"cargo build --release\"\n\
             [[benchmark]]\nworkload = \"program\"\nargs = [\"--fast a.json\", \"'b c.json'\"]\n"
        )
    };
    let suite = Suite::parse(&text("target/release/mine"), "suite.toml").expect("a suite");
    let program = suite.program.clone().expect("a program");
    assert_eq!((program.path.as_str(), program.harness), ("target/release/mine", false));
    assert_eq!(program.build.as_deref(), Some("cargo build --release"));
    let planned = suite.expand(&machine()).expect("benchmarks");
    let names: Vec<String> = planned.iter().map(|one| one.benchmark.to_string()).collect();
    assert_eq!(names, ["program.mine{args=--fast a.json}", "program.mine{args='b c.json'}"]);
    let other = Suite::parse(&text("/elsewhere/mine"), "suite.toml").expect("a suite");
    assert_eq!(other.expand(&machine()).expect("benchmarks"), planned);
}

/// A program that measures itself brings its own benchmarks, and its policies lie under the suite's.
#[test]
fn a_harness_brings_its_benchmarks() {
    let text = "name = \"s\"\n[program]\npath = \"p\"\nharness = true\n[policy]\nmin_samples = 7\n";
    let suite = Suite::parse(text, "suite.toml").expect("a suite");
    assert!(suite.program.as_ref().is_some_and(|program| program.harness && program.build.is_none()));
    let base = Policy { min_time: Duration::from_secs(3), min_samples: 100, ..Policy::default() };
    let policy = suite.policy_over(&base).expect("a policy");
    assert_eq!((policy.min_samples, policy.min_time), (7, Duration::from_secs(3)));
    let short = Policy { max_samples: 5, min_samples: 5, ..Policy::default() };
    let error = suite.policy_over(&short).expect_err("it cannot be followed").to_string();
    assert_eq!(error, "suite.toml:6: `max_samples` is 5, less than `min_samples` = 7");
}

/// Mistakes around a program are named with their line and the way out.
#[test]
fn mistakes_in_a_program() {
    let one = |program: &str, benchmark: &str| format!("name = \"s\"\n[program]\n{program}\n{benchmark}");
    let args = "[[benchmark]]\nworkload = \"program\"\n";
    assert_eq!(said(&one("pth = \"p\"", args)), "suite.toml:3: unknown key \"pth\"; did you mean \"path\"?");
    assert_eq!(
        said(&one("build = \"make\"", args)),
        "suite.toml:2: the program has no `path`: add path = \"target/release/mine\""
    );
    assert_eq!(
        said(&one("path = \"p\"\nharness = \"yes\"", args)),
        "suite.toml:4: `harness` is a string: true or false"
    );
    assert_eq!(
        said(&one("path = \"p\"\nharness = true", args)),
        "suite.toml:5: a program with `harness = true` brings its own benchmarks: remove [[benchmark]], and \
         choose with a filter"
    );
    assert_eq!(
        said(&one("path = \"p\"", &format!("{args}arg = \"a\""))),
        "suite.toml:6: unknown parameter \"arg\" of program; did you mean \"args\"?"
    );
    assert_eq!(
        said(&one("path = \"p\"", &format!("{args}args = [\"a\", \"'b\"]"))),
        "suite.toml:6: args = \"'b\" ends inside a quotation: close it"
    );
    assert_eq!(
        said(&format!("name = \"s\"\n{args}")),
        "suite.toml:3: the workload \"program\" has no program: add [program] with path = \"target/release/mine\""
    );
    assert_eq!(
        said("name = \"s\"\nprogram = \"p\""),
        "suite.toml:2: `program` is a string: write it as [program]"
    );
}
