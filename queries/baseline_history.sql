-- what: Every revision of a baseline, newest first: what it was, who moved it, and why.
-- parameter: name text = -- The baseline's name; all of them where it is not given.
-- show: name revision platform event set_at moved_by selector sessions runs commit reason

SELECT
    name, revision, platform, event, set_at, moved_by, selector,
    cardinality(sessions) AS sessions,
    cardinality(runs) AS runs,
    "commit", reason,
    array_to_string(sessions, ' ') AS session_ids,
    array_to_string(runs, ' ') AS run_ids
FROM baselines
WHERE $name IS NULL OR name = $name
ORDER BY name, revision DESC, platform
