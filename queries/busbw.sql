-- what: Bus bandwidth of each collective of a run, against its size, as nccl-tests defines it.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- parameter: level number = 0.95 -- The level of the interval, between 0 and 1.
-- chart: line x=bytes y=busbw series=collective
-- show: label arm ranks bytes:B sessions centre:s low:s high:s algbw:unit busbw:unit

-- algbw is the size over the time of the slowest rank. busbw is what each link moves whatever the number of
-- ranks, to be held against the hardware's: algbw times 2(n-1)/n for an all-reduce, (n-1)/n for an all-gather,
-- a reduce-scatter and an all-to-all, 1 for the others (PERFORMANCE.md of nccl-tests). One rank moves nothing.
WITH session AS (
    SELECT
        benchmark_id, benchmark, label, arm, ranks, bytes, session_id, median,
        CASE
            WHEN benchmark = 'nccl.all_reduce' THEN 2.0 * (ranks - 1) / ranks
            WHEN benchmark IN ('nccl.all_gather', 'nccl.reduce_scatter', 'nccl.all_to_all')
                THEN 1.0 * (ranks - 1) / ranks
            ELSE 1.0
        END AS factor
    FROM together
    LEFT JOIN (SELECT session_id, arm FROM session_status) USING (session_id)
    WHERE benchmark IN (
        'nccl.all_reduce', 'nccl.all_gather', 'nccl.reduce_scatter', 'nccl.broadcast', 'nccl.reduce',
        'nccl.all_to_all', 'nccl.send_recv'
    )
        AND run_id = coalesce($run, (SELECT max(run_id) FROM measured_runs))
),
benchmark AS (
    SELECT
        benchmark_id, benchmark, label, arm, ranks, bytes, factor,
        count(DISTINCT session_id) AS sessions,
        array_agg(median ORDER BY session_id) AS medians
    FROM session
    GROUP BY benchmark_id, benchmark, label, arm, ranks, bytes, factor
),
rates AS (
    SELECT
        *,
        list_avg(medians) AS centre,
        bytes / list_avg(medians) AS algbw,
        nullif(factor, 0) * bytes / list_avg(medians) AS busbw
    FROM benchmark
)
SELECT
    label, arm, ranks, bytes, sessions, centre,
    list_ci_low(medians, $level) AS low,
    list_ci_high(medians, $level) AS high,
    algbw, busbw,
    'B/s' AS unit,
    -- What a line of the plot is: all sizes of one collective.
    regexp_replace(label, 'bytes=[0-9]+,?', '') AS collective,
    benchmark_id
FROM rates
ORDER BY collective, bytes, arm, benchmark_id
