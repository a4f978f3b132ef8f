-- name: lead_redecode
-- One redecode at a time; the lock lasts as long as the connection.
SELECT pg_try_advisory_lock(hashtext('hedgerow redecode'));

-- name: find_devices_of_profile
-- The devices of a profile, or one device with the profile it has.
SELECT d.device_id, d.uid, p.key AS profile
FROM device d
JOIN device_profile p USING (profile_id)
WHERE d.uid = %(uid)s::text OR (%(uid)s::text IS NULL AND p.key = %(profile)s::text)
ORDER BY d.device_id;

-- name: list_profile_keys
-- The keys of all device profiles.
SELECT key FROM device_profile ORDER BY key;

-- name: find_newest_quarantined
-- The last row of quarantine.
SELECT coalesce(max(quarantine_id), 0) FROM quarantine;

-- name: begin_redecode
-- Notes who is decoded again, for the corrections to name.
INSERT INTO redecode_run (profile, device_uid, from_at, to_at)
VALUES (%(profile)s, %(uid)s, %(from)s, %(to)s)
RETURNING run_id;

-- name: finish_redecode
-- Notes what came of it.
UPDATE redecode_run SET finished_at = now(), counts = %(counts)s WHERE run_id = %(run_id)s;

-- name: list_archived_messages
-- Raw messages of some devices (0: of gateways, which speak for many), in the order of their first arrival.
SELECT device_id, (extract(epoch FROM received_at) * 1000000)::int8 AS received_us, digest, topic, payload
FROM uplink
WHERE received_at >= %(from)s AND received_at < %(to)s AND device_id = ANY(%(devices)s::int4[])
ORDER BY received_at, digest;

-- name: list_quarantined_messages
-- What quarantine holds of some devices, in the order of its first arrival; rows without a payload are told by another of the message.
SELECT device_uid, (extract(epoch FROM received_at) * 1000000)::int8 AS received_us, digest, topic, payload, item
FROM quarantine
WHERE received_at >= %(from)s AND received_at < %(to)s AND device_uid = ANY(%(uids)s::text[]) AND payload <> ''
  AND quarantine_id <= %(newest)s
ORDER BY received_at, digest, item;

-- name: make_redecode_staging
-- Readings of one batch as the present codec gives them.
CREATE TEMP TABLE redecode_staging
(series_id int4, time timestamptz, value float8, flags int2, received_at timestamptz) ON COMMIT DELETE ROWS;

-- name: make_redecode_given
-- The key of every reading this run has given, with the arrival of the first message that gives it: that one decides, as it did
-- when it arrived.
CREATE TEMP TABLE redecode_given (
    series_id int4, time timestamptz, received_at timestamptz, PRIMARY KEY (series_id, time)
);

-- name: make_redecode_outcome
-- What is to become of the readings of one batch.
CREATE TEMP TABLE redecode_outcome (
    outcome text, series_id int4, time timestamptz, received_at timestamptz,
    old_value float8, old_flags int2, new_value float8, new_flags int2
) ON COMMIT DELETE ROWS;

-- name: make_redecode_seen
-- Messages in quarantine that this run has read from the archive, whole: it need not read them again.
CREATE TEMP TABLE redecode_seen (received_at timestamptz, digest int8);

-- name: note_seen
-- Notes which of some archived messages stand in quarantine too.
INSERT INTO redecode_seen (received_at, digest)
SELECT DISTINCT q.received_at, q.digest
FROM quarantine q
JOIN unnest(%(received_us)s::int8[], %(digests)s::int8[]) AS message (received_us, digest)
    ON q.received_at = to_timestamp(message.received_us / 1000000.0) AND q.digest = message.digest;

-- name: find_seen
-- Which of some messages were read from the archive, by their places in the arrays.
SELECT message.place
FROM unnest(%(received_us)s::int8[], %(digests)s::int8[]) WITH ORDINALITY AS message (received_us, digest, place)
WHERE EXISTS (
    SELECT FROM redecode_seen s
    WHERE s.received_at = to_timestamp(message.received_us / 1000000.0) AND s.digest = message.digest
);

-- name: copy_redecoded_to_staging
-- Readings as the present codec gives them.
COPY redecode_staging (series_id, time, value, flags, received_at) FROM STDIN (FORMAT binary);

-- name: compare_redecoded
-- Holds a batch against what is stored. Flags that the path does not give stay as they are. Left alone is what people have marked,
-- adjusted or ratified, and what a message outside
-- the run may have given first: one of a device that is not of the run and was there too; or, of a series for which readings were
-- refused, one from before the first message of the run, which can have given only times up to the greatest clock_ahead_s after it.
WITH first_given AS (
    INSERT INTO redecode_given (series_id, time, received_at)
    SELECT series_id, time, received_at FROM redecode_staging
    ON CONFLICT DO NOTHING
    RETURNING series_id, time
)
INSERT INTO redecode_outcome (outcome, series_id, time, received_at, old_value, old_flags, new_value, new_flags)
SELECT CASE WHEN f.series_id IS NULL THEN 'repeated'
            WHEN r.series_id IS NULL THEN 'new'
            WHEN r.value = s.value AND (r.flags & %(judged)s::int2) = (s.flags & %(judged)s::int2) THEN 'same'
            WHEN r.flags & %(marked)s::int2 <> 0
                 OR EXISTS (SELECT FROM reading_before b WHERE b.series_id = s.series_id AND b.time = s.time)
                 OR EXISTS (SELECT FROM series_status st
                            WHERE st.series_id = s.series_id AND st.status = 'ratified' AND st.during @> s.time) THEN 'marked'
            WHEN EXISTS (
                SELECT FROM series se
                JOIN deployment d USING (site_id, channel)
                WHERE se.series_id = s.series_id AND d.during @> s.time AND d.device_id <> ALL(%(devices)s::int4[])
            ) THEN 'elsewhere'
            WHEN s.time < %(first)s::timestamptz + (SELECT max(clock_ahead_s) FROM device_profile) * interval '1 second' AND EXISTS (
                SELECT FROM reading_conflict c
                WHERE c.series_id = s.series_id AND c.day >= (s.received_at AT TIME ZONE 'UTC')::date
            ) THEN 'elsewhere'
            ELSE 'corrected' END,
       s.series_id, s.time, s.received_at, r.value, r.flags, s.value,
       CASE WHEN r.series_id IS NULL THEN s.flags
            ELSE (r.flags & ~%(judged)s::int2) | (s.flags & %(judged)s::int2) END
FROM redecode_staging s
LEFT JOIN first_given f USING (series_id, time)
LEFT JOIN reading r ON r.series_id = s.series_id AND r.time = s.time
    AND r.time >= %(earliest)s AND r.time <= %(latest)s;

-- name: count_redecode_outcomes
-- How many readings of the batch are new, corrected and so on.
SELECT outcome, count(*) FROM redecode_outcome GROUP BY outcome;

-- name: list_redecode_examples
-- Some readings of the batch that change.
SELECT o.outcome, s.code AS site, se.channel, m.key AS metric, m.unit, o.time, o.old_value, o.old_flags, o.new_value, o.new_flags
FROM redecode_outcome o
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE o.outcome = ANY(%(outcomes)s::text[])
ORDER BY o.series_id, o.time
LIMIT %(limit)s;

-- name: add_redecoded
-- Readings that were not there, and the mark of their hours.
WITH marked AS (
    INSERT INTO rollup_dirty (series_id, hour)
    SELECT DISTINCT series_id, date_trunc('hour', time, 'UTC') FROM redecode_outcome WHERE outcome = 'new'
)
INSERT INTO reading (series_id, time, value, flags)
SELECT series_id, time, new_value, new_flags FROM redecode_outcome WHERE outcome = 'new' ORDER BY series_id, time
ON CONFLICT (series_id, time) DO NOTHING;

-- name: correct_readings
-- Puts corrected readings in the place of stored ones and keeps those; what changed meanwhile is left alone.
WITH corrected AS (
    UPDATE reading r SET value = o.new_value, flags = o.new_flags
    FROM redecode_outcome o
    WHERE o.outcome = 'corrected' AND r.series_id = o.series_id AND r.time = o.time
      AND r.time >= %(earliest)s AND r.time <= %(latest)s AND r.value = o.old_value AND r.flags = o.old_flags
    RETURNING o.*
)
INSERT INTO reading_correction (series_id, time, old_value, old_flags, new_value, new_flags, run_id)
SELECT series_id, time, old_value, old_flags, new_value, new_flags, %(run_id)s FROM corrected ORDER BY series_id, time;

-- name: renew_latest
-- Last values of the series of the batch: newer readings and corrected ones, never older ones.
INSERT INTO latest AS l (series_id, time, value, flags, received_at)
SELECT o.series_id, r.time, r.value, r.flags, o.received_at
FROM (
    SELECT DISTINCT ON (series_id) series_id, time, received_at
    FROM redecode_outcome
    WHERE outcome IN ('new', 'corrected')
    ORDER BY series_id, time DESC
) o
JOIN reading r ON r.series_id = o.series_id AND r.time = o.time AND r.time >= %(earliest)s AND r.time <= %(latest)s
ORDER BY o.series_id
ON CONFLICT (series_id) DO UPDATE
SET time = excluded.time, value = excluded.value, flags = excluded.flags,
    received_at = greatest(l.received_at, excluded.received_at)
WHERE excluded.time >= l.time;

-- name: close_quarantined
-- Marks what has become readings now; what is refused still, or anew, stays.
UPDATE quarantine q
SET replayed_at = now(), replay_result = 'stored by redecode'
FROM unnest(%(received_us)s::int8[], %(digests)s::int8[], %(items)s::int4[]) AS message (received_us, digest, item)
WHERE q.received_at = to_timestamp(message.received_us / 1000000.0) AND q.digest = message.digest
  AND (message.item IS NULL OR q.item = message.item) AND q.replayed_at IS NULL
  AND NOT EXISTS (
      SELECT FROM unnest(%(refused_us)s::int8[], %(refused_digests)s::int8[], %(refused_items)s::int4[])
          AS refused (received_us, digest, item)
      WHERE refused.received_us = message.received_us AND refused.digest = message.digest AND refused.item = q.item
  );

-- name: quarantine_again
-- Sets aside what the present codec refuses; where it was refused before, the present reason counts.
INSERT INTO quarantine AS q (received_at, digest, item, device_uid, topic, payload, reason, detail)
VALUES (to_timestamp(%(received_us)s / 1000000.0), %(digest)s, %(item)s, %(device_uid)s, %(topic)s, %(payload)s,
        %(reason)s, %(detail)s)
ON CONFLICT (received_at, digest, item) DO UPDATE
SET reason = excluded.reason, detail = excluded.detail, replayed_at = NULL, replay_result = %(result)s;

-- name: find_gone_readings
-- What is stored at a place for the very times this run gave it readings, and was not given; unless a person marked, adjusted or
-- ratified it,
-- or a device that is not of the run was there too and may have sent it. Moments at the edges of the run are not judged: what is
-- stored for them may come from a message outside of it.
INSERT INTO redecode_outcome (outcome, series_id, time, old_value, old_flags)
SELECT 'gone', r.series_id, r.time, r.value, r.flags
FROM (
    SELECT g.time
    FROM redecode_given g
    JOIN series se USING (series_id)
    WHERE se.site_id = %(site)s AND se.channel = %(channel)s AND g.time >= %(since)s
    GROUP BY g.time
    HAVING min(g.received_at) >= %(since)s AND max(g.received_at) < %(until)s
) moment
JOIN series se ON se.site_id = %(site)s AND se.channel = %(channel)s
JOIN reading r ON r.series_id = se.series_id AND r.time = moment.time
WHERE r.flags & %(marked)s::int2 = 0
  AND NOT EXISTS (SELECT FROM reading_before b WHERE b.series_id = r.series_id AND b.time = r.time)
  AND NOT EXISTS (SELECT FROM series_status st
                  WHERE st.series_id = r.series_id AND st.status = 'ratified' AND st.during @> r.time)
  AND NOT EXISTS (SELECT FROM redecode_given g WHERE g.series_id = r.series_id AND g.time = r.time)
  AND NOT EXISTS (
      SELECT FROM deployment d
      WHERE d.site_id = %(site)s AND d.channel = %(channel)s AND d.during @> r.time AND d.device_id <> ALL(%(devices)s::int4[])
  );

-- name: remove_gone_readings
-- Takes away what is no longer given and keeps it as a correction; what changed meanwhile is left alone.
WITH removed AS (
    DELETE FROM reading r USING redecode_outcome o
    WHERE o.outcome = 'gone' AND r.series_id = o.series_id AND r.time = o.time
      AND r.value = o.old_value AND r.flags = o.old_flags
    RETURNING o.*
)
INSERT INTO reading_correction (series_id, time, old_value, old_flags, run_id)
SELECT series_id, time, old_value, old_flags, %(run_id)s FROM removed ORDER BY series_id, time;

-- name: take_back_latest
-- Where a last value was removed, the one before it is the last.
UPDATE latest l SET time = newest.time, value = newest.value, flags = newest.flags
FROM redecode_outcome o
CROSS JOIN LATERAL (
    SELECT time, value, flags FROM reading WHERE series_id = o.series_id ORDER BY time DESC LIMIT 1
) newest
WHERE o.outcome = 'gone' AND l.series_id = o.series_id AND l.time = o.time AND newest.time < l.time;

-- name: forget_latest
-- Where nothing is left of a series, it has no last value.
DELETE FROM latest l USING redecode_outcome o
WHERE o.outcome = 'gone' AND l.series_id = o.series_id AND l.time = o.time
  AND NOT EXISTS (SELECT FROM reading r WHERE r.series_id = l.series_id);
