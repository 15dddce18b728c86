-- What has no samples, and why: one row per session, benchmark and metric.
SELECT
    s.run_id,
    s.session_id,
    s.rank,
    session_status.node,
    s.benchmark_id,
    s.benchmark,
    s.parameters,
    benchmark_label(s.benchmark, s.parameters) AS label,
    s.metric,
    s.stop_reason AS reason,
    s.error,
    s.started_at
FROM series s
LEFT JOIN session_status ON session_status.session_id = s.session_id
WHERE s.stop_reason IN ('skipped', 'failed', 'wrong_result', 'panicked', 'timed_out', 'crashed')
