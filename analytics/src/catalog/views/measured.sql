-- What statistics are computed from: one row per session, benchmark and metric, warm-up left out,
-- the chunks of long series put together, every sample divided by its iterations, save levels of
-- memory, which are no totals. What has no samples is in the view `failures`.
WITH part AS (
    SELECT
        run_id, session_id, rank, benchmark_id, benchmark, parameters, metric, unit, better, device, started_at,
        chunk, chunks,
        CASE
            WHEN metric IN ('peak_memory', 'mean_memory') THEN samples
            ELSE per_iteration(samples, iterations)
        END AS "values",
        flops, bytes, items, flags, check_error, check_tolerance
    FROM series
    WHERE phase = 'measure' AND cardinality(samples) > 0
)
-- Nearly every series is one row and says so: nothing is to be put together, which costs eight times reading.
SELECT
    run_id, session_id, rank, benchmark_id, benchmark, parameters,
    benchmark_label(benchmark, parameters) AS label,
    metric, unit, better, device, started_at, "values", flops, bytes, items,
    array_sort(array_distinct(flags)) AS flags,
    check_error, check_tolerance
FROM part
WHERE chunks = 1
UNION ALL
SELECT
    run_id, session_id, rank, benchmark_id, benchmark,
    first_value(parameters) AS parameters,
    benchmark_label(benchmark, first_value(parameters)) AS label,
    metric, unit, better, device,
    min(started_at) AS started_at,
    flatten(array_agg("values" ORDER BY chunk)) AS "values",
    max(flops) AS flops,
    max(bytes) AS bytes,
    max(items) AS items,
    array_sort(array_distinct(flatten(array_agg(flags)))) AS flags,
    max(check_error) AS check_error,
    max(check_tolerance) AS check_tolerance
FROM part
-- Rows of before 1.2 do not say. Said so that row groups without such rows are not read.
WHERE chunks > 1 OR chunks IS NULL
-- The name follows from the id; as a key of the groups it can be asked for before they are made.
GROUP BY run_id, session_id, rank, benchmark_id, benchmark, metric, unit, better, device
