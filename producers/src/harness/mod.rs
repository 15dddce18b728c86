//! Benchmarks of a project's own functions: a `benches/` file with `harness = false`.
//!
//! ```
//! use benchlake_producers::harness::Harness;
//! use std::hint::black_box;
//!
//! let mut harness = Harness::new("numbers");
//! harness
//!     .function("sort", |b| {
//!         let n: usize = b.parameter("n");
//!         let numbers: Vec<u64> = b.random().take(n).collect();
//!         b.items(n).inputs(move || numbers.clone()).iter_mut(|numbers| numbers.sort_unstable())
//!             .check("its order", |(numbers, ())| numbers.is_sorted())
//!     })
//!     .axis("n", [100, 10_000]);
//! harness.function("parse", |b| b.iter(|| black_box("1024").parse::<u64>()));
//! // In a `benches/` file: fn main() -> std::process::ExitCode { …; harness.main() }
//! ```
//!
//! [`Harness::main`] starts the same program again as a fresh process per session, so that what differs
//! between processes (addresses, hash seeds, the state of the allocator) is seen, and a benchmark that
//! panics, hangs or exits takes nothing with it. What is measured goes to a spool, and to a table for
//! people.

mod bencher;
mod body;
mod launch;
mod once;
mod options;
mod registered;
mod routine;
mod summary;
mod table;

pub use crate::measure::{Policy, Workload, WrongResult};
pub use bencher::{Bencher, Inputs};
pub use benchlake_schemas::{Check, Work};
pub use routine::{Outcome, Routine};

use crate::process;
use options::{Action, Options};
use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

/// Changes a policy.
type Change = Box<dyn Fn(&mut Policy)>;

/// The benchmarks of a program.
pub struct Harness {
    name: String,
    changes: Vec<Change>,
    functions: Vec<Function>,
}

/// A function with its parameters: a benchmark per combination of their values.
pub struct Function {
    name: String,
    axes: Vec<(String, Vec<String>)>,
    changes: Vec<Change>,
    make: Box<dyn Fn(Bencher) -> Box<dyn Workload>>,
}

impl Harness {
    /// A program's benchmarks, under the name that its suite has in the lake.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), changes: Vec::new(), functions: Vec::new() }
    }

    /// Changes how every function is sampled. What is asked for on the command line, or by the suite of
    /// `benchlake run`, comes on top.
    pub fn policy(&mut self, change: impl Fn(&mut Policy) + 'static) -> &mut Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Adds a function. `make` is called in each session, once per benchmark, outside the timing: what
    /// it does before it hands the routine over is setup. Its captures are moved into the routine.
    ///
    /// A [`Workload`] of one's own does as well as what [`Bencher`] makes.
    pub fn function<W: Workload + 'static>(
        &mut self,
        name: impl Into<String>,
        make: impl Fn(Bencher) -> W + 'static,
    ) -> &mut Function {
        let make = Box::new(move |bencher| Box::new(make(bencher)) as Box<dyn Workload>);
        let function = Function { name: name.into(), axes: Vec::new(), changes: Vec::new(), make };
        self.functions.push_mut(function)
    }

    /// Does what the program's arguments say and returns its exit code: see `--help`.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let words: Vec<_> =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        match self.obey(&words) {
            Ok(code) => code.into(),
            Err(error) => {
                // Nobody is left to tell if this fails.
                let _ = writeln!(io::stderr(), "error: {error}");
                exit_code(error.as_ref()).into()
            }
        }
    }

    fn obey(&self, words: &[String]) -> Result<u8, Box<dyn Error>> {
        if words == crate::session::supervise::ARGUMENTS {
            return process::measure_session(&process::read_spec()?, self);
        }
        let options = Options::parse(words)?;
        match options.action {
            Action::Help => launch::print(options::HELP),
            Action::List => launch::list(self, &options),
            Action::Test => launch::test(self, &options),
            Action::Measure => launch::measure(self, &options),
        }
    }
}

impl Function {
    /// Adds a parameter and its values; `b.parameter(name)` is the one in turn. Each combination of all
    /// parameters is a benchmark.
    pub fn axis<V: ToString>(
        &mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        self.axes.push((name.into(), values.into_iter().map(|value| value.to_string()).collect()));
        self
    }

    /// Changes how this function is sampled, over what the harness says.
    pub fn policy(&mut self, change: impl Fn(&mut Policy) + 'static) -> &mut Self {
        self.changes.push(Box::new(change));
        self
    }
}

/// The exit code for what kept the program from measuring.
fn exit_code(error: &(dyn Error + 'static)) -> u8 {
    if error.is::<options::Misuse>() {
        return process::exit::USAGE;
    }
    error.downcast_ref().map_or(process::exit::INTERNAL, process::exit_code)
}
