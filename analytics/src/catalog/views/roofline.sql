-- How near each benchmark comes to what its machine can do, one row per session and benchmark: the
-- roofline of Williams, Waterman and Patterson (Communications of the ACM 52(4), 2009), attainable =
-- min(peak flop/s, intensity × bandwidth of the level that the working set fits in), put as times.
-- Null where a peak that it needs was not measured on that machine.
SELECT
    *,
    counted / median AS achieved,
    counted / shortest AS attainable,
    CASE WHEN flops >= coalesce(bytes, 0) THEN 'flop/s' ELSE 'B/s' END AS unit,
    shortest / median AS of_peak
FROM (
    SELECT
        timings.*,
        CAST(timings.flops AS DOUBLE) / timings.bytes AS intensity,
        -- Work of few flops a byte is told by its traffic; the fraction is the same.
        CASE WHEN timings.flops >= coalesce(timings.bytes, 0) THEN timings.flops ELSE timings.bytes END
            AS counted,
        compute.peak AS peak_flops,
        bandwidth.peak AS peak_bandwidth,
        CASE
            WHEN timings.flops IS NOT NULL AND compute.peak IS NULL THEN NULL
            WHEN timings.bytes IS NOT NULL AND bandwidth.peak IS NULL THEN NULL
            WHEN coalesce(timings.flops / compute.peak, 0) > coalesce(timings.bytes / bandwidth.peak, 0)
                THEN 'compute'
            WHEN timings.bytes IS NOT NULL THEN 'memory'
        END AS bound,
        CASE
            WHEN timings.flops IS NOT NULL AND compute.peak IS NULL THEN NULL
            WHEN timings.bytes IS NOT NULL AND bandwidth.peak IS NULL THEN NULL
            ELSE greatest(timings.flops / compute.peak, timings.bytes / bandwidth.peak)
        END AS shortest
    FROM timings
    LEFT JOIN peaks compute
        ON compute.kind = 'compute'
        AND compute.node = timings.node
        AND (compute.cpu_model IS NOT DISTINCT FROM timings.cpu_model)
        AND compute.dtype = timings.dtype
        AND compute.threads = timings.threads
    LEFT JOIN peaks bandwidth
        ON bandwidth.kind = 'bandwidth'
        AND bandwidth.node = timings.node
        AND (bandwidth.cpu_model IS NOT DISTINCT FROM timings.cpu_model)
        AND bandwidth.level = timings.level
        AND bandwidth.threads = timings.threads
)
