-- what: What the sessions of a run ran on and with; a key with several values differs between them.
-- parameter: run text = -- The run's id; the latest run where it is not given.

SELECT key, value, count(*) AS sessions
FROM (
    SELECT unnest(map_keys(environment)) AS key, unnest(map_values(environment)) AS value
    FROM session_status
    WHERE run_id = coalesce($run, (SELECT max(run_id) FROM session_status))
)
GROUP BY key, value
ORDER BY key, sessions DESC, value
