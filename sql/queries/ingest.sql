-- name: copy_readings
-- The fast way in: straight into the table; a key that is there already refuses the whole COPY.
COPY reading (series_id, time, value, flags) FROM STDIN (FORMAT binary);

-- name: make_reading_staging
-- Where readings wait when some of them may be stored already; lives as long as the connection.
CREATE TEMP TABLE IF NOT EXISTS reading_staging (series_id int4, time timestamptz, value float8, flags int2)
ON COMMIT DELETE ROWS;

-- name: copy_readings_to_staging
-- The careful way in, first half.
COPY reading_staging (series_id, time, value, flags) FROM STDIN (FORMAT binary);

-- name: store_staged_readings
-- The careful way in, second half: what is stored already stays as it is. In key order, so that writers never deadlock.
INSERT INTO reading (series_id, time, value, flags)
SELECT series_id, time, value, flags FROM reading_staging ORDER BY series_id, time
ON CONFLICT (series_id, time) DO NOTHING;

-- name: note_conflicts
-- Keeps count, and the last example, of readings refused because their key has another value: of staged ones that are stored
-- otherwise, and of those that lost to another one of their group. A repeat of one that was adjusted since is none. Gives the
-- number of the former.
WITH refused AS (
    SELECT series_id, time, value, true AS is_staged FROM reading_staging
    UNION ALL
    SELECT series_id, to_timestamp(time_us / 1000000.0), value, false
    FROM unnest(%(series)s::int4[], %(times_us)s::int8[], %(values)s::float8[]) AS grouped (series_id, time_us, value)
), conflict AS (
    SELECT series_id, time, r.value AS kept_value, s.value AS refused_value, is_staged
    FROM refused s
    JOIN reading r USING (series_id, time)
    WHERE r.value <> s.value
      AND NOT EXISTS (SELECT FROM reading_before b WHERE b.series_id = r.series_id AND b.time = r.time AND b.value = s.value)
), noted AS (
    INSERT INTO reading_conflict AS c (series_id, day, conflicts, time, kept_value, refused_value)
    SELECT DISTINCT ON (series_id) series_id, (now() AT TIME ZONE 'UTC')::date, count(*) OVER (PARTITION BY series_id), time,
           kept_value, refused_value
    FROM conflict
    ORDER BY series_id, time DESC
    ON CONFLICT (series_id, day) DO UPDATE
    SET conflicts = c.conflicts + excluded.conflicts, time = excluded.time, kept_value = excluded.kept_value,
        refused_value = excluded.refused_value, noted_at = now()
)
SELECT count(*) FILTER (WHERE is_staged) FROM conflict;

-- name: make_latest_staging
-- Where the newest reading of each series of a batch waits; lives as long as the connection.
CREATE TEMP TABLE IF NOT EXISTS latest_staging
(series_id int4, time timestamptz, value float8, flags int2, received_at timestamptz) ON COMMIT DELETE ROWS;

-- name: copy_latest_to_staging
-- The newest reading of each series of a batch.
COPY latest_staging (series_id, time, value, flags, received_at) FROM STDIN (FORMAT binary);

-- name: store_staged_latest
-- Late readings never push aside newer ones.
INSERT INTO latest AS l (series_id, time, value, flags, received_at)
SELECT series_id, time, value, flags, received_at FROM latest_staging ORDER BY series_id
ON CONFLICT (series_id) DO UPDATE
SET time = excluded.time, value = excluded.value, flags = excluded.flags, received_at = excluded.received_at
WHERE excluded.time > l.time;

-- name: store_staged_latest_as_stored
-- The same where another value may have come first: the one that was stored counts.
INSERT INTO latest AS l (series_id, time, value, flags, received_at)
SELECT series_id, time, r.value, r.flags, s.received_at
FROM latest_staging s JOIN reading r USING (series_id, time) ORDER BY series_id
ON CONFLICT (series_id) DO UPDATE
SET time = excluded.time, value = excluded.value, flags = excluded.flags, received_at = excluded.received_at
WHERE excluded.time > l.time;

-- name: copy_uplinks
-- Raw messages into the archive.
COPY uplink (device_id, received_at, digest, topic, payload) FROM STDIN (FORMAT binary);

-- name: make_quarantine_staging
-- Where rows wait for quarantine, which may have them already; lives as long as the connection.
CREATE TEMP TABLE IF NOT EXISTS quarantine_staging
(received_us int8, digest int8, item int4, device_uid text, topic text, payload bytea, reason text, detail text) ON COMMIT DELETE ROWS;

-- name: copy_quarantine_to_staging
-- Rows for quarantine: a flood of malformed messages brings thousands at once.
COPY quarantine_staging (received_us, digest, item, device_uid, topic, payload, reason, detail) FROM STDIN (FORMAT binary);

-- name: store_staged_quarantine
-- Sets messages and readings aside with their reasons; the same ones again change nothing.
INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)
SELECT to_timestamp(received_us / 1000000.0), digest, item, device_uid, topic, payload, reason, detail FROM quarantine_staging
ORDER BY received_us, digest, item
ON CONFLICT (received_at, digest, item) DO NOTHING;

-- name: hold
-- Keeps a message until its device is registered; the same one again changes nothing.
INSERT INTO held (device_uid, received_at, digest, topic, payload)
VALUES (%(device_uid)s, to_timestamp(%(received_us)s / 1000000.0), %(digest)s, %(topic)s, %(payload)s)
ON CONFLICT (device_uid, received_at, digest) DO NOTHING;

-- name: lead_release
-- One worker at a time releases held messages; it leads as long as its connection lasts.
SELECT pg_try_advisory_lock(hashtext('hedgerow held'));

-- name: list_releasable_held
-- Held messages whose device is registered by now, oldest first, up to a count and a number of payload bytes.
SELECT device_uid, topic, payload, received_us FROM (
    SELECT h.device_uid, h.topic, h.payload, h.received_at, h.digest, (extract(epoch FROM h.received_at) * 1000000)::int8 AS received_us,
           sum(length(h.payload)) OVER (ORDER BY h.received_at, h.digest, h.device_uid) - length(h.payload) AS bytes_before
    FROM held h JOIN device d ON d.uid = h.device_uid
    ORDER BY h.received_at, h.digest, h.device_uid
    LIMIT %(most)s
) releasable
WHERE bytes_before < %(most_bytes)s
ORDER BY received_at, digest;

-- name: release_held
-- Takes back a held message in the transaction that stores what it says.
DELETE FROM held
WHERE device_uid = %(device_uid)s AND received_at = to_timestamp(%(received_us)s / 1000000.0) AND digest = %(digest)s;

-- name: find_held
-- Whether a held message is still there.
SELECT FROM held
WHERE device_uid = %(device_uid)s AND received_at = to_timestamp(%(received_us)s / 1000000.0) AND digest = %(digest)s;

-- name: ensure_partitions
-- Makes the partitions that hold the given days, where the flavour needs it.
SELECT ensure_partition(%(parent)s, to_timestamp(day)) FROM unnest(%(days_s)s::int8[]) AS day;

-- name: remember_delivery
-- What the worker has just delivered, in the same transaction.
INSERT INTO delivery (worker, batch, digests, packet_ids, received_us)
SELECT %(worker)s, coalesce(max(batch), 0) + 1, %(digests)s, %(packet_ids)s, %(received_us)s FROM delivery WHERE worker = %(worker)s;

-- name: find_delivery
-- Whether a group was committed; its arrivals are its own, to the microsecond.
SELECT FROM delivery WHERE worker = %(worker)s AND received_us = %(received_us)s;

-- name: forget_old_deliveries
-- Drops the deliveries that a newer %(enough)s messages have made needless.
DELETE FROM delivery d USING (
    SELECT batch, sum(length(digests) / 8) OVER (ORDER BY batch DESC) - length(digests) / 8 AS newer
    FROM delivery WHERE worker = %(worker)s
) old
WHERE d.worker = %(worker)s AND d.batch = old.batch AND old.newer >= %(enough)s;

-- name: list_deliveries
-- The worker's last deliveries, oldest first.
SELECT digests, packet_ids, received_us FROM delivery WHERE worker = %(worker)s ORDER BY batch;

-- name: count_batch
-- Moves the worker's counters in the transaction of the batch they count.
UPDATE ingest_status SET
    updated_at = now(),
    messages = messages + %(messages)s,
    messages_redelivered = messages_redelivered + %(messages_redelivered)s,
    messages_quarantined = messages_quarantined + %(messages_quarantined)s,
    messages_held = messages_held + %(messages_held)s,
    readings = readings + %(readings)s,
    readings_stored = readings_stored + %(readings_stored)s,
    readings_duplicate = readings_duplicate + %(readings_duplicate)s,
    readings_conflicting = readings_conflicting + %(readings_conflicting)s,
    readings_quarantined = readings_quarantined + %(readings_quarantined)s,
    lag_ms = %(lag_ms)s
WHERE worker = %(worker)s;

-- name: report_worker
-- A sign of life between batches. What the broker has not said yet, since we began, is what it said before.
UPDATE ingest_status SET
    updated_at = now(), connected = %(connected)s, connections = connections + %(connections)s,
    sessions_lost = sessions_lost + %(sessions_lost)s, identity_conflicts = identity_conflicts + %(identity_conflicts)s,
    queue_messages = %(queue_messages)s, broker_dropped = coalesce(%(broker_dropped)s, broker_dropped),
    stored_until = to_timestamp(%(stored_until_us)s / 1000000.0)
WHERE worker = %(worker)s;

-- name: repair_latest
-- Brings last values up to the readings, which a crash may have left ahead; one index look-up a series.
INSERT INTO latest AS l (series_id, time, value, flags, received_at)
SELECT s.series_id, r.time, r.value, r.flags, now()
FROM series s
CROSS JOIN LATERAL (
    SELECT time, value, flags FROM reading WHERE series_id = s.series_id ORDER BY time DESC LIMIT 1
) r
LEFT JOIN latest old USING (series_id)
WHERE old.time IS NULL OR r.time > old.time
ORDER BY s.series_id
ON CONFLICT (series_id) DO UPDATE
SET time = excluded.time, value = excluded.value, flags = excluded.flags, received_at = excluded.received_at
WHERE excluded.time > l.time;
