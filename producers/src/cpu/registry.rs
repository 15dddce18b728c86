//! The workloads by name.

use super::{
    add, alloc,
    element::Element,
    error::{WorkloadError, hint},
    gemm, memcpy,
    parameters::{BYTES, DTYPE, ELEMENTS, Parameter, Spec, THREADS, Values},
    reduce,
    size::Footprint,
    team::{Part, Team},
    triad,
};
use crate::{
    environment::Topology,
    measure::{Workload, WrongResult},
};
use benchlake_schemas::{Benchmark, Check, Work};
use std::collections::BTreeMap;

const M: Parameter = Parameter { name: "m", meaning: "rows of A and C; n where not given", default: None };
const N: Parameter = Parameter {
    name: "n",
    meaning: "columns of B and C, such as 512, or \"L1\", \"L2\", \"L3\", \"memory\"",
    default: None,
};
const K: Parameter =
    Parameter { name: "k", meaning: "columns of A and rows of B; n where not given", default: None };

/// Every workload of this build.
pub const WORKLOADS: [Spec; 6] = [
    Spec {
        name: "cpu.gemm",
        summary: "dense matrix product C = A·B",
        parameters: &[DTYPE, N, M, K, THREADS],
        footprint: Footprint::Matrices,
    },
    Spec {
        name: "cpu.triad",
        summary: "a = b + s·c, element by element",
        parameters: &[DTYPE, ELEMENTS, THREADS],
        footprint: Footprint::Arrays(3),
    },
    Spec {
        name: "cpu.add",
        summary: "c = a + b, element by element",
        parameters: &[DTYPE, ELEMENTS, THREADS],
        footprint: Footprint::Arrays(3),
    },
    Spec {
        name: "cpu.reduce",
        summary: "the sum of an array",
        parameters: &[DTYPE, ELEMENTS, THREADS],
        footprint: Footprint::Arrays(1),
    },
    Spec {
        name: "cpu.memcpy",
        summary: "the C library's copy of a block",
        parameters: &[BYTES, THREADS],
        footprint: Footprint::Arrays(2),
    },
    Spec {
        name: "cpu.alloc",
        summary: "allocate a block, touch its pages, free it",
        parameters: &[BYTES, THREADS],
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
    let (benchmark, values) = spec.plan(&benchmark.parameters, &Topology::read())?;
    let label = benchmark.to_string();
    Ok(if values.f64 {
        open_as::<f64>(spec, label, values, seed)
    } else {
        open_as::<f32>(spec, label, values, seed)
    })
}

fn open_as<T: Element>(spec: &Spec, label: String, values: Values, seed: u64) -> Box<dyn Workload> {
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
    let running = |work, reference, tolerance| Facts { label, work, reference, tolerance };
    match spec.name {
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
}

/// A team with the facts of its benchmark.
struct Running<P: Part> {
    team: Team<P>,
    facts: Facts,
}

impl<P: Part> Running<P> {
    fn start(
        facts: Facts,
        threads: usize,
        make: impl Fn(usize) -> P + Send + Sync + 'static,
    ) -> Box<dyn Workload> {
        Box::new(Self { team: Team::new(threads, make), facts })
    }
}

impl<P: Part> Workload for Running<P> {
    #[inline]
    fn run(&mut self, iterations: u64) {
        self.team.run(iterations);
    }

    fn check(&mut self) -> Result<Check, WrongResult> {
        let Facts { label, reference, tolerance, .. } = &self.facts;
        WrongResult::judge(label, reference, self.team.check(), *tolerance)
    }

    fn work(&self) -> Work {
        self.facts.work.clone()
    }
}
