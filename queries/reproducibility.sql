-- what: Whether each benchmark of a run repeats: the spread of its sessions' centres against a limit.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- parameter: metric text = time -- The metric, such as `cycles`; `all` for each of them.
-- parameter: limit number = 0.05 -- The largest coefficient of variation that counts as reproducible.
-- parameter: sessions integer = 3 -- Below this many sessions nothing is said.
-- chart: bar x=label y=cv_of_medians
-- show: label arm sessions cv_of_medians:percent cv_of_means:percent limit:percent reproducible

-- Coefficient of variation across sessions: standard deviation of the sessions' medians over their
-- mean; medians decide, as a burst of foreign load moves a session's mean but hardly its median. The
-- same of the means is beside it: far apart, the two say that sessions were disturbed. Of several ranks
-- of a session the worst one counts.
WITH of_rank AS (
    SELECT
        benchmark_id, label, arm, metric, better, session_id,
        list_avg("values") AS mean,
        list_median("values") AS median
    FROM measured
    LEFT JOIN (SELECT session_id, arm FROM session_status) USING (session_id)
    WHERE run_id = coalesce($run, (SELECT max(run_id) FROM measured_runs))
        AND ($metric = 'all' OR metric = $metric)
),
session AS (
    SELECT
        benchmark_id, label, arm, metric, session_id,
        CASE WHEN better = 'higher' THEN min(mean) ELSE max(mean) END AS mean,
        CASE WHEN better = 'higher' THEN min(median) ELSE max(median) END AS median
    FROM of_rank
    GROUP BY benchmark_id, label, arm, metric, better, session_id
),
benchmark AS (
    SELECT
        benchmark_id, label, arm, metric,
        count(*) AS sessions,
        list_cv(array_agg(mean ORDER BY session_id)) AS cv_of_means,
        list_cv(array_agg(median ORDER BY session_id)) AS cv_of_medians
    FROM session
    GROUP BY benchmark_id, label, arm, metric
)
SELECT
    label, arm, metric, sessions, cv_of_medians, cv_of_means,
    $limit AS "limit",
    CASE
        WHEN sessions < greatest($sessions, 2) OR cv_of_medians IS NULL THEN 'too few sessions'
        WHEN cv_of_medians <= $limit THEN 'yes'
        ELSE 'no'
    END AS reproducible,
    benchmark_id
FROM benchmark
ORDER BY label, arm, metric
