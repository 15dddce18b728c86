-- Runs of which something was measured: more than a warm-up, or reasons why there is nothing. Found without reading
-- samples; run ids sort by time, so the greatest is the latest.
SELECT DISTINCT run_id
FROM series
WHERE phase = 'measure' AND error IS NULL
