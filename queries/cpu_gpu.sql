-- what: The same operation on the processor and on a device: how many times as fast the device is.
-- parameter: run text = -- The run's id; the latest run that has both where it is not given.
-- chart: bar x=operation y=speedup series=device
-- show: operation dtype size device_name cpu:s gpu:s speedup cpu_error gpu_error sessions device

-- Operations are one where names after `cpu.` and `gpu.`, element type and sizes are; the processor's quickest
-- number of threads stands for it, and batches for the device. Both were checked against f64: the errors are the
-- largest that any session found. The copy of data to the device and back is in neither.
WITH timed AS (
    SELECT
        run_id, session_id, benchmark, label, device, check_error,
        list_median("values") AS median,
        parameters['dtype'] AS dtype,
        parameters['mode'] AS mode,
        concat_ws('x', parameters['m'], parameters['n'], parameters['k']) AS size
    FROM measured
    WHERE metric = 'time' AND (starts_with(benchmark, 'cpu.') OR starts_with(benchmark, 'gpu.'))
        AND coalesce(parameters['cache'], 'hot') = 'hot'
        AND coalesce(parameters['library'], 'cublas') = 'cublas'
),
side AS (
    SELECT
        run_id, substr(benchmark, 1, 3) AS side, substr(benchmark, 5) AS operation, label, device, dtype, size,
        list_median(array_agg(median ORDER BY session_id)) AS median,
        max(check_error) AS error,
        count(DISTINCT session_id) AS sessions
    FROM timed
    WHERE coalesce(mode, 'batch') = 'batch'
    GROUP BY run_id, benchmark, label, device, dtype, size
),
cpu AS (
    SELECT
        run_id, operation, dtype, size,
        min(median) AS median,
        max(error) AS error,
        max(sessions) AS sessions
    FROM side
    WHERE side = 'cpu'
    GROUP BY run_id, operation, dtype, size
),
both AS (
    SELECT
        side.run_id, side.operation, side.dtype, side.size, side.device,
        cpu.median AS cpu, side.median AS gpu,
        cpu.error AS cpu_error, side.error AS gpu_error,
        least(cpu.sessions, side.sessions) AS sessions
    FROM side
    INNER JOIN cpu
        ON cpu.run_id = side.run_id AND cpu.operation = side.operation
        AND cpu.dtype = side.dtype AND cpu.size = side.size
    WHERE side.side = 'gpu'
)
SELECT
    operation, dtype, size, device_name, cpu, gpu, cpu / gpu AS speedup, cpu_error, gpu_error, sessions,
    both.device, both.run_id
FROM both
LEFT JOIN (SELECT DISTINCT device, device_name FROM device_timings) named ON named.device = both.device
WHERE both.run_id = coalesce($run, (SELECT max(run_id) FROM both))
ORDER BY operation, dtype, size, both.device
