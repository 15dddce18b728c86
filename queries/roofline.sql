-- what: How near each benchmark of a run comes to what its machine was measured to do at most.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- chart: bar x=label y=of_peak
-- show: label arm level bound intensity rate attainable_rate of_peak:percent sessions

-- A session is held against the peaks of its own machine; then the sessions are averaged. Empty where
-- the machine's peaks were never measured: `benchlake run roofline`.
WITH benchmark AS (
    SELECT
        benchmark_id, label, arm, threads, unit,
        max(level) AS level,
        max(bound) AS bound,
        max(intensity) AS intensity,
        list_avg(array_agg(achieved ORDER BY session_id, rank)) AS achieved,
        list_avg(array_agg(attainable ORDER BY session_id, rank)) AS attainable,
        list_avg(array_agg(of_peak ORDER BY session_id, rank)) AS of_peak,
        count(DISTINCT session_id) AS sessions
    FROM roofline
    LEFT JOIN (SELECT session_id, arm FROM session_status) USING (session_id)
    WHERE run_id = coalesce($run, (SELECT max(run_id) FROM measured_runs))
    GROUP BY benchmark_id, label, arm, threads, unit
)
SELECT
    label, arm, threads, level, bound, intensity, achieved, attainable, unit,
    concat(round(achieved / 1e9, 1), CASE unit WHEN 'B/s' THEN ' GB/s' ELSE ' GFLOP/s' END) AS rate,
    CASE
        WHEN attainable IS NOT NULL
            THEN concat(round(attainable / 1e9, 1), CASE unit WHEN 'B/s' THEN ' GB/s' ELSE ' GFLOP/s' END)
    END AS attainable_rate,
    of_peak, sessions, benchmark_id
FROM benchmark
WHERE achieved IS NOT NULL
ORDER BY label, arm, benchmark_id
