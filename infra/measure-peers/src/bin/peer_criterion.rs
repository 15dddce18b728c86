//! The bodies, measured by criterion.

use criterion::{Criterion, criterion_group, criterion_main};
use measure_peers::{
    SEED, empty, five,
    kinds::{Inputs, KINDS, steps_told},
};
use std::hint::black_box;

fn bodies(criterion: &mut Criterion) {
    criterion.bench_function("body_empty", |bencher| bencher.iter(empty));
    criterion.bench_function("body_five", |bencher| bencher.iter(|| five(black_box(SEED))));
}

fn kinds(criterion: &mut Criterion) {
    let (inputs, steps) = (Inputs::default(), steps_told());
    for kind in KINDS {
        let name = format!("kind_{}", kind.name);
        criterion.bench_function(&name, |bencher| bencher.iter(|| (kind.run)(&inputs, black_box(steps))));
    }
}

criterion_group!(benches, bodies, kinds);
criterion_main!(benches);
