-- The long form: one row per sample.
SELECT
    run_id,
    session_id,
    rank,
    benchmark_id,
    benchmark,
    parameters,
    metric,
    unit,
    phase,
    chunk,
    sample,
    started_at,
    "offset",
    value,
    iterations,
    -- Levels of memory are no totals over iterations.
    CASE
        WHEN metric IN ('peak_memory', 'mean_memory') THEN value
        ELSE value / nullif(iterations, 0)
    END AS per_iteration
FROM (
    SELECT
        run_id, session_id, rank, benchmark_id, benchmark, parameters, metric, unit, phase, chunk, started_at,
        -- 1, 2, … within the chunk.
        unnest(range(1, CAST(cardinality(samples) AS BIGINT) + 1)) AS sample,
        unnest(offsets) AS "offset",
        unnest(samples) AS value,
        unnest(iterations) AS iterations
    FROM series
)
