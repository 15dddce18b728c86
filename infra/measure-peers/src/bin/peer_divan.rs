//! The bodies, measured by divan.

use divan::Bencher;
use measure_peers::{SEED, empty, five};
use std::hint::black_box;

#[divan::bench]
fn body_empty(bencher: Bencher) {
    bencher.bench(empty);
}

#[divan::bench]
fn body_five(bencher: Bencher) {
    bencher.bench(|| five(black_box(SEED)));
}

fn main() {
    divan::main();
}
