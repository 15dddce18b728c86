"""NumPy's matrix product, for comparison.

Reads lines "N BYTES REPETITIONS" (BYTES of an element: 4 or 8) and answers each with the seconds
that the repetitions took. The number of threads is OPENBLAS_NUM_THREADS, read when NumPy loads.
"""

import sys
import time

import numpy as np

print(f"numpy {np.__version__}", flush=True)
size = None
for line in sys.stdin:
    n, width, repetitions = (int(word) for word in line.split())
    if size != (n, width):
        size = (n, width)
        random = np.random.default_rng(1)
        dtype = np.float32 if width == 4 else np.float64
        a = random.standard_normal((n, n)).astype(dtype)
        b = random.standard_normal((n, n)).astype(dtype)
        c = np.ones((n, n), dtype)
    start = time.perf_counter()
    for _ in range(repetitions):
        np.matmul(a, b, out=c)
    print(f"{time.perf_counter() - start:.9f}", flush=True)
