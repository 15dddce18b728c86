-- what: The history of each benchmark across runs: one centre and interval per run.
-- parameter: benchmark text = -- A benchmark's name or label, such as `cpu.gemm` or `cpu.gemm{n=512}`; all where it is not given.
-- parameter: metric text = time -- The metric.
-- parameter: level number = 0.95 -- The level of the interval of the mean, between 0 and 1.
-- chart: line x=started_at y=mean low=low high=high series=label

WITH session AS (
    SELECT
        run_id, benchmark_id, label, metric, unit, session_id, rank, started_at,
        list_avg("values") AS mean,
        list_median("values") AS median
    FROM measured
    WHERE metric = $metric AND ($benchmark IS NULL OR benchmark = $benchmark OR label = $benchmark)
),
run AS (
    SELECT
        run_id, benchmark_id, label, metric, unit,
        min(started_at) AS measured_at,
        count(DISTINCT session_id) AS sessions,
        array_agg(mean ORDER BY session_id, rank) AS means,
        list_median(array_agg(median ORDER BY session_id, rank)) AS median
    FROM session
    GROUP BY run_id, benchmark_id, label, metric, unit
)
SELECT
    run.label,
    run.run_id,
    -- A series may be landed before its session's start is.
    coalesce(runs.started_at, run.measured_at) AS started_at,
    runs."commit",
    run.metric,
    run.unit,
    run.sessions,
    run.median,
    list_avg(run.means) AS mean,
    list_ci_low(run.means, $level) AS low,
    list_ci_high(run.means, $level) AS high,
    list_cv(run.means) AS cv_between,
    run.means AS session_means,
    run.benchmark_id
FROM run
LEFT JOIN runs ON runs.run_id = run.run_id
ORDER BY run.label, started_at, run.run_id
