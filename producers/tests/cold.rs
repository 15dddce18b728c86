//! What is promised of cold variants and peaks, by real times; the fastest of several, as other tests
//! run beside it.

use benchlake_producers::{
    cpu,
    environment::Topology,
    measure::{Clock, Workload},
};
use std::collections::BTreeMap;

fn open(name: &str, given: &[(&str, &str)]) -> Box<dyn Workload> {
    let given =
        given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>();
    let benchmark = cpu::plan(name, &given, &Topology::read()).expect("a benchmark");
    let mut workload = cpu::open(&benchmark, 1).expect("a workload");
    workload.check().expect("a right result");
    workload
}

/// Nanoseconds of the fastest of `samples` single iterations, each prepared.
fn fastest(workload: &mut dyn Workload, samples: usize) -> u64 {
    let clock = Clock::calibrate();
    let time = |_| {
        workload.prepare(1);
        let start = clock.now();
        workload.run(1);
        clock.now() - start
    };
    (0..samples).map(time).min().expect("a sample")
}

/// A sum over half of L2 takes longer from memory than from L2, and a sample of it is one iteration.
#[test]
fn cold_is_slower_than_hot() {
    let threads = Topology::read().cpus.min(2).to_string();
    for threads in ["1", &threads] {
        let of = |cache| open("cpu.reduce", &[("n", "L2"), ("threads", threads), ("cache", cache)]);
        let (mut hot, mut cold) = (of("hot"), of("cold"));
        assert_eq!((hot.fixed_iterations(), cold.fixed_iterations()), (None, Some(1)));
        let (hot, cold) = (fastest(hot.as_mut(), 300), fastest(cold.as_mut(), 20));
        assert!(cold > hot * 3 / 2, "{threads} threads: cold {cold} ns, hot {hot} ns");
    }
}

/// Loads of a chase through memory take several times as long as through L1.
#[test]
fn memory_answers_later_than_level_1() {
    let latency = |bytes| fastest(open("cpu.latency", &[("bytes", bytes)]).as_mut(), 200);
    let (first, memory) = (latency("L1"), latency("memory"));
    assert!(memory > 5 * first, "memory {memory} ns, L1 {first} ns for 1024 loads");
}

/// Nothing computes faster than the chains in registers: not the matrix product either.
#[test]
fn fma_is_the_peak() {
    for dtype in ["f32", "f64"] {
        let (mut fma, mut gemm) =
            (open("cpu.fma", &[("dtype", dtype)]), open("cpu.gemm", &[("dtype", dtype), ("n", "192")]));
        #[expect(clippy::cast_precision_loss, reason = "flops and nanoseconds of milliseconds")]
        let rate = |workload: &mut dyn Workload| {
            let flops = workload.work().flops.expect("flops") as f64;
            flops / fastest(workload, 300) as f64
        };
        let (peak, product) = (rate(fma.as_mut()), rate(gemm.as_mut()));
        eprintln!("{dtype}: fma {peak:.1} GFLOP/s, gemm {product:.1} GFLOP/s");
        assert!(peak > 0.97 * product, "{dtype}: fma {peak} GFLOP/s, gemm {product} GFLOP/s");
    }
}
