-- what: Each benchmark of a run: centre, interval over sessions, spread, rates, fraction of peak, flags.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- parameter: metric text = time -- The metric, such as `cycles`; `all` for each of them.
-- parameter: level number = 0.95 -- The level of the interval, between 0 and 1.
-- chart: bar x=label y=centre low=low high=high
-- show: label arm sessions samples centre:unit low:unit high:unit cv_between:percent cv_within:percent rate of_peak:percent flags

-- The session is the unit of replication: a session's centre is the median of its samples, which a
-- few disturbed samples do not move; the interval is taken over the sessions' centres. One session
-- has no interval. Of several ranks of a session the worst one counts.
WITH of_rank AS (
    SELECT
        benchmark_id, label, arm, metric, unit, better, session_id, flops, bytes, flags,
        cardinality("values") AS samples,
        list_avg("values") AS mean,
        list_median("values") AS median,
        list_cv("values") AS cv
    FROM measured
    LEFT JOIN (SELECT session_id, arm FROM session_status) USING (session_id)
    WHERE run_id = coalesce($run, (SELECT max(run_id) FROM measured_runs))
        AND ($metric = 'all' OR metric = $metric)
),
session AS (
    SELECT
        benchmark_id, label, arm, metric, unit, session_id,
        max(flops) AS flops,
        max(bytes) AS bytes,
        max(samples) AS samples,
        CASE WHEN better = 'higher' THEN min(mean) ELSE max(mean) END AS mean,
        CASE WHEN better = 'higher' THEN min(median) ELSE max(median) END AS median,
        max(cv) AS cv,
        flatten(array_agg(flags)) AS flags
    FROM of_rank
    GROUP BY benchmark_id, label, arm, metric, unit, better, session_id
),
benchmark AS (
    SELECT
        benchmark_id, label, arm, metric, unit,
        max(flops) AS flops,
        max(bytes) AS bytes,
        count(DISTINCT session_id) AS sessions,
        sum(samples) AS samples,
        array_agg(mean ORDER BY session_id) AS means,
        array_agg(median ORDER BY session_id) AS medians,
        array_agg(cv ORDER BY session_id) AS cvs,
        array_sort(array_distinct(flatten(array_agg(flags)))) AS flags
    FROM session
    GROUP BY benchmark_id, label, arm, metric, unit
),
centred AS (
    SELECT
        *,
        list_avg(medians) AS centre,
        CASE WHEN metric = 'time' THEN flops / list_avg(medians) / 1e9 END AS gflop_per_s,
        CASE WHEN metric = 'time' THEN bytes / list_avg(medians) / 1e9 END AS gb_per_s
    FROM benchmark
),
peak AS (
    SELECT
        benchmark_id AS of_benchmark, arm AS of_arm,
        list_avg(array_agg(of_peak ORDER BY session_id, rank)) AS of_peak
    FROM roofline
    LEFT JOIN (SELECT session_id, arm FROM session_status) USING (session_id)
    WHERE run_id = coalesce($run, (SELECT max(run_id) FROM measured_runs))
    GROUP BY benchmark_id, arm
)
SELECT
    label, arm, metric, unit, sessions, samples, centre,
    list_ci_low(medians, $level) AS low,
    list_ci_high(medians, $level) AS high,
    list_cv(medians) AS cv_between,
    list_avg(cvs) AS cv_within,
    list_avg(means) AS mean,
    gflop_per_s, gb_per_s,
    -- Memory-bound work has few flops a byte: its rate is the traffic's.
    CASE
        WHEN flops >= bytes THEN concat(round(gflop_per_s, 1), ' GFLOP/s')
        WHEN bytes IS NOT NULL THEN concat(round(gb_per_s, 1), ' GB/s')
        WHEN flops IS NOT NULL THEN concat(round(gflop_per_s, 1), ' GFLOP/s')
    END AS rate,
    -- Of what the machine was measured to do at most; empty where it was not: see the query `roofline`.
    of_peak,
    array_to_string(flags, ' ') AS flags,
    benchmark_id
FROM centred
LEFT JOIN peak ON of_benchmark = benchmark_id AND (of_arm IS NOT DISTINCT FROM arm) AND metric = 'time'
ORDER BY label, arm, metric
