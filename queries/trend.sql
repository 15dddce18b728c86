-- what: The history of each benchmark across runs: one centre and interval per run.
-- parameter: benchmark text = -- A benchmark's name or label, such as `cpu.gemm` or `cpu.gemm{n=512}`; all where it is not given.
-- parameter: metric text = time -- The metric, such as `cycles`; `all` for each of them.
-- parameter: level number = 0.95 -- The level of the interval, between 0 and 1.
-- chart: line x=started_at y=centre low=low high=high series=label
-- show: label arm started_at commit sessions centre:unit low:unit high:unit cv_between:percent

-- Of several ranks of a session the worst one counts.
WITH of_rank AS (
    SELECT
        run_id, benchmark_id, label, arm, metric, unit, better, session_id, started_at,
        list_median("values") AS centre
    FROM measured
    LEFT JOIN (SELECT session_id, arm FROM session_status) USING (session_id)
    WHERE ($metric = 'all' OR metric = $metric)
        AND ($benchmark IS NULL OR benchmark = $benchmark OR label = $benchmark)
),
session AS (
    SELECT
        run_id, benchmark_id, label, arm, metric, unit, session_id,
        min(started_at) AS started_at,
        CASE WHEN better = 'higher' THEN min(centre) ELSE max(centre) END AS centre
    FROM of_rank
    GROUP BY run_id, benchmark_id, label, arm, metric, unit, better, session_id
),
run AS (
    SELECT
        run_id, benchmark_id, label, arm, metric, unit,
        min(started_at) AS measured_at,
        count(*) AS sessions,
        array_agg(centre ORDER BY session_id) AS centres
    FROM session
    GROUP BY run_id, benchmark_id, label, arm, metric, unit
)
SELECT
    run.label,
    run.arm,
    run.run_id,
    -- A series may be landed before its session's start is.
    coalesce(runs.started_at, run.measured_at) AS started_at,
    runs."commit",
    run.metric,
    run.unit,
    run.sessions,
    list_avg(run.centres) AS centre,
    list_ci_low(run.centres, $level) AS low,
    list_ci_high(run.centres, $level) AS high,
    list_cv(run.centres) AS cv_between,
    run.centres AS session_centres,
    run.benchmark_id
FROM run
LEFT JOIN runs ON runs.run_id = run.run_id
ORDER BY run.label, run.arm, run.metric, started_at, run.run_id
