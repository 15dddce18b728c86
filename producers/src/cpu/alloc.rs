//! `cpu.alloc`: allocate a block, touch every page of it, free it. Whether that asks the system for
//! anything is up to the C library's allocator, and part of what is measured.

use super::{parameters::Values, team::Part};
use benchlake_schemas::Work;
use std::hint::black_box;

/// The smallest page of the machines we know; touching it twice on larger ones costs next to nothing.
const PAGE: usize = 4_096;

/// One thread's block.
pub(crate) struct Alloc {
    bytes: usize,
}

impl Alloc {
    pub(crate) fn new(values: &Values) -> Self {
        Self { bytes: values.size[1] }
    }

    /// A fresh block, the first byte of each of its pages written.
    #[inline]
    fn block(&self) -> Vec<u8> {
        let mut block = Vec::with_capacity(black_box(self.bytes));
        for page in block.spare_capacity_mut()[..self.bytes].iter_mut().step_by(PAGE) {
            black_box(page.write(1));
        }
        block
    }
}

/// Work of one iteration: a block in each thread. Bytes are not counted, as most are not touched.
pub(crate) fn work(threads: i64) -> Work {
    Work { flops: None, bytes: None, items: Some(threads), work_model: Some("alloc-1/1".into()) }
}

impl Part for Alloc {
    #[inline]
    fn run(&mut self) {
        drop(black_box(self.block()));
    }

    /// The share of bytes of a block that do not keep what is written to them.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn check(&mut self) -> f64 {
        let mut block = self.block();
        block.extend((0..self.bytes).map(pattern));
        let wrong = black_box(&block).iter().enumerate().filter(|(i, byte)| **byte != pattern(*i)).count();
        wrong as f64 / self.bytes as f64
    }
}

/// A byte that depends on its place and on that of its page.
fn pattern(i: usize) -> u8 {
    ((i ^ (i / PAGE)) & 0xff) as u8
}
