-- what: Records that could not be landed, latest first, with the reason.
-- parameter: reason text = -- Only this class of failure, such as `malformed`.

SELECT received_at, "table", topic, "partition", "offset", reason, error, payload
FROM dead_letters
WHERE $reason IS NULL OR reason = $reason
ORDER BY received_at DESC, topic, "partition", "offset"
