//! Randomness by name: what is drawn depends on what it is for, never on what was drawn before it.

use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use sha2::{Digest, Sha256};

/// The SHA-256 of `key`, of which of a kind of things, and of the kind.
pub(super) fn digest(key: &[u8], which: [u32; 3], kind: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(key);
    which.iter().for_each(|number| hash.update(number.to_le_bytes()));
    hash.update(kind);
    hash.finalize().into()
}

/// A stream of its own for the `which`th of a kind. Xoshiro256++ is named, as the algorithm behind
/// rand's standard generator may change.
pub(super) fn stream(seed: u64, which: [u32; 3], kind: &str) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::from_seed(digest(&seed.to_le_bytes(), which, kind))
}
