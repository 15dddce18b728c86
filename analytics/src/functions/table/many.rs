//! Deciding about many tests at once.

use super::{Aggregate, Family, Function, Kind, ONE};
use crate::stats;

/// What functions of a list of p-values have in common.
const MANY: Function = Function {
    family: Family::ManyTests,
    lists: &["ps"],
    returns: "list of double",
    aggregate: Aggregate::No,
    ..ONE
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "benjamini_hochberg",
        what: "The p-values adjusted for how many there are, independent or positively dependent: to call those at most q keeps the false-discovery rate at q. A value beside each, null beside a null; a NaN, a test that could not be made, stays NaN and does not count.",
        formula: "p̃₍ᵢ₎ = min(1, min over j ≥ i of m · p₍ⱼ₎ / j)",
        source: "Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995); as `statsmodels.stats.multitest.multipletests(method=\"fdr_bh\")`",
        example: "benjamini_hochberg([0.75, 0.125, NULL, 0.25])",
        result: "[0.75, 0.375, null, 0.375]",
        kind: Kind::Each(|ps, _| Some(stats::benjamini_hochberg(ps))),
        ..MANY
    },
    Function {
        name: "benjamini_yekutieli",
        what: "The p-values adjusted for how many there are, however they depend on one another; see `benjamini_hochberg`.",
        formula: "p̃₍ᵢ₎ = min(1, min over j ≥ i of m (1 + 1/2 + … + 1/m) · p₍ⱼ₎ / j)",
        source: "Benjamini and Yekutieli, Annals of Statistics 29 (2001); as `statsmodels.stats.multitest.multipletests(method=\"fdr_by\")`",
        example: "benjamini_yekutieli([0.25, 0.125])",
        result: "[0.375, 0.375]",
        kind: Kind::Each(|ps, _| Some(stats::benjamini_yekutieli(ps))),
        ..MANY
    },
];
