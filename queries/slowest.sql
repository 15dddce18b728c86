-- what: The samples that are largest against the median of their series: where to look for outliers.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- parameter: metric text = time -- The metric, such as `cycles`; `all` for each of them.
-- parameter: top integer = 20 -- How many samples.
-- show: label ratio value:unit median:unit session_id sample iterations

WITH series_median AS (
    SELECT session_id, rank, benchmark_id, metric, list_median("values") AS median
    FROM measured
    WHERE ($metric = 'all' OR metric = $metric)
        AND run_id = coalesce($run, (SELECT max(run_id) FROM measured_runs))
),
ranked AS (
    SELECT
        benchmark_label(s.benchmark, s.parameters) AS label,
        s.session_id, s.chunk, s.sample, s.iterations,
        s.metric,
        s.unit,
        s.per_iteration AS value,
        m.median,
        s.per_iteration / nullif(m.median, 0) AS ratio,
        row_number() OVER (
            ORDER BY s.per_iteration / nullif(m.median, 0) DESC NULLS LAST, s.benchmark_id, s.metric, s.session_id, s.chunk, s.sample
        ) AS place
    FROM samples s
    JOIN series_median m
        ON m.session_id = s.session_id AND m.rank = s.rank AND m.benchmark_id = s.benchmark_id
        AND m.metric = s.metric
    WHERE s.phase = 'measure'
)
SELECT label, metric, ratio, value, median, unit, session_id, chunk, sample, iterations
FROM ranked
WHERE place <= $top
ORDER BY place
