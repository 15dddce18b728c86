-- what: What each machine was measured to do at most: flop/s, B/s and latency of each level.
-- parameter: node text = -- The node; all where it is not given.
-- show: node kind dtype threads level peak:unit sessions label

SELECT node, cpu_model, kind, dtype, threads, level, peak, unit, sessions, label, session_id
FROM peaks
WHERE $node IS NULL OR node = $node
ORDER BY
    node, cpu_model,
    CASE kind WHEN 'compute' THEN 1 WHEN 'bandwidth' THEN 2 ELSE 3 END,
    dtype, threads, level
