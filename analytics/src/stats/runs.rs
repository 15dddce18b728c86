//! Two lists merged: all that tests by ranks need.

/// How many values of each list are equal to one another: one run for each different value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// How many of the first list.
    pub(super) a: u64,
    /// How many of the second.
    pub(super) b: u64,
}

/// The runs of two lists without a NaN, from the least value on, in O(n log n).
pub(super) fn runs(a: &[f64], b: &[f64]) -> Vec<Run> {
    let mut values: Vec<(f64, bool)> =
        a.iter().map(|&value| (value, true)).chain(b.iter().map(|&value| (value, false))).collect();
    values.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    // Not by bits: zeros of either sign are equal.
    let same = values.chunk_by(|one, other| one.0 >= other.0);
    let run = |values: &[(f64, bool)]| {
        let of_a = values.iter().filter(|value| value.1).count();
        Run { a: of_a as u64, b: (values.len() - of_a) as u64 }
    };
    same.map(run).collect()
}

/// In how many pairs the value of the second list is the larger one, and in how many both are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pairs {
    pub(super) larger: u64,
    pub(super) equal: u64,
}

impl Pairs {
    pub(super) fn of(runs: &[Run]) -> Self {
        let (mut pairs, mut below) = (Self { larger: 0, equal: 0 }, 0);
        for run in runs {
            pairs.larger += below * run.b;
            pairs.equal += run.a * run.b;
            below += run.a;
        }
        pairs
    }
}
