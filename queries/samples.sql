-- what: Every measured sample of a benchmark, one a row.
-- parameter: benchmark text -- A benchmark's name or label, such as `cpu.gemm` or `cpu.gemm{n=512}`.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- parameter: metric text = time -- The metric, such as `cycles`; `all` for each of them.
-- chart: points x=at y=per_iteration series=session_id

SELECT
    benchmark_label(benchmark, parameters) AS label,
    metric, unit, session_id, rank, chunk, sample,
    -- Seconds since the series started.
    "offset" / 1e9 AS at,
    value, iterations, per_iteration
FROM samples
WHERE phase = 'measure'
    AND ($metric = 'all' OR metric = $metric)
    AND run_id = coalesce($run, (SELECT max(run_id) FROM measured_runs))
    AND (benchmark = $benchmark OR benchmark_label(benchmark, parameters) = $benchmark)
ORDER BY label, metric, session_id, rank, chunk, sample
