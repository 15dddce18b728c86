-- One row per run.
SELECT
    run_id,
    min(started_at) AS started_at,
    max(ended_at) AS ended_at,
    count(*) AS sessions,
    count(*) FILTER (WHERE status = 'ok') AS ok,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status = 'interrupted') AS interrupted,
    count(*) FILTER (WHERE status = 'running') AS running,
    count(DISTINCT node) AS nodes,
    min(suite) AS suite,
    first_value("commit" ORDER BY started_at, session_id) AS "commit",
    first_value(branch ORDER BY started_at, session_id) AS branch,
    bool_or(dirty) AS dirty,
    first_value(tags ORDER BY started_at, session_id) AS tags
FROM session_status
GROUP BY run_id
