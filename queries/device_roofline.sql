-- what: How near each benchmark of a device comes to what that device was measured to do at most.
-- parameter: run text = -- The run's id; the latest run on devices where it is not given.
-- chart: bar x=label y=of_peak series=device
-- show: label device_name bound intensity achieved:unit attainable:unit of_peak:percent sessions device

-- The roofline of Williams, Waterman and Patterson (Communications of the ACM 52(4), 2009), per device. A
-- session is held against its own device; then the sessions are averaged. Work of few flops a byte is told by
-- its traffic; the fraction is the same. Null where a peak that it needs was not measured on that device.
-- A device has one peak, on whichever node it was seen.
WITH best AS (
    SELECT device, kind, dtype, max(peak) AS peak
    FROM device_peaks
    GROUP BY device, kind, dtype
),
timed AS (
    SELECT
        device_timings.*,
        compute.peak AS peak_flops,
        bandwidth.peak AS peak_bandwidth,
        CASE
            WHEN flops IS NOT NULL AND compute.peak IS NULL AND bytes IS NULL THEN NULL
            WHEN bytes IS NOT NULL AND bandwidth.peak IS NULL THEN NULL
            ELSE greatest(coalesce(flops / compute.peak, 0.0), coalesce(bytes / bandwidth.peak, 0.0))
        END AS shortest
    FROM device_timings
    LEFT JOIN best compute
        ON compute.kind = 'compute' AND compute.device = device_timings.device AND compute.dtype = device_timings.dtype
    LEFT JOIN best bandwidth ON bandwidth.kind = 'bandwidth' AND bandwidth.device = device_timings.device
    WHERE run_id = coalesce($run, (SELECT max(run_id) FROM device_timings))
),
session AS (
    SELECT
        *,
        CASE WHEN flops >= coalesce(bytes, 0) THEN flops ELSE coalesce(bytes, flops) END AS counted,
        CASE WHEN flops >= coalesce(bytes, 0) OR bytes IS NULL THEN 'flop/s' ELSE 'B/s' END AS unit,
        CASE
            WHEN shortest IS NULL OR shortest = 0 THEN NULL
            WHEN shortest = bytes / peak_bandwidth THEN 'memory'
            ELSE 'compute'
        END AS bound
    FROM timed
    WHERE coalesce(flops, bytes) IS NOT NULL
),
benchmark AS (
    SELECT
        benchmark_id, label, device, device_name, unit,
        max(bound) AS bound,
        max(CAST(flops AS DOUBLE) / bytes) AS intensity,
        list_avg(array_agg(counted / median ORDER BY session_id, rank)) AS achieved,
        list_avg(array_agg(counted / nullif(shortest, 0) ORDER BY session_id, rank)) AS attainable,
        list_avg(array_agg(shortest / median ORDER BY session_id, rank)) AS of_peak,
        count(DISTINCT session_id) AS sessions
    FROM session
    GROUP BY benchmark_id, label, device, device_name, unit
)
SELECT
    label, device_name, bound, intensity, achieved, attainable, unit,
    of_peak, sessions, device, benchmark_id
FROM benchmark
ORDER BY label, device, benchmark_id
