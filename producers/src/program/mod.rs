//! `program`: an external program, from its start to its end.
//!
//! One iteration starts the program with one command line of the axis `args` and waits for its end.
//! No shell is between. What it prints is discarded. The benchmark is called after the file's name, so
//! that two builds of one program in two folders are the same benchmark.

mod process;

use crate::{
    cpu::{WorkloadError, hint},
    measure::Workload,
};
use benchlake_schemas::Benchmark;
use process::Process;
use std::{collections::BTreeMap, path::Path};

/// The workload's name in a suite.
pub(crate) const NAME: &str = "program";
/// What the names of its benchmarks begin with.
const PREFIX: &str = "program.";
/// Its one parameter: the arguments, as they would be written in a shell.
const ARGS: &str = "args";

/// The benchmark of the program at `path` with the parameters `given`: `args` alone, empty where it is
/// not given. The words of a command line that say the same are written the same.
///
/// # Errors
/// [`WorkloadError`] for an unknown parameter, and for quotation marks that do not close.
pub(crate) fn plan(path: &str, given: &BTreeMap<String, String>) -> Result<Benchmark, WorkloadError> {
    if let Some(parameter) = given.keys().find(|key| *key != ARGS) {
        return Err(WorkloadError::UnknownParameter {
            workload: NAME,
            parameter: parameter.clone(),
            hint: hint(parameter, [ARGS].into_iter()),
        });
    }
    let args = given.get(ARGS).map_or("", String::as_str);
    let bad = |problem: &str| WorkloadError::BadValue {
        parameter: ARGS,
        value: args.to_owned(),
        problem: problem.to_owned(),
    };
    let words = shlex::split(args).ok_or_else(|| bad("ends inside a quotation: close it"))?;
    let canonical = shlex::try_join(words.iter().map(String::as_str))
        .map_err(|_| bad("has a NUL character, which no argument can have: remove it"))?;
    let name = Path::new(path).file_name().map_or_else(|| path.into(), |name| name.to_string_lossy());
    Ok(Benchmark::new(format!("{PREFIX}{name}")).with(ARGS, canonical))
}

/// Whether `benchmark` is one of this workload's.
pub(crate) fn is_named(benchmark: &Benchmark) -> bool {
    benchmark.name.starts_with(PREFIX)
}

/// Sets `benchmark` up for the build `program` of its program: runs it once, which has to succeed.
///
/// # Errors
/// That no program was named, that it cannot be started, or how it failed.
pub(crate) fn open(benchmark: &Benchmark, program: Option<&Path>) -> Result<Box<dyn Workload>, String> {
    let program = program.ok_or_else(|| {
        format!("{benchmark}: the session was told of no program: name it in the suite's [program]")
    })?;
    let args = benchmark.parameters.get(ARGS).map_or("", String::as_str);
    let words = shlex::split(args).ok_or_else(|| format!("{benchmark}: `{ARGS}` ends inside a quotation"))?;
    Ok(Box::new(Process::new(program, &words)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    /// Two builds in two folders are one benchmark, and so are two ways to write the same words.
    #[test]
    fn builds_share_a_benchmark() {
        let old = plan("/old/target/release/parse", &given("args", "--fast  'a b.json'")).expect("a plan");
        let new = plan("new/parse", &given("args", r#"--fast "a b.json""#)).expect("a plan");
        assert_eq!(old.id(), new.id());
        assert_eq!(old.to_string(), "program.parse{args=--fast 'a b.json'}");
        assert!(is_named(&old) && !is_named(&Benchmark::new("cpu.add")));
    }

    /// A wrong parameter and an open quotation are named, with the way out.
    #[test]
    fn mistakes_are_named() {
        let text = |given| plan("parse", &given).expect_err("a mistake").to_string();
        assert_eq!(text(given("arg", "a")), "unknown parameter \"arg\" of program; did you mean \"args\"?");
        assert_eq!(text(given("args", "'a")), "args = \"'a\" ends inside a quotation: close it");
    }
}
