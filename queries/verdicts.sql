-- what: The verdicts that were recorded, newest first: what was compared, the ratio and its interval.
-- parameter: verdict text = -- Only `regression`, `improvement`, `equivalent` or `inconclusive`.
-- parameter: benchmark text = -- Only the benchmark of this name, such as `cpu.gemm`.
-- parameter: limit integer = 100 -- How many.
-- show: decided_at label metric verdict severity ratio ratio_low ratio_high level baseline candidate

-- `ratio` is candidate / baseline in the metric's own unit, with its interval at `level`; `query` is the
-- command that repeats the comparison.
WITH placed AS (
    SELECT
        *,
        benchmark_label(benchmark, parameters) AS label,
        row_number() OVER (
            ORDER BY decided_at DESC, benchmark, benchmark_id, metric, verdict_id
        ) AS place
    FROM verdicts
    WHERE ($verdict IS NULL OR verdict = $verdict) AND ($benchmark IS NULL OR benchmark = $benchmark)
)
SELECT
    decided_at, label, metric, verdict, severity, ratio, ratio_low, ratio_high, level, baseline, candidate,
    method, policy, verdict_id, benchmark_id, query
FROM placed
WHERE place <= $limit
ORDER BY place
