-- name: page_of_held
-- Messages of devices not registered yet, counted by device uid.
SELECT device_uid AS device, count(*) AS messages, min(received_at) AS first_received_at,
       max(received_at) AS last_received_at
FROM held
WHERE %(after)s::text IS NULL OR device_uid > %(after)s::text
GROUP BY device_uid
ORDER BY device_uid
LIMIT %(limit)s::int8 + 1;

-- name: list_ingest_workers
-- What each ingest worker said last of itself, and how long ago [s].
SELECT worker, started_at, updated_at, messages, messages_redelivered, messages_quarantined, messages_held, readings,
       readings_stored, readings_duplicate, readings_conflicting, readings_quarantined, connected, connections,
       sessions_lost, queue_messages, lag_ms, state, restarts, identity_conflicts,
       extract(epoch FROM now() - updated_at)::float8 AS silent_s
FROM ingest_status
ORDER BY worker;

-- name: count_what_is_stored
-- How much waits beside the path, and the size of the registry.
SELECT (SELECT count(*) FROM quarantine) AS quarantine, (SELECT count(*) FROM held) AS held,
       (SELECT count(*) FROM device) AS devices, (SELECT count(*) FROM site) AS sites,
       (SELECT count(*) FROM series) AS series;

-- name: list_applied_migrations
-- Names of the migrations this database has, and its flavour.
SELECT name, flavour FROM migration ORDER BY name;
