"""What `cargo xtask bench analytics` compares benchlake with.

    bench_analytics.py summary duckdb|polars|chdb FILES LENGTH
    bench_analytics.py compare samples|ranks|medians FILE BENCHMARKS SESSIONS SAMPLES

Prints one JSON object: the seconds of the work itself (start of Python and imports are not in it), the
peak of memory of the process in KiB, and figures by which both sides are seen to have computed the same.

`summary`: n, mean, sd, median, 95th percentile and Student's 95 % interval of the mean of the list
`samples` of each row of the Parquet files FILES. All series are LENGTH long, so that Student's quantile is
a number here; benchlake looks it up for each row. Each engine has the formulation that was fastest of
those tried (2 cores, 200,000 series of 100 samples; seconds):

- DuckDB: `list_aggregate(…, 'quantile_cont', [0.5, 0.95])` 1.8; one call for each quantile 2.2; unnest
  and GROUP BY with both quantiles at once 2.1; sorted lists and indices 3.1.
- Polars: `list.agg` of a struct 0.73; `list.median` and `list.agg` 0.74; `list.eval` 0.87; sorted lists and
  indices 1.4; explode and group_by 2.4. The streaming engine, which was never slower.
- chdb: sorted lists and indices 0.58; `quantilesExactInclusive` 1.1; ARRAY JOIN and GROUP BY 1.4.

`compare`: for each of BENCHMARKS the ratio of two sides of SESSIONS sessions with SAMPLES samples, with
the interval of the studentised hierarchical bootstrap, 2,000 resamples: the statistic of benchlake's
`session_ratio`, which states it. FILE holds doubles: benchmarks × 2 sides × sessions × samples.
NumPy resamples in one of three ways:

- `samples`: each resample's samples are drawn, sorted, and give their median; sorting takes half the time
  of `np.partition` here, as NumPy sorts with AVX-512.
- `ranks`: as the sessions are sorted beforehand, ranks are drawn, sorted as 16-bit integers and looked up.
- `medians`: the rank of the median is drawn from its own distribution, a beta: what benchlake does.
"""

import glob
import json
import sys
import time

RESAMPLES = 2_000
LEVEL = 0.95


def peak_kib():
    """The most memory that this process ever had."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def say(seconds, sums):
    print(json.dumps({"seconds": seconds, "peak_kib": peak_kib(), "sums": [float(x) for x in sums]}))


def duckdb_summary(files, t):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    began = time.perf_counter()
    table = connection.sql(f"""
        SELECT n, mean, sd, q[1] AS median, q[2] AS p95,
               mean - {t!r} * sd / sqrt(n) AS low, mean + {t!r} * sd / sqrt(n) AS high
        FROM (SELECT len(samples) AS n, list_avg(samples) AS mean, list_stddev_samp(samples) AS sd,
                     list_aggregate(samples, 'quantile_cont', [0.5, 0.95]) AS q
              FROM read_parquet('{files}'))
    """).to_arrow_table()
    return time.perf_counter() - began, table


def polars_summary(files, t):
    import polars as pl

    samples, element = pl.col("samples"), pl.element()
    quantiles = pl.struct(element.median().alias("median"), element.quantile(0.95, "linear").alias("p95"))
    began = time.perf_counter()
    half = t * pl.col("sd") / pl.col("n").sqrt()
    frame = (
        pl.scan_parquet(files)
        .select(
            samples.list.len().alias("n"),
            samples.list.mean().alias("mean"),
            samples.list.std().alias("sd"),
            samples.list.agg(quantiles).alias("q"),
        )
        .unnest("q")
        .with_columns(low=pl.col("mean") - half, high=pl.col("mean") + half)
        .collect(engine="streaming")
    )
    return time.perf_counter() - began, frame.to_arrow()


def chdb_summary(files, t):
    import chdb
    import pyarrow as pa

    began = time.perf_counter()
    answer = chdb.query(
        f"""
        SELECT length(s) AS n, arrayAvg(s) AS mean, arrayReduce('stddevSamp', s) AS sd,
               (s[intDiv(n + 1, 2)] + s[intDiv(n, 2) + 1]) / 2 AS median,
               (n - 1) * 0.95 AS place, toInt64(floor(place)) AS below,
               s[below + 1] + (s[least(below + 2, n)] - s[below + 1]) * (place - below) AS p95,
               mean - {t!r} * sd / sqrt(n) AS low, mean + {t!r} * sd / sqrt(n) AS high
        FROM (SELECT arraySort(samples) AS s FROM file('{files}', 'Parquet', 'samples Array(Float64)'))
        """,
        "Arrow",
    )
    table = pa.ipc.open_file(pa.py_buffer(answer.bytes())).read_all()
    return time.perf_counter() - began, table


def summary(engine, files, length):
    import numpy as np
    from scipy.stats import t

    assert glob.glob(files), files
    engines = {"duckdb": duckdb_summary, "polars": polars_summary, "chdb": chdb_summary}
    quantile = float(t.ppf((1 + LEVEL) / 2, int(length) - 1))
    seconds, table = engines[engine](files, quantile)
    column = {name: table[name].to_numpy() for name in ("n", "mean", "sd", "median", "p95", "low", "high")}
    sums = [np.sum(values, dtype=np.float64) for values in column.values()]
    # Ties the figures of a row together: rows in another order give the same, mixed ones do not.
    sums.append(np.sum((column["p95"] - column["median"]) * column["sd"]))
    say(seconds, sums)


def draw_samples(logs, n, m, rng):
    """Centres of RESAMPLES × n drawn sessions and of what their drawn samples add: (sessions, medians)."""
    import numpy as np

    sessions = rng.integers(n, size=(RESAMPLES, n), dtype=np.int32)
    drawn = logs.ravel()[sessions[..., None] * m + rng.integers(m, size=(RESAMPLES, n, m), dtype=np.uint8)]
    drawn.sort(axis=-1)
    return sessions, (drawn[..., (m - 1) // 2] + drawn[..., m // 2]) / 2


def draw_ranks(logs, n, m, rng):
    import numpy as np

    flat = np.sort(logs, axis=1).ravel()
    sessions = rng.integers(n, size=(RESAMPLES, n), dtype=np.int32)
    ranks = rng.integers(m, size=(RESAMPLES, n, m), dtype=np.uint8).astype(np.uint16)
    ranks.sort(axis=-1)
    first = sessions * m
    return sessions, (flat[first + ranks[..., (m - 1) // 2]] + flat[first + ranks[..., m // 2]]) / 2


def draw_medians(logs, n, m, rng):
    import numpy as np

    flat = np.sort(logs, axis=1).ravel()
    sessions = rng.integers(n, size=(RESAMPLES, n), dtype=np.int32)
    lower = (m + 1) // 2
    at = rng.beta(lower, m - lower + 1, size=(RESAMPLES, n))
    medians = flat[sessions * m + (at * m).astype(np.int32)]
    if m % 2 == 0:
        at += (1 - at) * (1 - rng.random((RESAMPLES, n)) ** (1 / (m - lower)))
        medians = (medians + flat[sessions * m + (at * m).astype(np.int32)]) / 2
    return sessions, medians


def welch(a, b):
    """Difference, its standard error and degrees of freedom, along the last axis."""
    na, nb = a.shape[-1], b.shape[-1]
    va, vb = a.var(axis=-1, ddof=1) / na, b.var(axis=-1, ddof=1) / nb
    df = (va + vb) ** 2 / (va**2 / (na - 1) + vb**2 / (nb - 1))
    return b.mean(axis=-1) - a.mean(axis=-1), (va + vb) ** 0.5, df


def session_ratio(first, second, draw, rng):
    """(ratio, low, high) of two arrays of sessions × samples."""
    import math

    import numpy as np

    observed, drawn = [], []
    for side in (np.log(first), np.log(second)):
        n, m = side.shape
        centres = np.median(side, axis=1)
        mean = centres.mean()
        sessions, medians = draw(side, n, m, rng)
        wider = mean + (centres - mean) * math.sqrt(n / (n - 1)) - centres
        observed.append(centres)
        drawn.append(medians + wider[sessions])
    theta, error, _ = welch(*observed)
    resampled, errors, _ = welch(*drawn)
    place = min(math.ceil(LEVEL * (RESAMPLES + 1)), RESAMPLES) - 1
    half = np.partition(np.abs(resampled - theta) / errors, place)[place] * error
    return math.exp(theta), math.exp(theta - half), math.exp(theta + half)


def compare(how, file, benchmarks, sessions, samples):
    import numpy as np

    draw = {"samples": draw_samples, "ranks": draw_ranks, "medians": draw_medians}[how]
    data = np.fromfile(file).reshape(int(benchmarks), 2, int(sessions), int(samples))
    rng = np.random.default_rng(1)
    began = time.perf_counter()
    found = np.array([session_ratio(first, second, draw, rng) for first, second in data])
    seconds = time.perf_counter() - began
    say(seconds, [found[:, 0].sum(), np.log(found[:, 2] / found[:, 1]).mean() / 2])


if __name__ == "__main__":
    {"summary": summary, "compare": compare}[sys.argv[1]](*sys.argv[2:])
