-- What each baseline is now: one row per name and platform, its newest; a removed one has none.
SELECT name, platform, revision, set_at, selector, sessions, runs, "commit", moved_by, reason, versions
FROM (
    SELECT *, row_number() OVER (PARTITION BY name, platform ORDER BY revision DESC) AS place
    FROM baselines
)
WHERE place = 1 AND event = 'set'
