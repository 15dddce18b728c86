//! Twenty kinds of work of a few microseconds. Each is a number of equal steps, so that 2 % more of
//! them is a slowdown of 2 % without any other code.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    hint::black_box,
};

/// Steps of the baseline.
pub const STEPS: usize = 100;
/// Steps of a candidate that is 2 % slower.
pub const SLOWER: usize = 102;

/// The environment variable by which a peer is told the number of steps.
pub const VARIABLE: &str = "MEASURE_PEERS_STEPS";

/// What the steps read, the same in every process.
#[derive(Debug)]
pub struct Inputs {
    numbers: [u32; 1024],
    sorted: [u32; 1024],
    /// One cycle through all places.
    next: [u32; 1024],
    floats: [f64; 256],
    bytes: [u8; 4096],
    text: String,
    decimals: Vec<String>,
}

impl Default for Inputs {
    fn default() -> Self {
        let mut state = 42;
        let mut random = || {
            state = xorshift(state);
            state
        };
        let numbers: [u32; 1024] = std::array::from_fn(|_| (random() >> 32) as u32);
        let mut sorted = numbers;
        sorted.sort_unstable();
        // Sattolo's algorithm: a permutation of one cycle.
        let mut next: [u32; 1024] = std::array::from_fn(|i| i as u32);
        for i in (1..next.len()).rev() {
            next.swap(i, (random() % i as u64) as usize);
        }
        Self {
            sorted,
            next,
            floats: std::array::from_fn(|_| 1.0 + (random() >> 11) as f64 / (1_u64 << 53) as f64),
            bytes: std::array::from_fn(|_| (random() >> 56) as u8),
            text: "Zeit ist, was die Uhr anzeigt: 5 µs. ".repeat(4),
            decimals: numbers.iter().take(16).map(u32::to_string).collect(),
            numbers,
        }
    }
}

fn xorshift(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

/// A kind of work, by its name: executes that many steps.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Executes the steps; what it returns depends on all of them.
    pub run: fn(&Inputs, usize) -> u64,
}

/// A function that executes a step again and again; what a step begins with is opaque, so that none
/// is left out, merged with its neighbour or done for several at once.
macro_rules! kinds {
    ($($name:ident: |$inputs:ident, $x:ident| $step:expr;)*) => {
        $(
            #[inline(never)]
            fn $name(inputs: &Inputs, steps: usize) -> u64 {
                let mut state = 1_u64;
                for _ in 0..steps {
                    let ($inputs, $x) = (black_box(inputs), black_box(state));
                    state = $step;
                }
                state
            }
        )*

        /// All of them.
        pub const KINDS: &[Kind] = &[$(Kind { name: stringify!($name), run: $name }),*];
    };
}

kinds! {
    multiply: |_inputs, x| (0..8).fold(x, |x, _| (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9));
    divide: |_inputs, x| (1..4).fold(x | 1 << 63, |x, i| x / (i + 2) + u64::MAX / 2);
    shift: |_inputs, x| (0..6).fold(x, |x, _| xorshift(x));
    population: |inputs, x| {
        x + inputs.numbers[..64].iter().map(|n| u64::from((n ^ x as u32).count_ones())).sum::<u64>()
    };
    float_add: |_inputs, x| (0..12).fold(x as f64, |y, _| y + 0.1).to_bits() >> 40;
    float_multiply: |_inputs, x| (0..6).fold(1.0 + x as f64 * 1e-20, |y, _| y * 0.75 + 0.25).to_bits() >> 40;
    float_divide: |_inputs, x| (0..4).fold(1.0 + x as f64 * 1e-20, |y, _| 2.0 / y).to_bits() >> 40;
    root: |_inputs, x| (0..3).fold(2.0 + x as f64 * 1e-20, |y, _| y.sqrt() + 1.0).to_bits() >> 40;
    exponential: |_inputs, x| (0..2).fold(x as f64 * 1e-20, |y, _| (-y).exp()).to_bits() >> 40;
    dot: |inputs, x| {
        let products = inputs.floats[..64].iter().zip(&inputs.floats[64..128]).map(|(a, b)| a * b);
        x ^ products.sum::<f64>().to_bits()
    };
    matrix: |inputs, x| {
        let (a, b) = (&inputs.floats[..16], &inputs.floats[16..32]);
        let mut c = [0.0; 16];
        for i in 0..4 {
            for j in 0..4 {
                c[4 * i + j] = (0..4).map(|k| a[4 * i + k] * b[4 * k + j]).sum();
            }
        }
        x ^ black_box(c)[5].to_bits()
    };
    network: |inputs, x| {
        // A sorting network, as branches of a sort are learnt or not and no 2 % more steps cost 2 %.
        let mut numbers = [0; 8];
        numbers.copy_from_slice(&inputs.numbers[..8]);
        for round in 0..8 {
            for i in (round % 2..7).step_by(2) {
                let (a, b) = (numbers[i], numbers[i + 1]);
                (numbers[i], numbers[i + 1]) = (a.min(b), a.max(b));
            }
        }
        x ^ u64::from(black_box(numbers)[3])
    };
    search: |inputs, x| {
        let wanted = inputs.numbers[x as usize % 8];
        x.wrapping_add(inputs.sorted.binary_search(&wanted).unwrap_or(0) as u64)
    };
    tree: |inputs, x| {
        let mut node = 1;
        while node < 512 {
            node = 2 * node + usize::from(inputs.numbers[node] & 1 == 1);
        }
        x ^ node as u64
    };
    chase: |inputs, x| (0..8).fold(x % 1024, |place, _| u64::from(inputs.next[place as usize % 1024]));
    copy_small: |inputs, x| {
        let mut to = [0_u8; 256];
        to.copy_from_slice(&inputs.bytes[..256]);
        x ^ u64::from(black_box(to)[9])
    };
    copy_large: |inputs, x| {
        let mut to = [0_u8; 4096];
        to.copy_from_slice(&inputs.bytes);
        x ^ u64::from(black_box(&mut to)[9])
    };
    hash: |inputs, x| {
        let mut hasher = DefaultHasher::new();
        (x, &inputs.bytes[..32]).hash(&mut hasher);
        hasher.finish()
    };
    parse: |inputs, x| {
        inputs.decimals[..4].iter().map(|text| text.parse::<u64>().unwrap_or(0)).fold(x, |x, n| x ^ n)
    };
    decode: |inputs, x| {
        x ^ std::str::from_utf8(black_box(inputs.text.as_bytes())).map_or(0, |text| text.len() as u64)
    };
}

/// The steps that this process was told to make.
///
/// # Panics
/// Where the variable holds no number.
#[must_use]
pub fn steps_told() -> usize {
    let told = std::env::var(VARIABLE);
    told.map_or(STEPS, |text| text.parse().expect("MEASURE_PEERS_STEPS is a number of steps"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind does something that depends on the number of steps or not at all on chance, and is
    /// named once.
    #[test]
    fn kinds_repeat() {
        let inputs = Inputs::default();
        let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        for kind in KINDS {
            assert_eq!((kind.run)(&inputs, STEPS), (kind.run)(&Inputs::default(), STEPS), "{}", kind.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 20);
    }
}
