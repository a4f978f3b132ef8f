-- name: read_path_totals
-- The path's counters over all workers, with what waits: one row for the live screen.
SELECT coalesce(sum(messages), 0)::int8 AS messages, coalesce(sum(readings), 0)::int8 AS readings,
       coalesce(sum(readings_stored), 0)::int8 AS stored, coalesce(sum(readings_duplicate), 0)::int8 AS duplicate,
       coalesce(sum(readings_quarantined + messages_quarantined), 0)::int8 AS quarantined,
       (SELECT count(*) FROM held) AS held, coalesce(max(lag_ms), 0)::float8 AS lag_ms,
       coalesce(sum(queue_messages), 0)::int8 AS queue_messages, coalesce(sum(sessions_lost), 0)::int8 AS sessions_lost,
       coalesce(bool_and(connected) FILTER (WHERE state <> 'retired'), false) AS connected,
       min(updated_at) FILTER (WHERE state <> 'retired') AS updated_at
FROM ingest_status;
