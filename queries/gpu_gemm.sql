-- what: The rate of matrix products on devices by size and element type, beside the device's peak.
-- parameter: run text = -- The run's id; the latest run on devices where it is not given.
-- chart: line x=n y=rate limit=peak series=dtype
-- show: n dtype library mode device_name rate:unit of_peak:percent of_data_sheet:percent sessions label device

-- The smallest side of the product stands for its size. The peak is the best of all sessions of that device.
-- A device has one peak, on whichever node it was seen.
WITH best AS (
    SELECT device, kind, dtype, max(peak) AS peak, max(data_sheet) AS data_sheet
    FROM device_peaks
    GROUP BY device, kind, dtype
),
session AS (
    SELECT
        benchmark_id, device_timings.label, device_timings.device, device_timings.device_name, device_timings.dtype, mode, n,
        session_id, rank,
        flops / median AS rate,
        best.peak,
        best.data_sheet
    FROM device_timings
    LEFT JOIN best
        ON best.kind = 'compute'
        AND best.device = device_timings.device
        AND best.dtype = device_timings.dtype
    WHERE benchmark = 'gpu.gemm'
        AND run_id = coalesce($run, (SELECT max(run_id) FROM device_timings))
)
SELECT
    n, dtype, mode, device_name,
    CASE WHEN strpos(label, 'cublaslt') > 0 THEN 'cublaslt' ELSE 'cublas' END AS library,
    list_avg(array_agg(rate ORDER BY session_id, rank)) AS rate,
    'flop/s' AS unit,
    max(peak) AS peak,
    list_avg(array_agg(rate / peak ORDER BY session_id, rank)) AS of_peak,
    list_avg(array_agg(rate / data_sheet ORDER BY session_id, rank)) AS of_data_sheet,
    count(DISTINCT session_id) AS sessions,
    label, device, benchmark_id
FROM session
GROUP BY n, dtype, mode, device_name, label, device, benchmark_id
ORDER BY dtype, n, label, device, benchmark_id
