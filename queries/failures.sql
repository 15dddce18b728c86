-- what: Which benchmarks of a run have no samples, why, and in which sessions.
-- parameter: run text = -- The run's id; the latest run where it is not given.
-- parameter: metric text = time -- The metric, such as `cycles`; `all` for each of them.
-- show: label metric reason sessions nodes error

SELECT
    label, metric, reason, error,
    count(DISTINCT session_id) AS sessions,
    array_to_string(array_sort(array_agg(DISTINCT node)), ' ') AS nodes,
    array_to_string(array_sort(array_agg(DISTINCT session_id)), ' ') AS session_ids,
    min(started_at) AS first_seen,
    benchmark_id
FROM failures
WHERE run_id = coalesce($run, (SELECT max(run_id) FROM sessions))
    AND ($metric = 'all' OR metric = $metric)
GROUP BY benchmark_id, label, metric, reason, error
ORDER BY label, metric, reason, error
