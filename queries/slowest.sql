-- what: The samples that took longest against the median of their series: where to look for outliers.
-- parameter: run text = -- The run's id; the latest measured run where it is not given.
-- parameter: top integer = 20 -- How many samples.
-- show: label ratio value:unit median:unit session_id sample iterations

WITH series_median AS (
    SELECT session_id, rank, benchmark_id, list_median("values") AS median
    FROM measured
    WHERE metric = 'time' AND run_id = coalesce($run, (SELECT max(run_id) FROM measured))
),
ranked AS (
    SELECT
        benchmark_label(s.benchmark, s.parameters) AS label,
        s.session_id, s.chunk, s.sample, s.iterations,
        s.unit,
        s.per_iteration AS value,
        m.median,
        s.per_iteration / nullif(m.median, 0) AS ratio,
        row_number() OVER (
            ORDER BY s.per_iteration / nullif(m.median, 0) DESC NULLS LAST, s.benchmark_id, s.session_id, s.chunk, s.sample
        ) AS place
    FROM samples s
    JOIN series_median m
        ON m.session_id = s.session_id AND m.rank = s.rank AND m.benchmark_id = s.benchmark_id
    WHERE s.phase = 'measure' AND s.metric = 'time'
)
SELECT label, ratio, value, median, unit, session_id, chunk, sample, iterations
FROM ranked
WHERE place <= $top
ORDER BY place
