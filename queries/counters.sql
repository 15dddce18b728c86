-- what: What the processor did in one iteration of each benchmark of a run; empty where it was not counted.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- chart: bar x=label y=ipc
-- show: label arm cpu_time:s instructions cycles ipc branch_miss_rate:percent l1d_miss_rate:percent l2_miss_rate:percent llc_miss_rate:percent energy:J allocations allocated_bytes:B peak_memory:B minor_faults context_switches

-- A session's centre is the median of its samples, per iteration; then the sessions are averaged.
-- Energy is in joules, memory in bytes.
WITH session AS (
    SELECT benchmark_id, label, arm, session_id, rank, metric, list_median("values") AS centre
    FROM measured
    LEFT JOIN (SELECT session_id, arm FROM session_status) USING (session_id)
    WHERE run_id = coalesce($run, (SELECT max(run_id) FROM measured_runs))
),
counted AS (
    SELECT
        benchmark_id, label, arm, metric,
        list_avg(array_agg(centre ORDER BY session_id, rank)) AS centre,
        count(DISTINCT session_id) AS sessions
    FROM session
    GROUP BY benchmark_id, label, arm, metric
),
wide AS (
    SELECT
        benchmark_id, label, arm,
        max(sessions) AS sessions,
        max(centre) FILTER (WHERE metric = 'cpu_time') AS cpu_time,
        max(centre) FILTER (WHERE metric = 'instructions') AS instructions,
        max(centre) FILTER (WHERE metric = 'cycles') AS cycles,
        max(centre) FILTER (WHERE metric = 'branches') AS branches,
        max(centre) FILTER (WHERE metric = 'branch_misses') AS branch_misses,
        max(centre) FILTER (WHERE metric = 'l1d_loads') AS l1d_loads,
        max(centre) FILTER (WHERE metric = 'l1d_misses') AS l1d_misses,
        max(centre) FILTER (WHERE metric = 'l2_accesses') AS l2_accesses,
        max(centre) FILTER (WHERE metric = 'l2_misses') AS l2_misses,
        max(centre) FILTER (WHERE metric = 'llc_accesses') AS llc_accesses,
        max(centre) FILTER (WHERE metric = 'llc_misses') AS llc_misses,
        max(centre) FILTER (WHERE metric = 'energy') AS energy,
        max(centre) FILTER (WHERE metric = 'allocations') AS allocations,
        max(centre) FILTER (WHERE metric = 'allocated_bytes') AS allocated_bytes,
        max(centre) FILTER (WHERE metric = 'peak_memory') AS peak_memory,
        max(centre) FILTER (WHERE metric = 'minor_faults') AS minor_faults,
        max(centre) FILTER (WHERE metric = 'context_switches') AS context_switches
    FROM counted
    GROUP BY benchmark_id, label, arm
)
SELECT
    label, arm, sessions, cpu_time, instructions, cycles,
    instructions / nullif(cycles, 0) AS ipc,
    branch_misses / nullif(branches, 0) AS branch_miss_rate,
    l1d_misses / nullif(l1d_loads, 0) AS l1d_miss_rate,
    l2_misses / nullif(l2_accesses, 0) AS l2_miss_rate,
    llc_misses / nullif(llc_accesses, 0) AS llc_miss_rate,
    energy, allocations, allocated_bytes, peak_memory, minor_faults, context_switches,
    benchmark_id
FROM wide
ORDER BY label, arm, benchmark_id
