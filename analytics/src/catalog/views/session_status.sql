-- One row per session: its end where there is one, else its start; of several ranks the first one's, which
-- leads. A session that crashed has a start alone and stays `running`.
SELECT
    run_id, session_id, started_at, ended_at, status, message, node, rank, world_size, devices,
    "commit", branch, dirty, arm, position, seed, suite, suite_hash, environment, tags
FROM (
    SELECT *, row_number() OVER (PARTITION BY session_id ORDER BY event, rank) AS place
    FROM sessions
)
WHERE place = 1
