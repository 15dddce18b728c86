//! From what is stored to what is meant.

use super::{Aggregate, Function, Kind, ONE};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "per_iteration",
        lists: &["samples", "iterations"],
        returns: "list of double",
        what: "Each sample divided by its number of iterations; null where that is null or not positive. The lists of a row must be of one length.",
        example: "per_iteration([6.0, 8.0], [2, 4])",
        result: "[3.0, 2.0]",
        aggregate: Aggregate::No,
        kind: Kind::PerIteration,
        ..ONE
    },
    Function {
        name: "benchmark_label",
        lists: &["benchmark", "parameters"],
        returns: "text",
        what: "A benchmark's name on screen: its parameters sorted, in braces.",
        example: "benchmark_label('cpu.gemm', MAP {'n': '512', 'dtype': 'f32'})",
        result: "cpu.gemm{dtype=f32,n=512}",
        aggregate: Aggregate::No,
        kind: Kind::Label,
        ..ONE
    },
];
