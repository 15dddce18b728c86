-- What statistics are computed from: one row per session, benchmark and metric, warm-up left out,
-- the chunks of long series put together, every sample divided by its iterations.
SELECT
    run_id,
    session_id,
    rank,
    benchmark_id,
    first_value(benchmark) AS benchmark,
    first_value(parameters) AS parameters,
    benchmark_label(first_value(benchmark), first_value(parameters)) AS label,
    metric,
    unit,
    better,
    device,
    min(started_at) AS started_at,
    flatten(array_agg(per_iteration(samples, iterations) ORDER BY chunk)) AS "values",
    max(flops) AS flops,
    max(bytes) AS bytes,
    max(items) AS items,
    array_sort(array_distinct(flatten(array_agg(flags)))) AS flags,
    max(check_error) AS check_error,
    max(check_tolerance) AS check_tolerance
FROM series
WHERE phase = 'measure' AND cardinality(samples) > 0
GROUP BY run_id, session_id, rank, benchmark_id, metric, unit, better, device
