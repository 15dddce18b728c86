//! The simulated benchmarks: the names, parameters and work of the real ones, with base times
//! spread evenly in their logarithm from about 100 ns to 1 s.

use crate::cpu;
use benchlake_schemas::{Benchmark, Work};
use std::collections::BTreeSet;

/// Shortest and longest base time aimed at, in seconds.
const TIMES: (f64, f64) = (1e-7, 1.0);
/// What one simulated thread does at most: flop/s in f64, B/s.
const PEAK: f64 = 5e10;
const BANDWIDTH: f64 = 1e10;

/// One simulated benchmark.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) benchmark: Benchmark,
    pub(super) work: Work,
    /// Seconds of one iteration without noise.
    pub(super) base: f64,
}

/// `count` different benchmarks, the quickest first.
pub(super) fn catalog(count: u32) -> Vec<Entry> {
    let mut known = BTreeSet::new();
    let (shortest, longest) = TIMES;
    (0..count)
        .map(|i| {
            let place = f64::from(i) / f64::from(count.saturating_sub(1).max(1));
            let time = shortest * (longest / shortest).powf(place);
            // f64 and f32 take turns after each round of the six workloads.
            let (workload, element) = (i % 6, if (i / 6) % 2 == 0 { 8 } else { 4 });
            let mut size = two_digits(size(workload, element, time));
            loop {
                let entry = entry(workload, element, size);
                if known.insert(entry.benchmark.clone()) {
                    return entry;
                }
                size += 1;
            }
        })
        .collect()
}

/// Two significant digits, as people choose sizes.
fn two_digits(size: f64) -> i64 {
    let step = 10_f64.powf(size.log10().floor() - 1.0).max(1.0);
    ((size / step).round() * step).max(1.0) as i64
}

/// The size with which a workload takes about `time` seconds: the inverse of its base time.
fn size(workload: u32, element: i64, time: f64) -> f64 {
    let bytes = time * BANDWIDTH;
    match workload {
        0 => bytes / (3 * element) as f64,
        1 => (time * peak(element) / 2.0).cbrt(),
        2 => bytes / element as f64,
        3 => bytes / (3 * element) as f64,
        4 => bytes / 2.0,
        _ => bytes,
    }
}

/// A vector holds twice as many f32.
fn peak(element: i64) -> f64 {
    PEAK * 8.0 / element as f64
}

fn entry(workload: u32, element: i64, n: i64) -> Entry {
    let named = |name: &str| Benchmark::new(name).with("threads", 1);
    let typed = |name: &str| named(name).with("dtype", if element == 8 { "f64" } else { "f32" });
    let sized = |name: &str| typed(name).with("n", n);
    let by_type = |f64: fn(i64) -> Work, f32: fn(i64) -> Work| if element == 8 { f64(n) } else { f32(n) };
    let (benchmark, work) = match workload {
        0 => (sized("cpu.triad"), by_type(cpu::triad::work::<f64>, cpu::triad::work::<f32>)),
        1 => (sized("cpu.gemm").with("m", n).with("k", n), cpu::gemm::work([n; 3], element)),
        2 => (sized("cpu.reduce"), by_type(cpu::reduce::work::<f64>, cpu::reduce::work::<f32>)),
        3 => (sized("cpu.add"), by_type(cpu::add::work::<f64>, cpu::add::work::<f32>)),
        4 => (named("cpu.memcpy").with("bytes", n), cpu::memcpy::work(n)),
        _ => (named("cpu.alloc").with("bytes", n), cpu::alloc::work(1)),
    };
    // A roofline: the longer of computing and moving. (Williams, Waterman and Patterson,
    // Communications of the ACM 52(4), 2009.)
    let moved = work.bytes.unwrap_or(n) as f64 / BANDWIDTH;
    let base = moved.max(work.flops.unwrap_or(0) as f64 / peak(element));
    Entry { benchmark, work, base }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Benchmarks are different, real workloads know their parameters, and times spread as promised.
    #[test]
    fn benchmarks_look_real() {
        for count in [1, 12, 2_000] {
            let entries = catalog(count);
            let labels: BTreeSet<_> = entries.iter().map(|entry| entry.benchmark.to_string()).collect();
            assert_eq!(labels.len(), count as usize);
            for Entry { benchmark, base, .. } in &entries {
                let spec = cpu::spec(&benchmark.name).expect("a workload");
                let known = |name: &String| spec.parameters.iter().any(|known| known.name == name);
                assert!(benchmark.parameters.keys().all(known), "{benchmark}");
                assert!((3e-8..3.0).contains(base), "{benchmark}: {base}");
            }
        }
        let times: Vec<_> = catalog(12).iter().map(|entry| entry.base).collect();
        assert!(times[0] < 3e-7 && times[11] > 0.3 && times.is_sorted(), "{times:?}");
    }
}
