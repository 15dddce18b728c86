"""One list: what NumPy, SciPy and statsmodels compute of it. Where doubles lose digits (values far from
zero, squares beyond the range) the formula is computed without rounding, and SciPy checks it where it can."""

import math

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.tsa.stattools import acf

import exact
from exact import CONTEXT, Decimal, agree, differences, double, ratio, text

LEVELS = [0.5, 0.9, 0.95, 0.99, 0.999]
PROBABILITIES = [0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0]
SHARES = [0.0, 0.05, 0.1, 0.2, 0.45]
LAGS = [0, 1, 2, 5]
# The dip of longer lists takes the reference too long.
LONGEST_DIP = 60


def cases():
    """Lists by name; those in the second part are not checked with SciPy, whose doubles lose digits."""
    random = np.random.default_rng(20261121)
    plain = {
        "one": [2.5],
        "two": [1.0, 2.0],
        "two equal": [3.0, 3.0],
        "three": [1e-3, 1.1e-3, 0.7e-3],
        "three equal": [0.1, 0.1, 0.1],
        "four": [4.0, 1.0, 3.0, 2.0],
        "ties": [5.0, 5.0, 5.0, 7.0, 7.0],
        "most are equal": [1.0] * 9 + [2.0, 3.0],
        "negative": [-3.0, -1.5, -8.25, -2.0],
        "around zero": [-2.0, -1.0, 0.0, 1.0, 3.0],
        "twenty equal": [7.0] * 20,
        "alternating": [1.0, 2.0] * 12,
        "rising": [float(i) for i in range(30)],
        "clock ticks": random.integers(100, 106, 40).astype(float),
    }
    for n in [1, 2, 3, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 59, 200, 500]:
        plain[f"normal, {n}"] = random.normal(1e-6, 1e-8, n)
    for n in [4, 6, 9, 11, 16, 30, 33, 50, 120]:
        plain[f"lognormal, {n}"] = random.lognormal(-12, 0.4, n)
    for n in [7, 13, 30, 45]:
        plain[f"slow mode, {n}"] = random.normal(1, 0.01, n) + 0.5 * (random.random(n) < 0.3)
    for n in [5, 10, 20, 50]:
        plain[f"uniform, {n}"] = random.random(n)
    for n in [6, 18, 40]:
        plain[f"exponential, {n}"] = random.exponential(3.0, n)
    for n in [8, 30, 60, 300]:
        noise = random.normal(0, 1, n)
        series = [noise[0]]
        for step in noise[1:]:
            series.append(0.7 * series[-1] + step)
        plain[f"AR(1), {n}"] = 100 + np.array(series)
    hard = {}
    for n in [5, 30, 100]:
        hard[f"far from zero, {n}"] = 1e6 + random.normal(0, 1e-3, n)
    for n in [4, 25]:
        hard[f"very large, {n}"] = random.normal(3, 1, n) * 1e300
        hard[f"very small, {n}"] = random.normal(3, 1, n) * 1e-300
    hard["wide, 50"] = random.lognormal(0, 5, 50)
    hard["beyond the sum"] = [1.5e308, 1.7e308, 1.2e308]
    hard["both ends"] = [-1.7e308, 1.7e308, 1e-300, 5.0]
    for name, values in plain.items():
        yield name, np.asarray(values, dtype=np.float64), True
    for name, values in hard.items():
        yield name, np.asarray(values, dtype=np.float64), False


def location(values, checked):
    n = len(values)
    yield "mean", double(exact.mean(values))
    yield "minimum", values.min()
    if checked:
        agree(double(exact.mean(values)), values.mean(), "mean")
    if (values > 0).all():
        logs = sum((Decimal(value).ln(CONTEXT) for value in values.tolist()), Decimal(0))
        geometric = double(CONTEXT.exp(CONTEXT.divide(logs, Decimal(n))))
        agree(geometric / values.max(), stats.gmean(values) / values.max(), "geometric mean")
        yield "geometric_mean", geometric
    else:
        yield "geometric_mean", None
    if values.max() < 1e308:
        for p in PROBABILITIES:
            yield f"quantile {p}", np.quantile(values, p)
    for share in SHARES:
        cut = int(share * n)
        kept = np.sort(values)[cut : n - cut]
        trimmed = double(exact.mean(kept))
        replaced = np.asarray(stats.mstats.winsorize(values, limits=(share, share)))
        winsorized = double(exact.mean(replaced))
        if checked:
            agree(trimmed, stats.trim_mean(values, share), "trimmed mean")
        yield f"trimmed_mean {share}", trimmed
        yield f"winsorized_mean {share}", winsorized


def spread(values, checked):
    n = len(values)
    if values.max() < 1e308:
        range_ = double(exact.quantile(values, 0.75) - exact.quantile(values, 0.25))
        if checked:
            agree(range_ / values.max(), stats.iqr(values) / values.max(), "interquartile range")
        yield "iqr", range_
        yield "mad", stats.median_abs_deviation(values)
        yield "mad_sd", stats.median_abs_deviation(values, scale="normal")
    if n < 2:
        for name in ["variance", "standard_deviation", "standard_error", "cv"]:
            yield name, None
        return
    deviation, mean = exact.deviation(values), exact.mean(values)
    if checked:
        agree(double(deviation), values.std(ddof=1), "standard deviation")
    yield "variance", double(exact.variance(values))
    yield "standard_deviation", double(deviation)
    yield "standard_error", double(CONTEXT.divide(deviation, Decimal(n).sqrt(CONTEXT)))
    if mean != 0:
        yield "cv", double(CONTEXT.divide(deviation, abs(mean)))
    for level in LEVELS if values.max() < 1e308 else []:
        t = Decimal(float(stats.t.ppf((1 + level) / 2, n - 1)))
        half = t * deviation / Decimal(n).sqrt(CONTEXT)
        yield f"mean_low {level}", double(mean - half)
        yield f"mean_high {level}", double(mean + half)


def shape(values, checked):
    n = len(values)
    d = differences(values)
    second, third, fourth = (sum(x**power for x in d) for power in (2, 3, 4))
    skewness = kurtosis = None
    if n >= 3 and second > 0:
        # m3 / m2^1.5 with m_k = sum / n^(k + 1): the powers of n that are left are n^(1/2).
        skewness = ratio(third, 1) / (ratio(second, 1) * ratio(second, 1).sqrt(CONTEXT))
        skewness *= Decimal(n).sqrt(CONTEXT) * Decimal(n * (n - 1)).sqrt(CONTEXT) / (n - 2)
        if checked:
            agree(double(skewness), stats.skew(values, bias=False), "skewness")
    yield "skewness", skewness
    if n >= 4 and second > 0:
        excess = ratio(fourth * n, second * second) - 3
        kurtosis = ratio(n - 1, (n - 2) * (n - 3)) * ((n + 1) * excess + 6)
        if checked:
            agree(double(kurtosis), stats.kurtosis(values, bias=False), "kurtosis")
        tail = ratio(3 * (n - 1) ** 2, (n - 2) * (n - 3))
        yield "bimodality", (skewness * skewness + 1) / (kurtosis + tail)
    yield "kurtosis", kurtosis
    if n <= LONGEST_DIP and values.max() < 1e300:
        yield "dip", dip(values)


def dip(values):
    """By definition: for each mode, the least d for which a function that is convex below and concave
    above it stays within d. It exists exactly if no three points forbid it."""
    at, counts = np.unique(values, return_counts=True)
    upper = np.cumsum(counts) / len(values)
    lower = upper - counts / len(values)
    return min(max(excess(at[: k + 1], lower[: k + 1], upper[: k + 1]),
                   excess(-at[k:][::-1], 1 - upper[k:][::-1], 1 - lower[k:][::-1]))
               for k in range(len(at))) / 2  # fmt: skip


def excess(at, lower, upper):
    """The most that an upper corner, but the last, lies above a chord of two lower corners."""
    worst = 0.0
    for j in range(len(at) - 1):
        left, right = np.arange(j + 1)[:, None], np.arange(j, len(at))[None, :]
        width = at[right] - at[left]
        share = np.divide(at[j] - at[left], width, out=np.zeros_like(width), where=width > 0)
        chord = lower[left] + share * (lower[right] - lower[left])
        worst = max(worst, float((upper[j] - chord).max()))
    return worst


def dependence(values, checked):
    n = len(values)
    d = differences(values)
    products = {lag: sum(a * b for a, b in zip(d, d[lag:])) for lag in range(n)}
    for lag in LAGS:
        if lag >= n or products[0] == 0:
            yield f"autocorrelation {lag}", None
            continue
        found = double(ratio(products[lag], products[0]))
        if checked:
            agree(found, acf(values, nlags=lag, adjusted=False, fft=False)[lag], "autocorrelation")
        yield f"autocorrelation {lag}", found
    if n < 4 or products[0] == 0:
        yield "effective_sample_size", None
        return
    # Geyer's initial sequences, of whole lists instead of lag by lag.
    pairs = [products[2 * m] + products[2 * m + 1] for m in range(n // 2)]
    positive = next((m for m, pair in enumerate(pairs) if pair <= 0), len(pairs))
    monotone = [min(pairs[: m + 1]) for m in range(positive)]
    tau = 2 * ratio(sum(monotone), products[0]) - 1
    yield "effective_sample_size", Decimal(n) / max(tau, Decimal(1))


def quantile_intervals(values):
    n, ordered = len(values), np.sort(values)
    for p in [0.25, 0.5, 0.9, 0.95, 0.99]:
        for level in [0.8, 0.9, 0.95, 0.99]:
            tail = (1 - level) / 2
            below = stats.binom.cdf(np.arange(-1, n + 1), n, p)  # P(B <= k), k = -1 ... n
            low = max((rank for rank in range(1, n + 1) if below[rank] <= tail), default=None)
            above = stats.binom.sf(np.arange(-1, n + 1), n, p)
            high = min((rank for rank in range(1, n + 1) if above[rank] <= tail), default=None)
            there = low is not None and high is not None
            yield f"quantile_low {p} {level}", ordered[low - 1] if there else None
            yield f"quantile_high {p} {level}", ordered[high - 1] if there else None
            yield f"quantile_level {p} {level}", below[high] - below[low] if there else None


def outliers(values):
    if values.max() > 1e300:
        return
    low, high = np.quantile(values, [0.25, 0.75])
    reach = 1.5 * stats.iqr(values)
    yield "outliers_tukey", ((values < low - reach) | (values > high + reach)).sum()
    deviation = stats.median_abs_deviation(values)
    far = abs(values - np.median(values))
    yield "outliers_mad", (0.6745 * far > 3.5 * deviation).sum()


def bootstrap():
    """SciPy's BCa intervals of 50 lists with 10 seeds each: mean and standard deviation of their ends."""
    random = np.random.default_rng(1987)
    for i in range(50):
        n = int(random.integers(8, 40))
        values = random.lognormal(0, 0.6, n) if i % 2 else random.normal(10, 1, n)
        for name, statistic in [("mean", np.mean), ("median", np.median)]:
            ends = []
            for seed in range(10):
                found = stats.bootstrap((values,), statistic, confidence_level=0.9, n_resamples=499,
                                        method="BCa", vectorized=True, rng=np.random.default_rng(seed))  # fmt: skip
                ends.append([found.confidence_interval.low, found.confidence_interval.high])
            ends = np.array(ends)
            yield {
                "statistic": name,
                "values": [text(value) for value in values],
                "mean": [text(value) for value in ends.mean(axis=0)],
                "deviation": [text(value) for value in ends.std(axis=0, ddof=1)],
            }


def expected(values, checked):
    yield from location(values, checked)
    yield from spread(values, checked)
    yield from shape(values, checked)
    yield from dependence(values, checked)
    yield from quantile_intervals(values)
    yield from outliers(values)


def document():
    return {
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "statsmodels": statsmodels.__version__,
        "cases": [
            {
                "name": name,
                "values": [text(value) for value in values],
                "expected": {key: text(value) for key, value in expected(values, checked)},
            }
            for name, values, checked in cases()
        ],
        "bootstrap": list(bootstrap()),
    }
