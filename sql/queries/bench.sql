-- name: register_load_devices
-- Registers the devices of a benchmark, each at a site of its own, for all times.
WITH made_site AS (
    INSERT INTO site (code, name) SELECT uid, uid FROM unnest(%(uids)s::text[]) AS uid RETURNING site_id, code
), made_device AS (
    INSERT INTO device (uid, name, profile_id)
    SELECT uid, uid, (SELECT profile_id FROM device_profile WHERE key = 'generic')
    FROM unnest(%(uids)s::text[]) AS uid RETURNING device_id, uid
)
INSERT INTO deployment (device_id, site_id, during)
SELECT device_id, site_id, '[-infinity,)' FROM made_device JOIN made_site ON code = uid;

-- name: make_load_series
-- The series that the first readings of a benchmark would call for.
INSERT INTO series (site_id, metric_id)
SELECT site_id, metric_id FROM site CROSS JOIN metric
WHERE metric.key = ANY(%(metrics)s) OR metric_id IN (SELECT metric_id FROM metric_alias WHERE alias = ANY(%(metrics)s));

-- name: empty_big_tables
-- A benchmark begins with empty tables.
TRUNCATE reading, uplink, latest, quarantine, held, delivery;

-- name: read_stored_readings
-- How many readings have been stored, over all workers.
SELECT coalesce(sum(readings_stored), 0)::int8 FROM ingest_status;

-- name: copy_readings_out
-- Every reading in the order of time, in the format it goes in.
COPY (SELECT series_id, time, value, flags FROM reading ORDER BY time, series_id) TO STDOUT (FORMAT binary);

-- name: checkpoint
-- What a measurement before has left to write is not to be part of the next.
CHECKPOINT;

-- name: bench_slow_commits
-- Lets every commit take a millisecond, as on a slower disk.
ALTER SYSTEM SET commit_delay = 1000;

-- name: bench_slow_commits_always
-- Lets commits wait even where no other transaction is active.
ALTER SYSTEM SET commit_siblings = 0;

-- name: bench_plain_commits
-- Commits as fast as the disk makes them.
ALTER SYSTEM RESET commit_delay;

-- name: bench_reload
-- Makes the server read its settings again.
SELECT pg_reload_conf();
