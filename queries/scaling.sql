-- what: How the steps of a run that are split over ranks scale: efficiency against one rank.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- chart: line x=ranks y=efficiency series=step
-- show: step arm scaling ranks sessions centre:s speedup efficiency:percent

-- With t(n) the time of n ranks, of the slowest of them: strong scaling, where the work is split, has the
-- speedup t(1)/t(n) and the efficiency t(1)/(n·t(n)) (Amdahl, AFIPS 1967); weak scaling, where each rank has
-- the same, the speedup n·t(1)/t(n) and the efficiency t(1)/t(n) (Gustafson, CACM 31, 1988).
WITH session AS (
    SELECT
        regexp_replace(regexp_replace(label, ',ranks=[0-9]+', ''), '\{ranks=[0-9]+,?', '{') AS step,
        arm, scaling, ranks, session_id, median
    FROM together
    LEFT JOIN (SELECT session_id, arm FROM session_status) USING (session_id)
    WHERE scaling IS NOT NULL AND run_id = coalesce($run, (SELECT max(run_id) FROM measured_runs))
),
centred AS (
    SELECT
        step, arm, scaling, ranks,
        count(DISTINCT session_id) AS sessions,
        list_avg(array_agg(median ORDER BY session_id)) AS centre
    FROM session
    GROUP BY step, arm, scaling, ranks
),
alone AS (
    SELECT step AS of_step, arm AS of_arm, centre AS one FROM centred WHERE ranks = 1
)
SELECT
    step, arm, scaling, ranks, sessions, centre,
    CASE scaling WHEN 'strong' THEN one / centre ELSE ranks * one / centre END AS speedup,
    CASE scaling WHEN 'strong' THEN one / (ranks * centre) ELSE one / centre END AS efficiency
FROM centred
LEFT JOIN alone ON of_step = step AND of_arm IS NOT DISTINCT FROM arm
ORDER BY step, arm, ranks
