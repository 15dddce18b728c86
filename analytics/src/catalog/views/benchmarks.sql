-- One row per benchmark.
SELECT
    benchmark_id,
    first_value(benchmark) AS benchmark,
    first_value(parameters) AS parameters,
    benchmark_label(first_value(benchmark), first_value(parameters)) AS label,
    min(started_at) AS first_seen,
    max(started_at) AS last_seen,
    count(DISTINCT run_id) AS runs,
    count(DISTINCT session_id) AS sessions,
    count(*) FILTER (WHERE chunk = 0) AS series
FROM series
GROUP BY benchmark_id
