//! Series like those that a fleet sends: a thousand samples each, in whole nanoseconds, as clocks give
//! them.

use crate::Outcome;
use benchlake_schemas::{Benchmark, ProducerId, Record, Series, Table, sample_series};

/// Samples of a series.
pub(crate) const SAMPLES: usize = 1000;
/// Series of a record: about half a MiB of Arrow.
pub(crate) const ROWS: usize = 20;

/// A generator of the splitmix64 family: the data is the same each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal value (Box and Muller, 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

/// One series: 100 µs to 10 ms a sample, with half a per cent of noise and a tail.
pub(crate) fn series(random: &mut Random, number: usize) -> Series {
    let typical = 1e5 * 100_f64.powf(random.uniform());
    let nanoseconds = (0..SAMPLES).map(|_| {
        let tail = if random.uniform() < 0.01 { 1.0 + random.uniform() } else { 1.0 };
        (typical * (0.005 * random.normal()).exp() * tail).round()
    });
    let nanoseconds: Vec<f64> = nanoseconds.collect();
    let benchmark = Benchmark::new("cpu.gemm").with("n", 64 + number % 64).with("dtype", "f32");
    let mut series = sample_series(benchmark, &[]);
    series.samples = nanoseconds.iter().map(|nanoseconds| nanoseconds * 1e-9).collect();
    series.iterations = vec![8; SAMPLES];
    series.offsets = nanoseconds
        .iter()
        .scan(0.0, |passed, nanoseconds| {
            *passed += nanoseconds + 40.0;
            Some(*passed as i64)
        })
        .collect();
    series
}

/// `count` records of eight producers.
pub(crate) fn records(count: usize) -> Outcome<Vec<Record>> {
    let mut random = Random(1);
    let producers: Vec<_> = (0..8).map(|_| ProducerId::new()).collect();
    (0..count)
        .map(|number| {
            let rows: Vec<_> = (0..ROWS).map(|row| series(&mut random, number * ROWS + row)).collect();
            let first = (number / producers.len() * ROWS + 1) as i64;
            Ok(Record::encode(Table::Series, producers[number % producers.len()], first, &rows)?)
        })
        .collect()
}
