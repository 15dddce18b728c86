"""Writes reference.json beside this file: what NumPy and SciPy compute, for tests/statistics.rs.

    python3 -m venv venv && venv/bin/pip install numpy scipy && venv/bin/python reference.py
"""

import json
import pathlib

import numpy as np
import scipy
from scipy import stats

LEVELS = [0.5, 0.9, 0.95, 0.99, 0.999]
PROBABILITIES = [0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0]


def case(name, values):
    values = np.asarray(values, dtype=np.float64)
    # The reference for sums is computed with 64-bit mantissas, which is more than the result needs.
    wide = values.astype(np.longdouble)
    mean, deviation = wide.mean(), wide.std(ddof=1)
    intervals = []
    for level in LEVELS:
        t = stats.t.ppf((1 + level) / 2, len(values) - 1)
        half = np.longdouble(t) * deviation / np.sqrt(np.longdouble(len(values)))
        intervals.append([level, float(mean - half), float(mean + half)])
    return {
        "name": name,
        # As text: not every JSON reader rounds to the nearest double.
        "values": [repr(value) for value in values.tolist()],
        "mean": float(mean),
        "standard_deviation": float(deviation),
        "coefficient_of_variation": float(deviation / abs(mean)),
        "quantiles": [[p, float(np.quantile(values, p))] for p in PROBABILITIES],
        "intervals": intervals,
    }


random = np.random.default_rng(20261121)
cases = [
    case("two", [1.0, 2.0]),
    case("three", [1e-3, 1.1e-3, 0.7e-3]),
    case("ties", [5.0, 5.0, 5.0, 7.0, 7.0]),
    case("negative", [-3.0, -1.5, -8.25, -2.0]),
    case("lognormal, 30", random.lognormal(-12, 0.2, 30)),
    case("normal, 1000", random.normal(1e-6, 1e-8, 1000)),
    case("far from zero, 100", 1e6 + random.normal(0, 1e-3, 100)),
    case("wide, 200", random.lognormal(0, 5, 200)),
]
out = pathlib.Path(__file__).with_name("reference.json")
document = {"numpy": np.__version__, "scipy": scipy.__version__, "cases": cases}
out.write_text(json.dumps(document, indent=1) + "\n")
