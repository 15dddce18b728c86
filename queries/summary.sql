-- what: Each benchmark of a run: centre, interval over sessions, spread, rates, flags.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- parameter: level number = 0.95 -- The level of the interval of the mean, between 0 and 1.
-- chart: bar x=label y=mean low=low high=high

-- The session is the unit of replication: first one mean and one median per session, then the
-- interval over the sessions' means. One session has no interval.
WITH session AS (
    SELECT
        benchmark_id, label, metric, unit, session_id, rank, flops, bytes, flags,
        cardinality("values") AS samples,
        list_avg("values") AS mean,
        list_median("values") AS median,
        list_cv("values") AS cv
    FROM measured
    WHERE run_id = coalesce($run, (SELECT max(run_id) FROM measured))
),
benchmark AS (
    SELECT
        benchmark_id, label, metric, unit,
        max(flops) AS flops,
        max(bytes) AS bytes,
        count(DISTINCT session_id) AS sessions,
        sum(samples) AS samples,
        array_agg(mean ORDER BY session_id, rank) AS means,
        array_agg(median ORDER BY session_id, rank) AS medians,
        array_agg(cv ORDER BY session_id, rank) AS cvs,
        array_sort(array_distinct(flatten(array_agg(flags)))) AS flags
    FROM session
    GROUP BY benchmark_id, label, metric, unit
)
SELECT
    label, metric, unit, sessions, samples,
    list_median(medians) AS median,
    list_avg(means) AS mean,
    list_ci_low(means, $level) AS low,
    list_ci_high(means, $level) AS high,
    list_cv(means) AS cv_between,
    list_avg(cvs) AS cv_within,
    CASE WHEN metric = 'time' THEN flops / list_avg(means) / 1e9 END AS gflop_per_s,
    CASE WHEN metric = 'time' THEN bytes / list_avg(means) / 1e9 END AS gb_per_s,
    array_to_string(flags, ' ') AS flags,
    benchmark_id
FROM benchmark
ORDER BY label, metric
