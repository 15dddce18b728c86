-- what: What holds as a baseline now: one row per name and platform, with what it is made of.
-- parameter: name text = -- The baseline's name; all of them where it is not given.
-- show: name platform revision set_at moved_by selector sessions present runs commit reason

-- `present` is how many of its sessions the lake still has samples of. `at` opens the state at which the selector
-- was resolved.
WITH current AS (
    SELECT * FROM baseline_status WHERE $name IS NULL OR name = $name
),
member AS (
    SELECT name, platform, unnest(sessions) AS session_id FROM current
),
there AS (
    SELECT name AS of_name, platform AS of_platform, count(*) AS present
    FROM member
    WHERE session_id IN (SELECT session_id FROM series)
    GROUP BY name, platform
)
SELECT
    name, platform, revision, set_at, moved_by, selector,
    cardinality(sessions) AS sessions,
    coalesce(present, 0) AS present,
    cardinality(runs) AS runs,
    "commit", reason,
    concat_ws(
        ',',
        'sessions=' || versions['sessions'], 'series=' || versions['series'],
        'dead_letters=' || versions['dead_letters'], 'verdicts=' || versions['verdicts'],
        'baselines=' || versions['baselines']
    ) AS at,
    array_to_string(sessions, ' ') AS session_ids,
    array_to_string(runs, ' ') AS run_ids
FROM current
LEFT JOIN there ON of_name = name AND of_platform = platform
ORDER BY name, platform
