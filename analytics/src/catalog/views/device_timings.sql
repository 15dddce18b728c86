-- How long one iteration of each benchmark of a device took in each session, and on which device: one row per
-- session, rank and benchmark.
SELECT
    run_id, session_id, rank, benchmark_id, benchmark, label, device,
    coalesce(environment['gpu.0.name'], device) AS device_name,
    node, dtype, mode, n, median, fastest, flops, bytes, items
FROM (
    -- Maps are opened before the join: DataFusion 55 cannot plan it the other way round.
    SELECT
        run_id, session_id, rank, benchmark_id, benchmark, label, device, flops, bytes, items,
        parameters['dtype'] AS dtype,
        parameters['mode'] AS mode,
        TRY_CAST(parameters['n'] AS BIGINT) AS n,
        list_median("values") AS median,
        list_quantile("values", 0.0) AS fastest
    FROM measured
    WHERE metric = 'time' AND device IS NOT NULL
) timed
LEFT JOIN (
    SELECT session_id AS of_session, node, environment FROM session_status
) machine ON of_session = session_id
