-- How long one iteration took where several ranks measured together: one row per session and benchmark. Sample
-- by sample the slowest rank counts, as an iteration lasts until all are done; ranks sample in step, so that a
-- sample has the same place at each. A session in which a rank has no samples is left out.
SELECT
    run_id, session_id, benchmark_id, benchmark, label, ranks, scaling,
    max(bytes) AS bytes,
    max(flops) AS flops,
    count(*) AS samples,
    list_median(array_agg(slowest ORDER BY chunk, sample)) AS median
FROM (
    SELECT
        run_id, session_id, benchmark_id, benchmark, label, ranks, scaling, chunk, sample,
        max(bytes) AS bytes,
        max(flops) AS flops,
        max(value / nullif(iterations, 0)) AS slowest,
        count(DISTINCT rank) AS there
    FROM (
        SELECT
            run_id, session_id, rank, benchmark_id, benchmark, chunk, bytes, flops,
            benchmark_label(benchmark, parameters) AS label,
            TRY_CAST(parameters['ranks'] AS BIGINT) AS ranks,
            parameters['scaling'] AS scaling,
            unnest(range(1, CAST(cardinality(samples) AS BIGINT) + 1)) AS sample,
            unnest(samples) AS value,
            unnest(iterations) AS iterations
        FROM series
        WHERE phase = 'measure' AND metric = 'time' AND parameters['ranks'] IS NOT NULL
    )
    GROUP BY run_id, session_id, benchmark_id, benchmark, label, ranks, scaling, chunk, sample
)
WHERE there = ranks
GROUP BY run_id, session_id, benchmark_id, benchmark, label, ranks, scaling
