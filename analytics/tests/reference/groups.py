"""Groups, many tests and planning. Sums are exact, quantiles and tails of t and F are SciPy's, powers are
integrals. Where a library computes the same, it must agree: SciPy's f_oneway and noncentral t, statsmodels'
multipletests and TTestIndPower, and pingouin's intraclass_corr where that is installed."""

import importlib.util
import itertools
import math
import sys

import numpy as np
import scipy
import statsmodels
from scipy import integrate, optimize, special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower

from exact import CONTEXT, Decimal, Fraction

random = np.random.default_rng(5725)
LEVELS = [0.9, 0.95, 0.99]
PINGOUIN = importlib.util.find_spec("pingouin") is not None


def fractions_of(values):
    return [Fraction(value) for value in values]


def mean(values):
    return sum(values) / len(values)


def squares(values):
    centre = mean(values)
    return sum((value - centre) ** 2 for value in values)


def root(value):
    """The square root of a fraction, rounded once."""
    return float(CONTEXT.sqrt(CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))))


def ratio(a, b):
    return float(a / b) if b else (math.inf if a else math.nan)


def near(a, b, tolerance=1e-6):
    assert math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12), (a, b)


def text(values):
    """Numbers as texts, lists of them with a space between: not every JSON reader rounds to the nearest
    double, and none reads inf."""
    if any(isinstance(value, list) for value in values):
        return [text(value) for value in values]
    return " ".join(repr(float(value)).removesuffix(".0") for value in values)


def anova(groups, level):
    a, n = len(groups), sum(map(len, groups))
    centre = mean([value for group in groups for value in group])
    between = sum(len(group) * (mean(group) - centre) ** 2 for group in groups) / (a - 1)
    within = sum(map(squares, groups)) / (n - a)
    size = (n - Fraction(sum(len(group) ** 2 for group in groups), n)) / (a - 1)
    raw = (between - within) / size
    f = ratio(between, within)
    low, high = stats.f.isf((1 - level) / 2, a - 1, n - a), stats.f.isf((1 - level) / 2, n - a, a - 1)

    def correlation(by):
        w = Fraction(by) * within
        return ratio(between - w, between + (size - 1) * w)

    found = {
        "between": float(max(raw, 0)),
        "within": float(within),
        "icc": correlation(1),
        "icc_low": correlation(low),
        "icc_high": correlation(1 / high),
        "f": f,
        "p": float(stats.f.sf(f, a - 1, n - a)),
        "between_raw": float(raw),
    }
    return found, max(raw, 0), within


def against_libraries(groups, found, level):
    if not found["within"] or max(abs(value) for group in groups for value in group) > 1e6:
        return
    f, p = stats.f_oneway(*groups)
    near(f, found["f"])
    near(p, found["p"])
    # pingouin takes only groups of one size, of five values and more in all.
    if PINGOUIN and level == 0.95 and len(set(map(len, groups))) == 1 and sum(map(len, groups)) >= 5:
        import pandas as pd
        import pingouin

        rows = [(i, j, value) for i, group in enumerate(groups) for j, value in enumerate(group)]
        table = pingouin.intraclass_corr(pd.DataFrame(rows, columns=list("irv")), "i", "r", "v").iloc[0]
        near(table["ICC"], found["icc"])
        # It rounds to two digits.
        assert abs(table["CI95"][0] - found["icc_low"]) <= 0.00501, (table, found)
        assert abs(table["CI95"][1] - found["icc_high"]) <= 0.00501, (table, found)


def precision(groups, between, within):
    p, n = len(groups), sum(map(len, groups))
    means = list(map(mean, groups))
    spread = squares(means) / (p - 1)
    repeated = [group for group in groups if len(group) > 1]
    freedom = (n - p) / len(repeated)
    limit = stats.norm.ppf(0.975) * math.sqrt(2)

    def signed(value):
        return math.copysign(root(value * value / spread), value) if spread else math.nan

    def h_critical(alpha):
        t = stats.t.isf(alpha / 2, p - 2) if p > 2 else math.nan
        return (p - 1) * t / math.sqrt(p * (t * t + p - 2))

    def k_critical(alpha):
        others = len(repeated) - 1
        f = stats.f.isf(alpha, freedom, others * freedom) if others else math.nan
        return math.sqrt(len(repeated) / (1 + others / f))

    return {
        "mean": float(mean([value for group in groups for value in group])),
        "repeatability_sd": root(within),
        "between_sd": root(between),
        "reproducibility_sd": root(within + between),
        "repeatability_limit": limit * root(within),
        "reproducibility_limit": limit * root(within + between),
        "h": [signed(value - mean(means)) for value in means],
        "k": [
            root(squares(group) / (len(group) - 1) / within) if len(group) > 1 and within else math.nan
            for group in groups
        ],
        "critical": [h_critical(0.05), h_critical(0.01), k_critical(0.05), k_critical(0.01)],
    }


def cochran(groups, level):
    repeated = [group for group in groups if len(group) > 1]
    if len(repeated) < 2:
        return None
    variances = [squares(group) / (len(group) - 1) for group in repeated]
    p, freedom = len(variances), (sum(map(len, repeated)) - len(repeated)) / len(repeated)
    largest, total = max(variances), sum(variances)
    f = ratio((p - 1) * largest, total - largest)
    critical = stats.f.isf((1 - level) / p, freedom, (p - 1) * freedom)
    tail = p * float(stats.f.sf(f, freedom, (p - 1) * freedom)) if total else math.nan
    # Not min, which would make a NaN 1.
    tail = 1.0 if tail > 1 else tail
    return [ratio(largest, total), 1 / (1 + (p - 1) / critical), tail]


def grubbs(values, level):
    n, squared = len(values), squares(values)
    if n < 3:
        return None
    high, low = max(values) - mean(values), mean(values) - min(values)
    g = [root(side * side * (n - 1) / squared) if squared else math.nan for side in (high, low)]
    largest = max(high, low) ** 2 * (n - 1)
    # t² = n (n − 2) G² / ((n − 1)² − n G²), in fractions.
    t2 = ratio(n * (n - 2) * largest, (n - 1) ** 2 * squared - n * largest)
    t = stats.t.isf((1 - level) / (2 * n), n - 2)
    tail = 2 * n * float(stats.t.sf(math.sqrt(t2), n - 2)) if squared else math.nan
    tail = 1.0 if tail > 1 else tail
    return [*g, (n - 1) / math.sqrt(n) * math.sqrt(t * t / (n - 2 + t * t)), tail]


def group_case(name, groups, level):
    groups = [[float(value) for value in group] for group in groups]
    fractions = list(map(fractions_of, groups))
    found, between, within = anova(fractions, level)
    against_libraries(groups, found, level)
    means = [float(np.mean(group)) for group in groups]
    return {
        "name": name,
        "groups": text(groups),
        "level": level,
        "effects": {key: text([value]) for key, value in found.items()},
        "precision": {
            key: text(value) if isinstance(value, list) else text([value])
            for key, value in precision(fractions, between, within).items()
        },
        "cochran": cochran(fractions, level) and text(cochran(fractions, level)),
        "values": text(means),
        "grubbs": grubbs(fractions_of(means), level) and text(grubbs(fractions_of(means), level)),
    }


def group_cases():
    # Shrout and Fleiss 1979, table 2; ISO 5725-2, sulphur in coal, level 1; ASTM E691, glucose, material A.
    judges = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    yield "Shrout and Fleiss", judges
    yield "pair", [[1.0, 2.0], [3.0, 4.0]]
    yield "one with two values", [[1.0, 2.0], [3.0], [7.0]]
    yield "two and one", [[1.0, 2.5], [7.0]]
    yield "equal in groups", [[2.0, 2.0], [3.0, 3.0, 3.0], [5.0, 5.0]]
    yield "equal means", [[1.0, 3.0], [0.0, 4.0], [2.0, 2.0]]
    yield "constant", [[3.25, 3.25], [3.25, 3.25], [3.25, 3.25]]
    yield "two constant, one not", [[1.0, 1.0], [1.0, 1.0], [1.0, 2.0]]
    yield "ties", [[5, 5, 6], [5, 6, 6], [7, 5, 5], [6, 6, 6]]
    yield "far from zero", 1e9 + random.normal(0, 1e-3, (6, 5))
    yield "tiny", random.normal(1e-9, 1e-11, (5, 4))
    yield "huge", random.normal(1e12, 1e10, (5, 4))
    yield "mixed signs", random.normal(0, 1, (7, 3)) * 10.0 ** random.integers(-6, 6, (7, 1))
    yield "far apart", random.normal(0, 1, (5, 6)) + 1e4 * np.arange(5)[:, None]
    yield "many groups of two", random.normal(0, 1, (200, 2))
    yield "two large groups", random.normal(0, 1, (2, 400))
    yield "one large, many small", [random.normal(0, 1, 300), *random.normal(0.2, 1, (20, 2))]
    for sizes in itertools.product([2, 3, 5, 12], [2, 3, 8]):
        for share in [0.0, 0.5, 3.0]:
            a, n = sizes
            effects = random.normal(0, share, a) if share else np.zeros(a)
            yield f"{a} of {n}, {share}", 10 + effects[:, None] + random.normal(0, 1, (a, n))
    for i in range(20):
        sizes = random.integers(1, 9, random.integers(3, 9))
        sizes[0] = max(sizes[0], 2)
        groups = [random.lognormal(random.normal(0, 0.3), 0.4, size) for size in sizes]
        yield f"different sizes {i}", groups


def nested_case(name, nodes):
    nodes = [[[float(value) for value in session] for session in node] for node in nodes]
    fractions = [list(map(fractions_of, node)) for node in nodes]

    def pooled(groups):
        freedom = sum(len(group) - 1 for group in groups)
        return sum(map(squares, groups)) / freedom if freedom else None

    sample = pooled([session for node in fractions for session in node])
    centres = [list(map(mean, node)) for node in fractions]
    session = pooled(centres)
    if sample is not None and session is not None:
        # What sessions' means vary by because of their samples, averaged as the variance is.
        parts = [(len(node) - 1) * mean([Fraction(1, len(session)) for session in node]) for node in fractions]
        session -= sample * sum(parts) / sum(len(node) - 1 for node in fractions)
    else:
        session = None
    node = None
    if session is not None and len(nodes) > 1:
        below = [
            mean([session + sample / len(one) for one in group]) / len(group) for group in fractions
        ]
        node = squares(list(map(mean, centres))) / (len(nodes) - 1) - mean(below)
    if all(len(node) == len(nodes[0]) for node in nodes) and node is not None:
        sizes = {len(session) for group in nodes for session in group}
        if len(sizes) == 1:
            # The paper's recurrence, where all numbers of repetitions are equal.
            r1, r2 = sizes.pop(), len(nodes[0])
            s2, s3 = pooled(centres), squares(list(map(mean, centres))) / (len(nodes) - 1)
            assert session == s2 - sample / r1 and node == s3 - s2 / r2
    found = [None if value is None else repr(float(value)) for value in (sample, session, node)]
    return {"name": name, "nodes": [text(node) for node in nodes], "variances": found}


def nested_cases():
    yield "one session", [[[1.0, 2.0, 4.0]]]
    yield "one node", [[[1.0, 2.0, 4.0], [2.0, 3.0], [9.0, 8.0]]]
    yield "a session a node", [[[1.0, 2.0]], [[4.0, 4.5]], [[3.0, 3.25]]]
    yield "single samples", [[[1.0], [2.0]], [[4.0], [8.0]]]
    yield "constant", [[[2.0, 2.0], [2.0, 2.0]], [[2.0, 2.0], [2.0, 2.0]]]
    for i in range(30):
        shape = random.integers(2, 6, 3)
        nodes = random.normal(0, 2, (shape[0], 1, 1)) + random.normal(0, 1, (shape[0], shape[1], 1))
        yield f"balanced {i}", 10.0 ** (i % 7 - 3) * (20 + nodes + random.normal(0, 0.5, shape))
    for i in range(25):
        nodes = []
        for _ in range(random.integers(2, 6)):
            centre = random.normal(1e6 if i % 5 == 0 else 5, 1)
            nodes.append([
                random.normal(random.normal(centre, 0.5), 0.3, random.integers(1, 7))
                for _ in range(random.integers(1, 6))
            ])
        nodes[0] = [[1.0, 1.5], [2.0]]
        yield f"different sizes {i}", nodes


def many_case(ps):
    """NaN is a test that could not be made."""
    known = np.array([p for p in ps if not math.isnan(p)])
    found = {}
    for method in ["fdr_bh", "fdr_by"]:
        adjusted = iter(multipletests(known, method=method)[1] if len(known) else [])
        found[method] = text([math.nan if math.isnan(p) else next(adjusted) for p in ps])
    return {"ps": text(list(ps)), **found}


def many_cases():
    yield []
    yield [0.03]
    yield [math.nan]
    yield [0.0, 0.0, 1.0]
    yield [1.0, 1.0, 1.0]
    yield [0.01, 0.02, 0.03, 0.04, 0.05]
    yield [1e-300, 5e-324, 1e-10, 0.5]
    for i in range(50):
        n = int(random.integers(2, 60))
        ps = random.uniform(0, 1, n) ** random.choice([1, 3, 10])
        if i % 3 == 0:
            ps = np.round(ps, 2)
        if i % 4 == 0:
            ps[random.integers(0, n)] = math.nan
        yield list(ps)
    yield list(random.uniform(0, 1, 1000))


def power_of(shift, freedom, level):
    """P(|T| > t) of a noncentral t: the integral over the root S of the mean square."""
    t = stats.t.isf((1 - level) / 2, freedom)
    width = 1 / math.sqrt(2 * freedom)

    def density(s):
        """That of S over what it is at 1, where it is near its highest."""
        return s ** (freedom - 1) * math.exp(freedom * (1 - s * s) / 2) if freedom < 50 else math.exp(
            (freedom - 1) * math.log(s) + freedom * (1 - s * s) / 2
        )

    def integral(of):
        ends = sorted({max(0.0, 1 + k * width) for k in range(-15, 16)})
        pairs = itertools.pairwise(ends)
        return math.fsum(integrate.quad(of, a, b, epsabs=0, epsrel=1e-13, limit=400)[0] for a, b in pairs)

    def exceeding(s):
        return density(s) * (special.ndtr(shift - t * s) + special.ndtr(-shift - t * s))

    return integral(exceeding) / integral(density)


def welch(a, b):
    (sa, na), (sb, nb) = a, b
    va, vb = sa * sa / na, sb * sb / nb
    return math.sqrt(va + vb), (va + vb) ** 2 / (va * va / (na - 1) + vb * vb / (nb - 1))


def power_case(effect, a, b, level):
    error, freedom = welch(a, b)
    power = power_of(abs(effect) / error, freedom, level)
    if a == b:
        near(TTestIndPower().power(abs(effect) / a[0], a[1], 1 - level), power)
    t = stats.t.isf((1 - level) / 2, freedom)
    shift = abs(effect) / error
    scipys = stats.nct.sf(t, freedom, shift) + stats.nct.cdf(-t, freedom, shift)
    # SciPy's is NaN here and there.
    assert math.isnan(scipys) or math.isclose(scipys, power, rel_tol=1e-6), (scipys, power)
    return {"effect": effect, "a": a, "b": b, "level": level, "power": power}


def power_cases():
    for n, effect in itertools.product([2, 3, 5, 10, 30, 200], [0.0, 0.3, 1.0, 2.5]):
        yield effect, (1.0, n), (1.0, n), LEVELS[n % 3]
    yield 0.02, (0.01, 10), (0.01, 10), 0.95
    yield -1.5, (1.0, 4), (1.0, 4), 0.95
    yield 0.02, (1.0, 40_000), (1.0, 40_000), 0.95
    yield 1e9, (1e9, 12), (2e9, 5), 0.95
    for _ in range(30):
        sa, sb = random.lognormal(0, 1, 2)
        na, nb = (int(n) for n in random.integers(2, 40, 2))
        effect = float(random.normal(0, 2) * welch((sa, na), (sb, nb))[0])
        yield effect, (float(sa), na), (float(sb), nb), float(random.choice(LEVELS))


def detectable_case(a, b, level, power):
    error, freedom = welch(a, b)

    def missing(shift):
        return power_of(shift, freedom, level) - power

    high = 1.0
    while missing(high) < 0:
        high *= 2
    shift = optimize.brentq(missing, 0, high, xtol=1e-14, rtol=1e-14)
    return {"a": a, "b": b, "level": level, "power": power, "effect": shift * error}


def detectable_cases():
    for n, power in itertools.product([3, 5, 10, 30, 100], [0.5, 0.8, 0.9, 0.99]):
        yield (1.0, n), (1.0, n), LEVELS[n % 3], power
    for _ in range(30):
        sa, sb = random.lognormal(0, 0.7, 2)
        na, nb = (int(n) for n in random.integers(3, 40, 2))
        yield (float(sa), na), (float(sb), nb), float(random.choice(LEVELS)), float(random.choice([0.6, 0.8, 0.95]))


def sessions_case(effect, sd, level, power):
    """By counting up from an n that surely is too few."""
    def enough(n):
        theirs = TTestIndPower().power(abs(effect) / sd, n, 1 - level)
        # It is NaN for large effects.
        return (power_of(effect / sd * math.sqrt(n / 2), 2 * n - 2, level) if math.isnan(theirs) else theirs) >= power

    n = max(2, int(0.5 * 2 * ((stats.norm.isf((1 - level) / 2) + stats.norm.ppf(power)) * sd / effect) ** 2))
    assert n == 2 or not enough(n)
    while not enough(n):
        n += 1
    return [effect, sd, level, power, n]


def precision_sessions_case(sd, half, level):
    n = max(2, int(0.5 * (stats.norm.isf((1 - level) / 2) * sd / half) ** 2))
    while stats.t.isf((1 - level) / 2, n - 1) * sd > half * math.sqrt(n):
        n += 1
    return [sd, half, level, n]


def sessions_cases():
    for ratio, power in itertools.product([0.1, 0.2, 0.5, 0.9, 1.3, 2.0, 3.0, 8.0, 50.0], [0.5, 0.8, 0.9, 0.95]):
        for level in [0.9, 0.95, 0.99]:
            sd = float(random.lognormal(-3, 2))
            yield ratio * sd, sd, level, power


def precision_sessions_cases():
    for half in [0.01, 0.05, 0.1, 0.3, 0.7, 1.0, 2.0, 5.0, 9.0, 20.0]:
        for level in [0.5, 0.9, 0.95, 0.99, 0.999]:
            sd = float(random.lognormal(-3, 2))
            yield sd, sd * half, level


def document():
    if not PINGOUIN:
        print("groups: not held against pingouin, which is not installed", file=sys.stderr)
    groups = [
        group_case(name, groups, LEVELS[i % 3] if i > 7 else 0.95)
        for i, (name, groups) in enumerate(group_cases())
    ]
    return {
        "scipy": scipy.__version__,
        "statsmodels": statsmodels.__version__,
        "groups": groups,
        "nested": [nested_case(*case) for case in nested_cases()],
        "many": [many_case(ps) for ps in many_cases()],
        "power": [power_case(*case) for case in power_cases()],
        "detectable": [detectable_case(*case) for case in detectable_cases()],
        "sessions": [sessions_case(*case) for case in sessions_cases()],
        "precision_sessions": [precision_sessions_case(*case) for case in precision_sessions_cases()],
    }
