-- How long one iteration of each benchmark took in each session, and on what: one row per session and
-- benchmark, with the level of the memory hierarchy that its working set fits in. The bytes of one
-- iteration stand for the working set, as each array is passed once; emptied caches make it memory's.
SELECT
    run_id, session_id, rank, benchmark_id, benchmark, label, node, cpu_model, dtype, threads, cold,
    median, flops, bytes, items,
    CASE
        WHEN working_set IS NULL THEN NULL
        WHEN cold THEN 'memory'
        WHEN working_set <= l1d * threads THEN 'L1'
        WHEN working_set <= l2 * threads THEN 'L2'
        WHEN working_set <= l3 THEN 'L3'
        ELSE 'memory'
    END AS level
FROM (
    SELECT
        m.run_id, m.session_id, m.rank, m.benchmark_id, m.benchmark, m.label, m.flops, m.bytes, m.items,
        s.node,
        s.environment['cpu.model'] AS cpu_model,
        TRY_CAST(s.environment['cache.l1d'] AS BIGINT) AS l1d,
        TRY_CAST(s.environment['cache.l2'] AS BIGINT) AS l2,
        TRY_CAST(s.environment['cache.l3'] AS BIGINT) AS l3,
        m.parameters['dtype'] AS dtype,
        coalesce(TRY_CAST(m.parameters['threads'] AS BIGINT), 1) AS threads,
        coalesce(m.parameters['cache'] = 'cold', false) AS cold,
        coalesce(m.bytes, TRY_CAST(m.parameters['bytes'] AS BIGINT)) AS working_set,
        list_median(m."values") AS median
    FROM measured m
    LEFT JOIN session_status s ON s.session_id = m.session_id
    WHERE m.metric = 'time'
)
