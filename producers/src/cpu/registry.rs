//! The workloads by name.

use super::{
    add, alloc,
    element::Element,
    error::{WorkloadError, hint},
    fma, gemm, latency, memcpy,
    parameters::{BYTES, CACHE, DTYPE, ELEMENTS, Parameter, STORE, Spec, THREADS, Values},
    reduce,
    size::Footprint,
    streaming,
    sweep::Sweep,
    team::{Part, Team},
    triad,
};
use crate::{
    environment::Topology,
    measure::{Workload, WrongResult},
};
use benchlake_schemas::{Benchmark, Check, Work};
use std::collections::BTreeMap;

const M: Parameter = Parameter::number("m", "rows of A and C; n where not given");
const N: Parameter =
    Parameter::number("n", "columns of B and C, such as 512, or \"L1\", \"L2\", \"L3\", \"memory\"");
const K: Parameter = Parameter::number("k", "columns of A and rows of B; n where not given");

/// Every workload of this build.
pub const WORKLOADS: [Spec; 8] = [
    Spec {
        name: "cpu.fma",
        summary: "chains of fused multiply-adds in registers",
        parameters: &[DTYPE, THREADS, CACHE],
        footprint: Footprint::Registers,
    },
    Spec {
        name: "cpu.latency",
        summary: "loads, each of which needs the one before",
        parameters: &[BYTES, CACHE],
        footprint: Footprint::Lines,
    },
    Spec {
        name: "cpu.gemm",
        summary: "dense matrix product C = A·B",
        parameters: &[DTYPE, N, M, K, THREADS, CACHE],
        footprint: Footprint::Matrices,
    },
    Spec {
        name: "cpu.triad",
        summary: "a = b + s·c, element by element",
        parameters: &[DTYPE, ELEMENTS, THREADS, STORE, CACHE],
        footprint: Footprint::Arrays(3),
    },
    Spec {
        name: "cpu.add",
        summary: "c = a + b, element by element",
        parameters: &[DTYPE, ELEMENTS, THREADS, CACHE],
        footprint: Footprint::Arrays(3),
    },
    Spec {
        name: "cpu.reduce",
        summary: "the sum of an array",
        parameters: &[DTYPE, ELEMENTS, THREADS, CACHE],
        footprint: Footprint::Arrays(1),
    },
    Spec {
        name: "cpu.memcpy",
        summary: "the C library's copy of a block",
        parameters: &[BYTES, THREADS, CACHE],
        footprint: Footprint::Arrays(2),
    },
    Spec {
        name: "cpu.alloc",
        summary: "allocate a block, touch its pages, free it",
        parameters: &[BYTES, THREADS, CACHE],
        footprint: Footprint::PerThread,
    },
];

/// The workload called `name`.
///
/// # Errors
/// [`WorkloadError::UnknownWorkload`], with the nearest name.
pub fn spec(name: &str) -> Result<&'static Spec, WorkloadError> {
    WORKLOADS.iter().find(|spec| spec.name == name).ok_or_else(|| WorkloadError::UnknownWorkload {
        name: name.to_owned(),
        hint: hint(name, WORKLOADS.iter().map(|spec| spec.name)),
    })
}

/// The canonical benchmark of the workload `name` with the parameters `given`: defaults filled in,
/// symbolic sizes and `threads = "all"` resolved for `topology`. Allocates none of its buffers.
///
/// # Errors
/// [`WorkloadError`] if the workload or a parameter is unknown, missing or impossible there.
pub fn plan(
    name: &str,
    given: &BTreeMap<String, String>,
    topology: &Topology,
) -> Result<Benchmark, WorkloadError> {
    Ok(spec(name)?.plan(given, topology)?.0)
}

/// Sets up `benchmark`, as planned here or on another node: allocates, seeds its inputs, starts its
/// threads.
///
/// # Errors
/// [`WorkloadError`] if it is unknown or impossible on this machine.
pub fn open(benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, WorkloadError> {
    let spec = spec(&benchmark.name)?;
    let topology = Topology::read();
    let (benchmark, values) = spec.plan(&benchmark.parameters, &topology)?;
    if values.streaming && !streaming::AVAILABLE {
        return Err(WorkloadError::Unsupported {
            parameter: STORE.name,
            value: "nt".into(),
            problem: format!("{} has no streaming stores", std::env::consts::ARCH),
        });
    }
    let sweep = values.cold.then(|| Sweep::new(&topology));
    let label = benchmark.to_string();
    Ok(if values.f64 {
        open_as::<f64>(spec, label, values, seed, sweep)
    } else {
        open_as::<f32>(spec, label, values, seed, sweep)
    })
}

fn open_as<T: Element>(
    spec: &Spec,
    label: String,
    values: Values,
    seed: u64,
    sweep: Option<Sweep>,
) -> Box<dyn Workload> {
    let [m, n, k] = values.size.map(signed);
    let threads = values.threads;
    // Rounding errors of sums of k terms grow like √k with a probability next to one, and never
    // above k (Higham and Mary, SIAM J. Sci. Comput. 41, 2019).
    let summed = |terms: i64| {
        #[expect(clippy::cast_precision_loss, reason = "a tolerance")]
        let terms = terms as f64;
        T::ROUNDOFF * (terms.min(10.0 * terms.sqrt()) + 4.0)
    };
    let elementwise = 2.0 * T::ROUNDOFF;
    let running = |work, reference, tolerance| Facts { label, work, reference, tolerance, sweep };
    match spec.name {
        "cpu.fma" => {
            let tolerance = summed(signed(fma::steps::<T>()));
            let facts = running(fma::work(signed(threads)), "the chains' closed form in f64", tolerance);
            Running::start(facts, threads, move |i| fma::Fma::<T>::new(seed, i))
        }
        "cpu.latency" => {
            let facts = running(latency::work(), "a cycle through every node", 0.0);
            Running::start(facts, threads, move |_| latency::Latency::new(&values, seed))
        }
        "cpu.gemm" => {
            let facts =
                running(gemm::work([m, n, k], T::BYTES), "dot products in twice f64's precision", summed(k));
            let operands = gemm::Operands::<T>::new(&values, seed);
            Running::start(facts, threads, move |i| gemm::Gemm::new(&values, seed, i, &operands))
        }
        "cpu.triad" => {
            let facts = running(triad::work::<T>(n), "fused f64 arithmetic", elementwise);
            Running::start(facts, threads, move |i| triad::Triad::<T>::new(&values, seed, i))
        }
        "cpu.add" => {
            let facts = running(add::work::<T>(n), "compensated f64 addition", elementwise);
            Running::start(facts, threads, move |i| add::Add::<T>::new(&values, seed, i))
        }
        "cpu.reduce" => {
            let facts = running(reduce::work::<T>(n), "compensated f64 sum", summed(n));
            let partial = reduce::partials(threads);
            Running::start(facts, threads, move |i| reduce::Reduce::<T>::new(&values, seed, i, &partial))
        }
        "cpu.memcpy" => {
            let facts = running(memcpy::work(n), "the source, byte by byte", 0.0);
            Running::start(facts, threads, move |i| memcpy::Memcpy::new(&values, seed, i))
        }
        _ => {
            let facts = running(alloc::work(signed(threads)), "what was written, byte by byte", 0.0);
            Running::start(facts, threads, move |_| alloc::Alloc::new(&values))
        }
    }
}

/// Sizes were checked to be below 2^63.
fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// What is known of a benchmark beside its kernel.
struct Facts {
    label: String,
    work: Work,
    reference: &'static str,
    tolerance: f64,
    sweep: Option<Sweep>,
}

/// A team with the facts of its benchmark.
struct Running<P: Part> {
    team: Team<P>,
    label: String,
    work: Work,
    reference: &'static str,
    tolerance: f64,
    cold: bool,
}

impl<P: Part> Running<P> {
    fn start(
        facts: Facts,
        threads: usize,
        make: impl Fn(usize) -> P + Send + Sync + 'static,
    ) -> Box<dyn Workload> {
        let Facts { label, work, reference, tolerance, sweep } = facts;
        let cold = sweep.is_some();
        let team = Team::new(threads, sweep, make);
        Box::new(Self { team, label, work, reference, tolerance, cold })
    }
}

impl<P: Part> Workload for Running<P> {
    #[inline]
    fn run(&mut self, iterations: u64) {
        self.team.run(iterations);
    }

    fn prepare(&mut self, _: u64) {
        if self.cold {
            self.team.empty_caches();
        }
    }

    /// Caches are cold once.
    fn fixed_iterations(&self) -> Option<u64> {
        self.cold.then_some(1)
    }

    fn check(&mut self) -> Result<Check, WrongResult> {
        WrongResult::judge(&self.label, self.reference, self.team.check(), self.tolerance)
    }

    fn work(&self) -> Work {
        self.work.clone()
    }
}
