-- what: Clocks, temperature and power of devices over time, and which series were throttled.
-- parameter: device text = -- The device, such as `GPU-…`; all where it is not given.
-- parameter: since time = -- Series that began then or later.
-- chart: line x=started_at y=sm_clock series=device
-- show: started_at node device_name label throttled sm_clock:Hz memory_clock:Hz temperature:K power:W energy:J device

-- One row per session, rank and benchmark; the median of what was read around its samples.
WITH level AS (
    SELECT
        session_id, rank, benchmark_id, label, device,
        min(started_at) AS started_at,
        max(list_median("values")) FILTER (WHERE metric = 'sm_clock') AS sm_clock,
        max(list_median("values")) FILTER (WHERE metric = 'memory_clock') AS memory_clock,
        max(list_median("values")) FILTER (WHERE metric = 'device_temperature') AS temperature,
        max(list_median("values")) FILTER (WHERE metric = 'device_power') AS power,
        max(list_median("values")) FILTER (WHERE metric = 'device_energy') AS energy,
        bool_or(array_has(flags, 'throttled')) AS throttled
    FROM measured
    WHERE device IS NOT NULL
        AND ($device IS NULL OR device = $device)
        AND ($since IS NULL OR started_at >= $since)
    GROUP BY session_id, rank, benchmark_id, label, device
)
SELECT
    level.started_at, node,
    coalesce(environment['gpu.0.name'], device) AS device_name,
    label, throttled, sm_clock, memory_clock, temperature, power, energy, device, session_id, benchmark_id
FROM level
LEFT JOIN (SELECT session_id AS of_session, node, environment FROM session_status) machine
    ON of_session = session_id
ORDER BY level.started_at, session_id, rank, label, device, benchmark_id
