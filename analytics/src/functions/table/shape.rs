//! What a distribution looks like.

use super::{Family, Function, Kind, ONE};
use crate::stats;

/// What the functions of this family have in common.
const SHAPE: Function = Function { family: Family::Shape, ..ONE };

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "list_skewness",
        what: "The sample skewness, corrected for bias; null below three elements or without spread.",
        formula: "G₁ = √(n(n − 1)) / (n − 2) · m₃ / m₂^(3/2)",
        source: "Joanes and Gill, The Statistician 47 (1998); as `scipy.stats.skew(bias=False)`",
        example: "round(list_skewness([1.0, 2.0, 6.0]), 4)",
        result: "1.4579",
        kind: Kind::One(|values, _| stats::skewness(values)),
        ..SHAPE
    },
    Function {
        name: "list_kurtosis",
        what: "The sample excess kurtosis, corrected for bias, 0 for normal elements; null below four elements or without spread.",
        formula: "G₂ = (n − 1) / ((n − 2)(n − 3)) · ((n + 1)(m₄ / m₂² − 3) + 6)",
        source: "Joanes and Gill, The Statistician 47 (1998); as `scipy.stats.kurtosis(bias=False)`",
        example: "round(list_kurtosis([1.0, 2.0, 3.0, 4.0]), 9)",
        result: "-1.2",
        kind: Kind::One(|values, _| stats::kurtosis(values)),
        ..SHAPE
    },
    Function {
        name: "list_dip",
        what: "Hartigan's dip, how far the elements are from having one mode. 1/(2n) is the least of n different elements.",
        formula: "the least over unimodal G of max |Fₙ − G|",
        source: "Hartigan and Hartigan, Annals of Statistics 13 (1985)",
        example: "round(list_dip([1.0, 1.1, 1.2, 9.0, 9.1, 9.2]), 4)",
        result: "0.2438",
        kind: Kind::Reordering(|values, _| stats::dip_in_place(values)),
        ..SHAPE
    },
    Function {
        name: "list_bimodality",
        what: "Sarle's bimodality coefficient, between 0 and 1. Above 5/9, that of a uniform distribution, it hints at several modes or a heavy tail; null below four elements or without spread.",
        formula: "(G₁² + 1) / (G₂ + 3(n − 1)² / ((n − 2)(n − 3)))",
        source: "SAS/STAT User's Guide, the CLUSTER procedure",
        example: "round(list_bimodality([1.0, 1.0, 1.0, 9.0, 9.0, 9.0]), 4)",
        result: "0.3429",
        kind: Kind::One(|values, _| stats::bimodality_coefficient(values)),
        ..SHAPE
    },
];
