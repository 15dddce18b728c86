-- What each device was measured to do at most, by the fastest sample of all sessions: flop/s by element type
-- (`gpu.fma`, `gpu.gemm`) and B/s of its memory (`gpu.copy`, `gpu.triad`, and copies on the device). Caches are no
-- memory: what moves less than 256 MiB does not count. Beside it what the vendor's data sheet says, dense and
-- without sparsity: NVIDIA A100 (DS-10031), H100 (tensor core GPU data sheet, 2023), H200 (data sheet, 2024).
WITH sheet AS (
    SELECT column1 AS model, column2 AS unit, column3 AS dtype, column4 AS figure
    FROM (VALUES
        ('A100-SXM4-40GB', 'B/s', '', 1.555e12),
        ('A100-SXM4-80GB', 'B/s', '', 2.039e12),
        ('A100-SXM4', 'flop/s', 'f64', 19.5e12),
        ('A100-SXM4', 'flop/s', 'f32', 19.5e12),
        ('A100-SXM4', 'flop/s', 'tf32', 156e12),
        ('A100-SXM4', 'flop/s', 'f16', 312e12),
        ('A100-SXM4', 'flop/s', 'bf16', 312e12),
        ('A100-SXM4', 'flop/s', 'int8', 624e12),
        ('H100 80GB HBM3', 'B/s', '', 3.35e12),
        ('H100 80GB HBM3', 'flop/s', 'f64', 67e12),
        ('H100 80GB HBM3', 'flop/s', 'f32', 67e12),
        ('H100 80GB HBM3', 'flop/s', 'tf32', 494.5e12),
        ('H100 80GB HBM3', 'flop/s', 'f16', 989.5e12),
        ('H100 80GB HBM3', 'flop/s', 'bf16', 989.5e12),
        ('H100 80GB HBM3', 'flop/s', 'fp8', 1979e12),
        ('H100 80GB HBM3', 'flop/s', 'int8', 1979e12),
        ('H200', 'B/s', '', 4.8e12),
        ('H200', 'flop/s', 'f64', 67e12),
        ('H200', 'flop/s', 'f32', 67e12),
        ('H200', 'flop/s', 'tf32', 494.5e12),
        ('H200', 'flop/s', 'f16', 989.5e12),
        ('H200', 'flop/s', 'bf16', 989.5e12),
        ('H200', 'flop/s', 'fp8', 1979e12),
        ('H200', 'flop/s', 'int8', 1979e12)
    )
),
measured_peaks AS (
    SELECT
        device, device_name, node, 'compute' AS kind, dtype,
        max(flops / fastest) AS peak,
        'flop/s' AS unit,
        count(DISTINCT session_id) AS sessions,
        first_value(label ORDER BY flops / fastest DESC, session_id) AS label
    FROM device_timings
    WHERE benchmark IN ('gpu.fma', 'gpu.gemm')
    GROUP BY device, device_name, node, dtype
    UNION ALL
    SELECT
        device, device_name, node, 'bandwidth' AS kind, CAST(NULL AS VARCHAR) AS dtype,
        max(bytes / fastest) AS peak,
        'B/s' AS unit,
        count(DISTINCT session_id) AS sessions,
        first_value(label ORDER BY bytes / fastest DESC, session_id) AS label
    FROM device_timings
    WHERE (
            benchmark IN ('gpu.copy', 'gpu.triad', 'gpu.add', 'gpu.scale')
            OR (benchmark = 'gpu.memcpy' AND strpos(label, 'kind=d2d') > 0)
        )
        AND bytes >= 268435456
    GROUP BY device, device_name, node
)
SELECT
    device, device_name, node, kind, measured_peaks.dtype, peak, measured_peaks.unit, sessions, label,
    figure AS data_sheet
FROM measured_peaks
LEFT JOIN sheet
    ON sheet.unit = measured_peaks.unit
    AND sheet.dtype = coalesce(measured_peaks.dtype, '')
    AND strpos(measured_peaks.device_name, sheet.model) > 0
