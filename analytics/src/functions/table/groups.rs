//! What varies: the groups or what is in them, and which of them is off.

use super::{Aggregate, Family, Function, Kind, LEVEL, ONE};
use crate::stats::{self, Grubbs, Precision, VarianceComponents};

/// What functions of a list of groups have in common.
const GROUPS: Function =
    Function { family: Family::Groups, lists: &["groups"], aggregate: Aggregate::No, ..ONE };

const ANOVA: &str =
    "Searle, Casella and McCulloch, Variance Components (1992), chapter 3; as `scipy.stats.f_oneway`";
const SHROUT: &str = "Shrout and Fleiss, Psychological Bulletin 86 (1979), ICC(1,1)";
const ISO: &str = "ISO 5725-2:1994, 7.4";
const MANDEL: &str = "Mandel, ASQC Quality Congress Transactions (1985); ISO 5725-2:1994, 7.3.1; ASTM E691";
const COCHRAN: &str = "Cochran, Annals of Eugenics 11 (1941); ISO 5725-2:1994, 7.3.3";
const GRUBBS: &str = "Grubbs, Annals of Mathematical Statistics 21 (1950); ISO 5725-2:1994, 7.3.4";

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "variance_between",
        what: "The variance of the groups' true means, 0 where its estimate is negative. A group is a list: the sessions of a node. Null below two groups, for an empty group, or where none has two elements; NaN where an element is NaN or infinite.",
        formula: "(MSB − MSW) / n₀, MSB = Σ nᵢ(x̄ᵢ − x̄)² / (a − 1), n₀ = (N − Σ nᵢ² / N) / (a − 1)",
        source: ANOVA,
        example: "variance_between([[1.0, 3.0], [5.0, 7.0]])",
        result: "7.0",
        kind: Kind::Groups(|groups, _| Some(effects(groups)?.between)),
        ..GROUPS
    },
    Function {
        name: "variance_within",
        what: "The variance of elements of one group, the mean square within; null and NaN as `variance_between`.",
        formula: "MSW = ΣΣ (x − x̄ᵢ)² / (N − a)",
        source: ANOVA,
        example: "variance_within([[1.0, 3.0], [5.0, 7.0]])",
        result: "2.0",
        kind: Kind::Groups(|groups, _| Some(effects(groups)?.within)),
        ..GROUPS
    },
    Function {
        name: "anova_f",
        what: "The F of a one-way analysis of variance; null and NaN as `variance_between`. Infinite where elements are equal in each group, but not in all.",
        formula: "MSB / MSW",
        source: ANOVA,
        example: "anova_f([[1.0, 3.0], [5.0, 7.0]])",
        result: "8.0",
        kind: Kind::Groups(|groups, _| Some(effects(groups)?.f)),
        ..GROUPS
    },
    Function {
        name: "anova_p",
        what: "How probable so large an F is where the groups' true means are equal; null and NaN as `variance_between`.",
        formula: "P(> F) of Fisher's distribution with a − 1 and N − a degrees of freedom",
        source: ANOVA,
        example: "round(anova_p([[1.0, 3.0], [5.0, 7.0]]), 4)",
        result: "0.1056",
        kind: Kind::Groups(|groups, _| Some(effects(groups)?.p)),
        ..GROUPS
    },
    Function {
        name: "icc",
        what: "The intraclass correlation ICC(1), how much of the variance is between groups. Negative where groups differ less than their elements let expect; null and NaN as `variance_between`, and NaN where all elements are equal.",
        formula: "(MSB − MSW) / (MSB + (n₀ − 1) MSW)",
        source: SHROUT,
        example: "round(icc([[1.0, 3.0], [5.0, 7.0]]), 4)",
        result: "0.7778",
        kind: Kind::Groups(|groups, _| Some(effects(groups)?.icc)),
        ..GROUPS
    },
    Function {
        name: "icc_low",
        numbers: &[LEVEL],
        what: "The lower end of the interval of the intraclass correlation; exact for groups of one size.",
        formula: "(Fₗ − 1) / (Fₗ + n₀ − 1), Fₗ = F / F(1 − α/2; a − 1, N − a), α = 1 − level",
        source: SHROUT,
        example: "round(icc_low([[1.0, 3.0], [5.0, 7.0]], 0.9), 4)",
        result: "-0.3965",
        kind: Kind::Groups(|groups, numbers| {
            Some(stats::random_effects(groups, numbers[0])?.icc_interval.low)
        }),
        ..GROUPS
    },
    Function {
        name: "icc_high",
        numbers: &[LEVEL],
        what: "The upper end of the interval of the intraclass correlation; see `icc_low`.",
        formula: "(Fᵤ − 1) / (Fᵤ + n₀ − 1), Fᵤ = F · F(1 − α/2; N − a, a − 1), α = 1 − level",
        source: SHROUT,
        example: "round(icc_high([[1.0, 3.0], [5.0, 7.0]], 0.9), 4)",
        result: "0.9987",
        kind: Kind::Groups(|groups, numbers| {
            Some(stats::random_effects(groups, numbers[0])?.icc_interval.high)
        }),
        ..GROUPS
    },
    Function {
        name: "repeatability_sd",
        what: "The standard deviation of results of one laboratory, where each group is a laboratory: a node, or a session. Null and NaN as `variance_between`.",
        formula: "sᵣ = √MSW",
        source: ISO,
        example: "round(repeatability_sd([[1.0, 3.0], [5.0, 7.0]]), 4)",
        result: "1.4142",
        kind: Kind::Groups(|groups, _| Some(precision(groups)?.repeatability_sd)),
        ..GROUPS
    },
    Function {
        name: "reproducibility_sd",
        what: "The standard deviation of results of different laboratories; see `repeatability_sd`.",
        formula: "s_R = √(s_L² + sᵣ²), s_L² = (MSB − MSW) / n₀ or 0",
        source: ISO,
        example: "reproducibility_sd([[1.0, 3.0], [5.0, 7.0]])",
        result: "3.0",
        kind: Kind::Groups(|groups, _| Some(precision(groups)?.reproducibility_sd)),
        ..GROUPS
    },
    Function {
        name: "repeatability_limit",
        what: "What two results of one laboratory differ by at most in 95 of 100 cases; see `repeatability_sd`.",
        formula: "1.96 · √2 · sᵣ, which the standard rounds to 2.8 sᵣ",
        source: ISO,
        example: "round(repeatability_limit([[1.0, 3.0], [5.0, 7.0]]), 4)",
        result: "3.9199",
        kind: Kind::Groups(|groups, _| Some(precision(groups)?.repeatability_limit)),
        ..GROUPS
    },
    Function {
        name: "reproducibility_limit",
        what: "What results of two laboratories differ by at most in 95 of 100 cases; see `repeatability_sd`.",
        formula: "1.96 · √2 · s_R, which the standard rounds to 2.8 s_R",
        source: ISO,
        example: "round(reproducibility_limit([[1.0, 3.0], [5.0, 7.0]]), 4)",
        result: "8.3154",
        kind: Kind::Groups(|groups, _| Some(precision(groups)?.reproducibility_limit)),
        ..GROUPS
    },
    Function {
        name: "mandel_h",
        returns: "list of double",
        what: "Mandel's h of each group: how many standard deviations its mean lies from that of all. NaN where all means are equal, or an element is NaN or infinite; null beside a null, and for the whole list as `variance_between`.",
        formula: "(x̄ᵢ − x̿) / √(Σ (x̄ᵢ − x̿)² / (p − 1)), x̿ the mean of the groups' means",
        source: MANDEL,
        example: "mandel_h([[1.0, 3.0], [3.0, 5.0], [5.0, 7.0]])",
        result: "[-1.0, 0.0, 1.0]",
        kind: Kind::EachGroup(|groups, _| Some(precision(groups)?.h)),
        ..GROUPS
    },
    Function {
        name: "mandel_k",
        returns: "list of double",
        what: "Mandel's k of each group: how its standard deviation relates to that of repeatability. NaN for a group of one element, where no group has any spread, or an element is NaN or infinite; null beside a null, and for the whole list as `variance_between`.",
        formula: "sᵢ / sᵣ",
        source: MANDEL,
        example: "mandel_k([[1.0, 3.0], [3.0, 5.0], [5.0, 7.0]])",
        result: "[1.0, 1.0, 1.0]",
        kind: Kind::EachGroup(|groups, _| Some(precision(groups)?.k)),
        ..GROUPS
    },
    Function {
        name: "cochran_c",
        what: "Cochran's C, the largest variance of a group over the sum of all. Groups of fewer than two elements are left out; null below two others, NaN where none has any spread, or an element is NaN or infinite.",
        formula: "max sᵢ² / Σ sᵢ²",
        source: COCHRAN,
        example: "round(cochran_c([[1.0, 2.0], [1.0, 2.0], [1.0, 5.0]]), 4)",
        result: "0.8889",
        kind: Kind::Groups(|groups, _| Some(stats::cochran(groups, 0.95)?.c)),
        ..GROUPS
    },
    Function {
        name: "cochran_p",
        what: "How probable so large a C is at most where all groups spread alike; see `cochran_c`. Exact where C > 1/2, a little too cautious elsewhere.",
        formula: "p · P(> (p − 1) C / (1 − C)), at most 1, of Fisher's distribution with n − 1 and (p − 1)(n − 1) degrees of freedom, n the mean size",
        source: COCHRAN,
        example: "round(cochran_p([[1.0, 2.0], [1.0, 2.0], [1.0, 5.0]]), 4)",
        result: "0.1716",
        kind: Kind::Groups(|groups, _| Some(stats::cochran(groups, 0.95)?.p)),
        ..GROUPS
    },
    Function {
        name: "grubbs_g",
        lists: &["samples"],
        what: "Grubbs' G, how many standard deviations the furthest element lies from the mean. Null below three elements, NaN where all are equal, or one is NaN or infinite.",
        formula: "max |x − x̄| / s",
        source: GRUBBS,
        example: "round(grubbs_g([1.0, 2.0, 3.0, 8.0]), 4)",
        result: "1.4474",
        kind: Kind::One(|values, _| furthest(values)),
        ..GROUPS
    },
    Function {
        name: "grubbs_p",
        lists: &["samples"],
        what: "How probable so large a G is at most where no element is off, on either side; see `grubbs_g`.",
        formula: "n · P(|T| > t), at most 1, t² = n(n − 2) G² / ((n − 1)² − n G²), T of n − 2 degrees of freedom",
        source: GRUBBS,
        example: "round(grubbs_p([1.0, 2.0, 3.0, 8.0]), 4)",
        result: "0.1404",
        kind: Kind::One(|values, _| Some(stats::grubbs(values, 0.95)?.p)),
        ..GROUPS
    },
];

/// The components, which no level changes.
fn effects(groups: &[&[f64]]) -> Option<VarianceComponents> {
    stats::random_effects(groups, 0.95)
}

fn precision(groups: &[&[f64]]) -> Option<Precision> {
    stats::iso5725(groups)
}

fn furthest(values: &[f64]) -> Option<f64> {
    let Grubbs { g_high, g_low, .. } = stats::grubbs(values, 0.95)?;
    // Not `max`, which passes over a NaN.
    Some(if g_high > g_low { g_high } else { g_low })
}
