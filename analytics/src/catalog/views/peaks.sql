-- What each machine was measured to do at most, in its best session: flop/s in registers (`cpu.fma`),
-- B/s of each level of memory (`cpu.triad`, with either kind of store), and the seconds that a load
-- of each level takes (`cpu.latency`). A node with another processor is another machine.
SELECT
    node, cpu_model, 'compute' AS kind, dtype, threads, CAST(NULL AS VARCHAR) AS level,
    max(flops / median) AS peak,
    'flop/s' AS unit,
    count(DISTINCT session_id) AS sessions,
    first_value(session_id ORDER BY flops / median DESC, session_id) AS session_id,
    first_value(label ORDER BY flops / median DESC, session_id) AS label
FROM timings
WHERE benchmark = 'cpu.fma' AND NOT cold
GROUP BY node, cpu_model, dtype, threads
UNION ALL
SELECT
    node, cpu_model, 'bandwidth' AS kind, CAST(NULL AS VARCHAR) AS dtype, threads, level,
    max(bytes / median) AS peak,
    'B/s' AS unit,
    count(DISTINCT session_id) AS sessions,
    first_value(session_id ORDER BY bytes / median DESC, session_id) AS session_id,
    first_value(label ORDER BY bytes / median DESC, session_id) AS label
FROM timings
WHERE benchmark = 'cpu.triad' AND NOT cold
GROUP BY node, cpu_model, threads, level
UNION ALL
SELECT
    node, cpu_model, 'latency' AS kind, CAST(NULL AS VARCHAR) AS dtype, threads, level,
    min(median / items) AS peak,
    's' AS unit,
    count(DISTINCT session_id) AS sessions,
    first_value(session_id ORDER BY median / items, session_id) AS session_id,
    first_value(label ORDER BY median / items, session_id) AS label
FROM timings
WHERE benchmark = 'cpu.latency' AND NOT cold
GROUP BY node, cpu_model, threads, level
