-- What each machine was measured to do at most, by the fastest sample of all sessions, as STREAM does
-- (McCalpin, IEEE TCCA Newsletter, December 1995): flop/s in registers (`cpu.fma`), B/s of each level of
-- memory (`cpu.triad`, with either kind of store), and the seconds that a load of each level takes
-- (`cpu.latency`). A node with another processor is another machine.
SELECT
    node, cpu_model, 'compute' AS kind, dtype, threads, CAST(NULL AS VARCHAR) AS level,
    max(flops / fastest) AS peak,
    'flop/s' AS unit,
    count(DISTINCT session_id) AS sessions,
    first_value(session_id ORDER BY flops / fastest DESC, session_id) AS session_id,
    first_value(label ORDER BY flops / fastest DESC, session_id) AS label
FROM timings
WHERE benchmark = 'cpu.fma' AND NOT cold
GROUP BY node, cpu_model, dtype, threads
UNION ALL
SELECT
    node, cpu_model, 'bandwidth' AS kind, CAST(NULL AS VARCHAR) AS dtype, threads, level,
    max(bytes / fastest) AS peak,
    'B/s' AS unit,
    count(DISTINCT session_id) AS sessions,
    first_value(session_id ORDER BY bytes / fastest DESC, session_id) AS session_id,
    first_value(label ORDER BY bytes / fastest DESC, session_id) AS label
FROM timings
WHERE benchmark = 'cpu.triad' AND NOT cold AND level IS NOT NULL
GROUP BY node, cpu_model, threads, level
UNION ALL
SELECT
    node, cpu_model, 'latency' AS kind, CAST(NULL AS VARCHAR) AS dtype, threads, level,
    min(fastest / items) AS peak,
    's' AS unit,
    count(DISTINCT session_id) AS sessions,
    first_value(session_id ORDER BY fastest / items, session_id) AS session_id,
    first_value(label ORDER BY fastest / items, session_id) AS label
FROM timings
WHERE benchmark = 'cpu.latency' AND NOT cold AND level IS NOT NULL
GROUP BY node, cpu_model, threads, level
