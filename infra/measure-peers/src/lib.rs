//! The bodies that our sampler, criterion and divan measure, each compiled into the loop of its tool.

pub mod kinds;

/// The empty body: what it takes is the tool's own loop.
#[inline(always)]
#[must_use]
pub fn empty() -> u64 {
    7
}

/// Multiplications in [`five`].
const MULTIPLICATIONS: u32 = 12;

/// A body of about 5 ns: a chain of multiplications, each of which needs the one before. Executions
/// do not need each other, so that no tool's way of keeping the result makes the chain longer.
#[inline(always)]
#[must_use]
pub fn five(seed: u64) -> u64 {
    let mut x = seed;
    for _ in 0..MULTIPLICATIONS {
        x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^= x >> 32;
    }
    x
}

/// What [`five`] begins with.
pub const SEED: u64 = 7;
