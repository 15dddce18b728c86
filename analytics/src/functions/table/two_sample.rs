//! Whether two lists differ, and by how much.

use super::{Function, Kind, LEVEL, Number, Range, TWO, number};
use crate::stats;

const LOW: Number = number("low", None, Range::Any);
const HIGH: Number = number("high", None, Range::Any);

const WELCH: &str = "Welch, Biometrika 34 (1947); as `scipy.stats.ttest_ind(b, a, equal_var=False)`";
const MANN_WHITNEY: &str =
    "Mann and Whitney, Annals of Mathematical Statistics 18 (1947); as `scipy.stats.mannwhitneyu(b, a)`";
const BAUER: &str = "Bauer, Journal of the American Statistical Association 67 (1972); as `wilcox.test(b, a, conf.int = TRUE)` of R";
const FIELLER: &str = "Fieller, Journal of the Royal Statistical Society B 16 (1954)";

/// The values must be independent: one for each session.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "welch_t",
        what: "Welch's t, positive where b is larger. Null below two elements in either list or where neither varies; NaN where an element is NaN or infinite.",
        formula: "(b̄ − ā) / √(s²_a/n_a + s²_b/n_b)",
        source: WELCH,
        example: "round(welch_t([1.0, 2.0, 3.0], [3.0, 4.0, 5.0]), 4)",
        result: "2.4495",
        kind: Kind::Two(|a, b, _| Some(stats::welch(a, b, 0.95)?.t)),
        ..TWO
    },
    Function {
        name: "welch_df",
        what: "The degrees of freedom of Welch's t; seldom a whole number, null as `welch_t`.",
        formula: "(s²_a/n_a + s²_b/n_b)² / ((s²_a/n_a)²/(n_a − 1) + (s²_b/n_b)²/(n_b − 1))",
        source: "Satterthwaite, Biometrics Bulletin 2 (1946); as `scipy.stats.ttest_ind(b, a, equal_var=False)`",
        example: "welch_df([1.0, 2.0, 3.0], [3.0, 4.0, 5.0])",
        result: "4.0",
        kind: Kind::Two(|a, b, _| Some(stats::welch(a, b, 0.95)?.df)),
        ..TWO
    },
    Function {
        name: "welch_p",
        what: "How probable so large a |t| is where the means are equal, whatever the variances; two-sided, null as `welch_t`.",
        formula: "2 · P(T > |t|) of Student's distribution with Satterthwaite's degrees of freedom",
        source: WELCH,
        example: "round(welch_p([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]), 4)",
        result: "0.2879",
        kind: Kind::Two(|a, b, _| Some(stats::welch(a, b, 0.95)?.p)),
        ..TWO
    },
    Function {
        name: "mann_whitney_u",
        what: "In how many pairs the element of b is larger than that of a; equal ones count half. NaN where an element is NaN.",
        formula: "#(b > a) + #(b = a) / 2",
        source: MANN_WHITNEY,
        example: "mann_whitney_u([1.0, 2.0, 3.0], [2.0, 4.0, 5.0])",
        result: "7.5",
        kind: Kind::Two(|a, b, _| Some(stats::mann_whitney(a, b)?.u)),
        ..TWO
    },
    Function {
        name: "mann_whitney_p",
        what: "How probable a U as far from its mean is where both lists are of one distribution; two-sided. Exact without ties up to 2,500 pairs, else the normal approximation with corrections for ties and continuity.",
        formula: "2 · P(U ≥ max(u, n_a·n_b − u)), at most 1",
        source: MANN_WHITNEY,
        example: "round(mann_whitney_p([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), 6)",
        result: "0.1",
        kind: Kind::Two(|a, b, _| Some(stats::mann_whitney(a, b)?.p)),
        ..TWO
    },
    Function {
        name: "hodges_lehmann",
        what: "The shift from a to b: the median of all differences. Robust where a mean is not; NaN where an element is NaN or infinite.",
        formula: "median of b_j − a_i",
        source: "Hodges and Lehmann, Annals of Mathematical Statistics 34 (1963)",
        example: "hodges_lehmann([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 7.0])",
        result: "2.0",
        kind: Kind::Two(|a, b, _| Some(stats::hodges_lehmann(a, b, 0.95)?.value)),
        ..TWO
    },
    Function {
        name: "hodges_lehmann_low",
        numbers: &[LEVEL],
        what: "The lower end of the interval of the shift: the shifts that Mann and Whitney's test does not reject. It covers with at least `level` (default 0.95) up to 2,500 pairs, with about `level` beyond; −∞ where there are too few elements for it, as with 3 + 3 at 0.95.",
        formula: "the k-th smallest difference, k the largest with P(U < k) ≤ (1 − level) / 2",
        source: BAUER,
        example: "hodges_lehmann_low([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 7.0], 0.9)",
        result: "0.0",
        kind: Kind::Two(|a, b, level| Some(stats::hodges_lehmann(a, b, level[0])?.interval.low)),
        ..TWO
    },
    Function {
        name: "hodges_lehmann_high",
        numbers: &[LEVEL],
        what: "The upper end of the interval of the shift; see `hodges_lehmann_low`.",
        formula: "the k-th largest difference",
        source: BAUER,
        example: "hodges_lehmann_high([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 7.0], 0.9)",
        result: "5.0",
        kind: Kind::Two(|a, b, level| Some(stats::hodges_lehmann(a, b, level[0])?.interval.high)),
        ..TWO
    },
    Function {
        name: "ks_d",
        what: "The largest distance of the two empirical distribution functions.",
        formula: "max |F_a(x) − F_b(x)|",
        source: "Smirnov, Annals of Mathematical Statistics 19 (1948); as `scipy.stats.ks_2samp`",
        example: "ks_d([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0])",
        result: "0.5",
        kind: Kind::Two(|a, b, _| Some(stats::kolmogorov_smirnov(a, b)?.d)),
        ..TWO
    },
    Function {
        name: "ks_p",
        what: "How probable so large a distance is where both lists are of one distribution; two-sided. Exact up to 1,000,000 pairs, else Kolmogorov's limit. Ties make it too large rather than too small.",
        formula: "the share of the lattice paths that leave the band",
        source: "Hodges, Arkiv för Matematik 3 (1958); as `scipy.stats.ks_2samp(method=\"exact\")`",
        example: "round(ks_p([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), 6)",
        result: "0.1",
        kind: Kind::Two(|a, b, _| Some(stats::kolmogorov_smirnov(a, b)?.p)),
        ..TWO
    },
    Function {
        name: "cohens_d",
        what: "The difference of the means in pooled standard deviations, positive where b is larger; null as `welch_t`.",
        formula: "(b̄ − ā) / s, s² = ((n_a − 1)·s²_a + (n_b − 1)·s²_b) / (n_a + n_b − 2)",
        source: "Cohen, Statistical Power Analysis for the Behavioral Sciences (1988)",
        example: "cohens_d([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])",
        result: "1.0",
        kind: Kind::Two(|a, b, _| stats::cohens_d(a, b)),
        ..TWO
    },
    Function {
        name: "hedges_g",
        what: "Cohen's d without its bias in small samples; null as `cohens_d`.",
        formula: "d · Γ(ν/2) / (√(ν/2) · Γ((ν − 1)/2)), ν = n_a + n_b − 2",
        source: "Hedges, Journal of Educational Statistics 6 (1981)",
        example: "round(hedges_g([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]), 6)",
        result: "0.797885",
        kind: Kind::Two(|a, b, _| stats::hedges_g(a, b)),
        ..TWO
    },
    Function {
        name: "cliffs_delta",
        what: "How much more often an element of b is larger than one of a than smaller: from −1 to 1.",
        formula: "(#(b > a) − #(b < a)) / (n_a · n_b)",
        source: "Cliff, Psychological Bulletin 114 (1993)",
        example: "cliffs_delta([1.0, 2.0], [2.0, 3.0])",
        result: "0.75",
        kind: Kind::Two(|a, b, _| stats::cliffs_delta(a, b)),
        ..TWO
    },
    Function {
        name: "ratio_of_means",
        what: "The mean of b over the mean of a; null below two elements in either list, where neither varies, or where the interval of the mean of a at 0.95 holds 0.",
        formula: "b̄ / ā",
        source: FIELLER,
        example: "ratio_of_means([9.0, 10.0, 11.0], [18.0, 20.0, 22.0])",
        result: "2.0",
        kind: Kind::Two(|a, b, _| Some(stats::ratio_of_means(a, b, 0.95)?.value)),
        ..TWO
    },
    Function {
        name: "ratio_of_means_low",
        numbers: &[LEVEL],
        what: "The lower end of Fieller's interval of the ratio of means, of independent lists; null where the interval of the mean of a at `level` (default 0.95) holds 0, and as `ratio_of_means`.",
        formula: "(r − t/|ā| · √(v_b + r²·v_a − g·v_b)) / (1 − g), r = b̄/ā, v = s²/n, g = t²·v_a/ā², t with Satterthwaite's degrees of freedom of v_b + r²·v_a",
        source: FIELLER,
        example: "round(ratio_of_means_low([9.0, 10.0, 11.0], [18.0, 20.0, 22.0]), 4)",
        result: "1.5904",
        kind: Kind::Two(|a, b, level| Some(stats::ratio_of_means(a, b, level[0])?.interval.low)),
        ..TWO
    },
    Function {
        name: "ratio_of_means_high",
        numbers: &[LEVEL],
        what: "The upper end of Fieller's interval of the ratio of means; see `ratio_of_means_low`.",
        formula: "(r + t/|ā| · √(v_b + r²·v_a − g·v_b)) / (1 − g)",
        source: FIELLER,
        example: "round(ratio_of_means_high([9.0, 10.0, 11.0], [18.0, 20.0, 22.0]), 4)",
        result: "2.5151",
        kind: Kind::Two(|a, b, level| Some(stats::ratio_of_means(a, b, level[0])?.interval.high)),
        ..TWO
    },
    Function {
        name: "tost_p",
        numbers: &[LOW, HIGH],
        what: "Two one-sided tests that the mean of b less that of a lies between low and high: below α, the interval of the difference at level 1 − 2α lies between them. Null as `welch_t` and unless low < high.",
        formula: "max(P(T > (d − low)/se), P(T > (high − d)/se)), d = b̄ − ā, se and df as Welch's",
        source: "Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987); as `statsmodels.stats.weightstats.ttost_ind(b, a, low, high, usevar=\"unequal\")`",
        example: "round(tost_p([1.0, 2.0, 3.0], [2.0, 3.0, 4.0], -2.0, 2.0), 4)",
        result: "0.1439",
        kind: Kind::Two(|a, b, limits| Some(stats::tost(a, b, limits[0], limits[1])?.p)),
        ..TWO
    },
];
