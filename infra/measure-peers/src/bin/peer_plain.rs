//! The bodies in one plain loop each, by the monotonic clock: what they really take.
//!
//! Prints `name nanoseconds` a line, the fastest of some repeats: what else runs only adds.

use measure_peers::{
    SEED, empty, five,
    kinds::{Inputs, KINDS, SLOWER, STEPS},
};
use std::{hint::black_box, time::Instant};

/// Executions of a body in a repeat, and repeats: 10⁸ in all, in parts of which many are undisturbed.
/// Two readings of the clock are less than 0.01 % of a part.
const EXECUTIONS: u32 = 200_000;
const REPEATS: usize = 500;
/// The same for the kinds, which take longer.
const KIND_EXECUTIONS: u32 = 100;
const KIND_REPEATS: usize = 200;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("kinds") {
        kinds();
    } else {
        println!("body_empty {}", fastest(REPEATS, EXECUTIONS, empty));
        println!("body_five {}", fastest(REPEATS, EXECUTIONS, || five(black_box(SEED))));
    }
}

/// For every kind: its time, and the ratio of 2 % more steps to it, each the fastest, in turns.
fn kinds() {
    let inputs = Inputs::default();
    for kind in KINDS {
        let mut fastest = [f64::INFINITY; 2];
        for _ in 0..KIND_REPEATS {
            for (fastest, steps) in fastest.iter_mut().zip([STEPS, SLOWER]) {
                let time = time(KIND_EXECUTIONS, || (kind.run)(&inputs, black_box(steps)));
                *fastest = fastest.min(time);
            }
        }
        println!("{} {} {}", kind.name, fastest[0], fastest[1] / fastest[0]);
    }
}

fn fastest(repeats: usize, executions: u32, body: impl Fn() -> u64 + Copy) -> f64 {
    (0..repeats).map(|_| time(executions, body)).fold(f64::INFINITY, f64::min)
}

/// Nanoseconds an execution; nothing is subtracted.
#[inline(never)]
fn time(executions: u32, body: impl Fn() -> u64) -> f64 {
    let start = Instant::now();
    for _ in 0..executions {
        black_box(body());
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(executions)
}
