"""Two lists: what SciPy and statsmodels compute of them. Means and deviations, in which doubles may lose
digits, are computed without rounding; SciPy and statsmodels check the whole where they keep them."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import scipy
import statsmodels
from scipy import special, stats
from statsmodels.stats.weightstats import ttost_ind

from exact import CONTEXT, agree, text

LEVELS = ["0.5", "0.9", "0.95", "0.99"]
# As ours: beyond so many pairs the distributions are approximated.
MOST_PAIRS_OF_RANKS = 2_500
MOST_PAIRS_OF_PATHS = 1_000_000


def cases():
    """Pairs of lists by name, and whether SciPy's doubles keep their digits."""
    random = np.random.default_rng(20261125)
    fixed = {
        "one and one": ([1.0], [2.0]),
        "one and many": ([2.5], [1.0, 2.0, 3.0, 4.0]),
        "two and two": ([1.0, 2.0], [4.0, 6.0]),
        "two and three": ([1.0, 2.0], [1.5, 2.5, 4.0]),
        "three and three": ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
        "the same": ([1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 3.0, 5.0]),
        "all equal": ([3.0] * 5, [3.0] * 4),
        "constant and different": ([3.0] * 5, [4.0] * 4),
        "one side constant": ([3.0] * 5, [3.0, 4.0, 5.0, 4.0]),
        "zeros of both signs": ([0.0, -0.0, 1.0, 2.0], [-0.0, 0.0, 0.5, 3.0]),
        "far apart": ([1.0, 1.1, 0.9, 1.05, 0.97], [100.0, 101.0, 99.5, 100.2, 98.0]),
        "around zero": ([-2.0, -1.0, 0.5, 1.0, 3.0], [-1.0, 0.0, 2.0, 2.5]),
        "negative": ([-3.0, -3.5, -2.75, -3.25], [-4.0, -4.5, -3.875]),
    }
    for name, (a, b) in fixed.items():
        yield name, a, b, True
    sizes = [(2, 9), (3, 4), (4, 4), (5, 3), (5, 5), (6, 12), (7, 7), (8, 8), (9, 9), (10, 10), (10, 10), (12, 5)]
    sizes += [(15, 15), (20, 30), (30, 20), (40, 40), (50, 50), (51, 50), (60, 60), (3, 80), (100, 20)]
    for i, (n, m) in enumerate(sizes):
        shift = [0.0, 0.01, -0.02, 0.3][i % 4]
        yield f"normal, {n} and {m}", random.normal(1, 0.01, n), random.normal(1 + shift, 0.01, m), True
    for n, m in [(4, 6), (6, 6), (10, 10), (12, 30), (25, 25), (45, 60)]:
        a, b = random.lognormal(-12, 0.4, n), random.lognormal(-11.9, 0.6, m)
        yield f"lognormal, {n} and {m}", a, b, True
    for n, m in [(5, 5), (10, 10), (10, 20), (30, 30)]:
        a = random.normal(1, 0.01, n) + 0.5 * (random.random(n) < 0.2)
        b = random.normal(1.02, 0.01, m) + 0.5 * (random.random(m) < 0.2)
        yield f"slow mode, {n} and {m}", a, b, True
    for n, m in [(5, 6), (8, 8), (10, 10), (15, 9), (20, 20), (40, 30), (60, 60)]:
        a, b = random.integers(100, 108, n), random.integers(101, 110, m)
        yield f"clock ticks, {n} and {m}", a.astype(float), b.astype(float), True
    for n, m in [(6, 40), (12, 12), (40, 6), (5, 100)]:
        yield f"unequal spread, {n} and {m}", random.normal(10, 0.01, n), random.normal(10, 2, m), True
    for n, m in [(10, 10), (30, 30), (8, 20)]:
        a, b = 1e6 + random.normal(0, 1e-3, n), 1e6 + random.normal(5e-4, 1e-3, m)
        yield f"far from zero, {n} and {m}", a, b, False
    for n, m in [(5, 7), (12, 12)]:
        yield f"very large, {n} and {m}", random.normal(3, 1, n) * 1e300, random.normal(4, 1, m) * 1e300, False
        yield f"very small, {n} and {m}", random.normal(3, 1, n) * 1e-300, random.normal(4, 1, m) * 1e-300, False
    yield "wide, 30 and 30", random.lognormal(0, 5, 30), random.lognormal(1, 5, 30), False
    for n, m, most in [(1010, 1000, 1000), (1200, 900, 1010), (2000, 600, 1100), (1001, 1001, 1005)]:
        a, b = random.integers(0, 1000, n), random.integers(0, most, m)
        yield f"ranks, {n} and {m}", a.astype(float), b.astype(float), True


class Side:
    """A list, its mean and the square of that mean's standard error, without rounding."""

    def __init__(self, values):
        numbers = [Fraction(value) for value in values.tolist()]
        self.n = len(numbers)
        self.mean = sum(numbers) / self.n
        if self.n > 1:
            self.squares = sum((number - self.mean) ** 2 for number in numbers)
            self.error2 = self.squares / (self.n - 1) / self.n


def exact(value):
    """A fraction with 60 digits."""
    return CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))


def root(value):
    """The square root of a fraction, with 60 digits."""
    return CONTEXT.sqrt(exact(value))


def tail(t, df):
    """P(T > t) of Student's distribution."""
    return stats.t.sf(float(t), float(df))


def quantile(level, df):
    """Its quantile at (1 + level) / 2."""
    return Decimal(float(stats.t.isf(float((1 - Decimal(level)) / 2), float(df))))


def freedom(of_a, n_a, of_b, n_b):
    """Welch and Satterthwaite, of squared errors."""
    return exact((of_a + of_b) ** 2 / (of_a**2 / (n_a - 1) + of_b**2 / (n_b - 1)))


def means(a, b, checked):
    """Welch, TOST, Cohen, Hedges, Fieller."""
    x, y = Side(a), Side(b)
    names = ["welch_t", "welch_df", "welch_p", "cohens_d", "hedges_g"]
    if x.n < 2 or y.n < 2 or x.error2 + y.error2 == 0:
        for name in names + ["difference_low 0.95", "tost_p -1 1", "ratio 0.95"]:
            yield name, None
        return
    difference, error = exact(y.mean - x.mean), root(x.error2 + y.error2)
    df = freedom(x.error2, x.n, y.error2, y.n)
    t = CONTEXT.divide(difference, error)
    p = 2 * tail(abs(t), df)
    if checked:
        theirs = stats.ttest_ind(b, a, equal_var=False)
        agree(float(t), theirs.statistic, "t")
        agree(float(df), theirs.df, "df")
        agree(p, theirs.pvalue, "p")
    yield from [("welch_t", t), ("welch_df", df), ("welch_p", p), ("difference", difference)]
    for level in LEVELS:
        half = CONTEXT.multiply(quantile(level, df), error)
        yield f"difference_low {level}", CONTEXT.subtract(difference, half)
        yield f"difference_high {level}", CONTEXT.add(difference, half)
    # Limits around the difference, in one sense or the other, as doubles.
    for low, high in [(-3, 3), (-1, 0.5), (0.25, 9)]:
        low, high = (float(difference + Decimal(limit) * error) for limit in (low, high))
        if not low < high or math.isinf(low) or math.isinf(high):
            continue
        lower, upper = tail((difference - Decimal(low)) / error, df), tail((Decimal(high) - difference) / error, df)
        if checked:
            theirs = ttost_ind(b, a, low, high, usevar="unequal")
            agree(max(lower, upper), theirs[0], "TOST")
        yield f"tost_p {low!r} {high!r}", max(lower, upper)
        yield f"tost_lower {low!r} {high!r}", lower
        yield f"tost_upper {low!r} {high!r}", upper
    nu = x.n + y.n - 2
    d = float(difference / root((x.squares + y.squares) / nu))
    yield "cohens_d", d
    yield "hedges_g", d * special.poch((nu - 1) / 2, 0.5) / math.sqrt(nu / 2)
    yield from ratio(x, y)


def ratio(x, y):
    """Fieller's interval as the roots of the square that defines it: (b - r·a)² = t²·(v_b + r²·v_a)."""
    for level in LEVELS:
        if x.mean == 0:
            yield f"ratio {level}", None
            continue
        r = y.mean / x.mean
        df = freedom(r * r * x.error2, x.n, y.error2, y.n) if r * r * x.error2 + y.error2 else None
        if df is None:
            yield f"ratio {level}", None
            continue
        t2 = Fraction(quantile(level, df)) ** 2
        first = x.mean**2 - t2 * x.error2
        if first <= 0:
            yield f"ratio {level}", None
            continue
        middle, product = x.mean * y.mean / first, (y.mean**2 - t2 * y.error2) / first
        half = root(middle**2 - product)
        yield f"ratio {level}", exact(r)
        yield f"ratio_low {level}", CONTEXT.subtract(exact(middle), half)
        yield f"ratio_high {level}", CONTEXT.add(exact(middle), half)


def arrangements(n, m):
    """In how many of them U is 0, 1, 2, …: choices of n of the ranks 1 … n + m by their sum."""
    counts = [{0: 1}] + [{} for _ in range(n)]
    for rank in range(1, n + m + 1):
        for chosen in range(min(n, rank), 0, -1):
            for total, count in counts[chosen - 1].items():
                counts[chosen][total + rank] = counts[chosen].get(total + rank, 0) + count
    least = n * (n + 1) // 2
    return [counts[n].get(least + u, 0) for u in range(n * m + 1)]


def rank(n, m, level, counts):
    """The highest k with P(U < k) ≤ α/2, or 0."""
    tail = (1 - Fraction(level)) / 2
    if counts is None:
        deviation = math.sqrt(n * m * (n + m + 1) / 12)
        return max(0, math.floor(n * m / 2 + 0.5 + stats.norm.ppf(float(tail)) * deviation))
    all_of_them, below, k = math.comb(n + m, n), 0, 0
    while Fraction(below + counts[k], all_of_them) <= tail:
        below += counts[k]
        k += 1
    return k


def ranks(a, b):
    """Mann and Whitney, Hodges and Lehmann, Kolmogorov and Smirnov, Cliff."""
    n, m = len(a), len(b)
    untied = len(np.unique(np.concatenate([a, b]))) == n + m
    exact_ranks = n * m <= MOST_PAIRS_OF_RANKS
    theirs = stats.mannwhitneyu(b, a, method="exact" if untied and exact_ranks else "asymptotic")
    yield "mann_whitney_u", theirs.statistic
    # SciPy's variance is 0 where all are equal: nothing differs.
    yield "mann_whitney_p", theirs.pvalue if len(np.unique(np.concatenate([a, b]))) > 1 else 1.0
    above = np.sign(b[None, :] - a[:, None])
    yield "cliffs_delta", above.sum() / (n * m)
    differences = np.sort((b[None, :] - a[:, None]).ravel())
    yield "hodges_lehmann", np.median(differences / 4) * 4
    counts = arrangements(min(n, m), max(n, m)) if exact_ranks else None
    for level in LEVELS:
        k = rank(n, m, level, counts)
        if k and counts:
            # The rank is the one that SciPy's exact p has: of k - 1 it is at most α, of k it is above.
            share = 2 * sum(counts[:k]) / math.comb(n + m, n)
            assert share <= 1 - float(level) + 1e-12 < 2 * sum(counts[: k + 1]) / math.comb(n + m, n)
        yield f"hodges_lehmann_low {level}", differences[k - 1] if k else -math.inf
        yield f"hodges_lehmann_high {level}", differences[n * m - k] if k else math.inf
    if n * m <= MOST_PAIRS_OF_PATHS:
        theirs = stats.ks_2samp(a, b, method="exact")
        yield "ks_d", theirs.statistic
        yield "ks_p", theirs.pvalue
    else:
        d = stats.ks_2samp(a, b, method="asymp").statistic
        yield "ks_d", d
        yield "ks_p", special.kolmogorov(d * math.sqrt(n * m / (n + m)))


def case(name, a, b, checked):
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    expected = {key: text(value) for part in [means(a, b, checked), ranks(a, b)] for key, value in part}
    short = lambda values: " ".join(repr(value).removesuffix(".0") for value in values.tolist())
    return {"name": name, "a": short(a), "b": short(b), "expected": expected}


def document():
    return {
        "scipy": scipy.__version__,
        "statsmodels": statsmodels.__version__,
        "cases": [case(*lists) for lists in cases()],
    }
