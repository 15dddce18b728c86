-- what: The sessions, latest first; one that crashed has no end and stays `running`.
-- parameter: run text = -- The run's id; all runs where it is not given.
-- show: started_at suite node rank status message commit branch arm session_id

SELECT started_at, run_id, session_id, suite, node, rank, status, message, ended_at, "commit", branch, arm, position
FROM session_status
WHERE $run IS NULL OR run_id = $run
ORDER BY started_at DESC, position DESC, session_id DESC
