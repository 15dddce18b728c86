//! `cpu.memcpy`: the C library's copy of a block of bytes.

use super::{
    buffer::Numbers,
    parameters::Values,
    team::{Part, share},
};
use benchlake_schemas::Work;

/// One thread's share of both blocks.
pub(crate) struct Memcpy {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Memcpy {
    pub(crate) fn new(values: &Values, seed: u64, index: usize) -> Self {
        let len = share(values.size[1], values.threads, index).len();
        let mut numbers = Numbers::new(seed, index as u64);
        let mut from = Vec::with_capacity(len.next_multiple_of(8));
        while from.len() < len {
            from.extend_from_slice(&numbers.next().to_le_bytes());
        }
        from.truncate(len);
        Self { from, to: vec![1; len] }
    }
}

/// Work of one iteration: each byte is read and written.
pub(crate) fn work(bytes: i64) -> Work {
    Work { flops: None, bytes: Some(2 * bytes), items: Some(bytes), work_model: Some("copy-2n/1".into()) }
}

impl Part for Memcpy {
    #[inline]
    fn run(&mut self) {
        self.to.copy_from_slice(&self.from);
    }

    /// The share of bytes that differ.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn check(&mut self) -> f64 {
        let different = self.to.iter().zip(&self.from).filter(|(to, from)| to != from).count();
        different as f64 / self.to.len() as f64
    }
}
