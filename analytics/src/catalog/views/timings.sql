-- How long one iteration of each benchmark took in each session, and on what: one row per session and
-- benchmark, with the level of the memory hierarchy that its working set fits in. The bytes of one
-- iteration stand for the working set, as each array is passed once; emptied caches make it memory's.
-- Null where the session does not say how large its caches are.
SELECT
    run_id, session_id, rank, benchmark_id, benchmark, label, node, cpu_model, dtype, threads, cold,
    median, fastest, flops, bytes, items,
    CASE
        WHEN working_set IS NULL THEN NULL
        WHEN cold THEN 'memory'
        WHEN coalesce(l1d, l2, l3) IS NULL THEN NULL
        WHEN working_set <= l1d * threads THEN 'L1'
        WHEN working_set <= l2 * threads THEN 'L2'
        WHEN working_set <= l3 THEN 'L3'
        ELSE 'memory'
    END AS level
FROM (
    -- Maps are opened before the join: DataFusion 55 cannot plan it the other way round.
    SELECT
        run_id, session_id, rank, benchmark_id, benchmark, label, flops, bytes, items,
        parameters['dtype'] AS dtype,
        coalesce(TRY_CAST(parameters['threads'] AS BIGINT), 1) AS threads,
        coalesce(parameters['cache'] = 'cold', false) AS cold,
        coalesce(bytes, TRY_CAST(parameters['bytes'] AS BIGINT)) AS working_set,
        list_median("values") AS median,
        list_quantile("values", 0.0) AS fastest
    FROM measured
    WHERE metric = 'time'
) timed
LEFT JOIN (
    SELECT
        session_id AS of_session,
        node,
        environment['cpu.model'] AS cpu_model,
        TRY_CAST(environment['cache.l1d'] AS BIGINT) AS l1d,
        TRY_CAST(environment['cache.l2'] AS BIGINT) AS l2,
        TRY_CAST(environment['cache.l3'] AS BIGINT) AS l3
    FROM session_status
) machine ON of_session = session_id
