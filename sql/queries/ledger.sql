-- name: create_ledger_tables
-- Where a ledger is loaded for comparison: its devices, messages and readings, and which messages were acknowledged or sent again.
CREATE TEMP TABLE ledger_device (device int4, uid text);
CREATE TEMP TABLE ledger_sent (message int8, device int4, digest int8, clock boolean, reason text, refused int4);
CREATE TEMP TABLE ledger_reading (message int8, device int4, metric_id int4, time timestamptz, value float8, clock boolean);
CREATE TEMP TABLE ledger_note (message int8, acknowledged boolean);
SELECT set_config('work_mem', '256MB', false);

-- name: copy_ledger_devices
-- Loads devices.
COPY ledger_device FROM STDIN;

-- name: copy_ledger_messages
-- Loads messages.
COPY ledger_sent FROM STDIN;

-- name: copy_ledger_readings
-- Loads readings, made as bytes from arrays.
COPY ledger_reading FROM STDIN (FORMAT binary);

-- name: copy_ledger_notes
-- Loads what was noted of messages later: acknowledged, or (false) sent again.
COPY ledger_note FROM STDIN (FORMAT binary);

-- name: match_ledger
-- Puts ledger and store side by side in tables that are rolled back when they have been read.
-- Messages with what the broker said of them.
CREATE TEMP TABLE ledger_message AS
SELECT s.*, coalesce(n.acknowledged, 0) > 0 AS acknowledged, 1 + coalesce(n.again, 0) AS sendings
FROM ledger_sent s
LEFT JOIN (
    SELECT message, count(*) FILTER (WHERE acknowledged) AS acknowledged, count(*) FILTER (WHERE NOT acknowledged) AS again
    FROM ledger_note
    GROUP BY message
) n USING (message);

-- Rows of the places where the ledger's devices are or were, and whether the device was there at the time.
CREATE TEMP TABLE ledger_stored AS
SELECT s.device, s.metric_id, r.time, r.value, r.flags, r.series_id, s.during @> r.time AS is_there
FROM (
    SELECT l.device, se.metric_id, se.series_id, range_agg(d.during) AS during
    FROM ledger_device l
    JOIN device v USING (uid)
    JOIN deployment d USING (device_id)
    JOIN series se ON se.site_id = d.site_id AND se.channel = d.channel
    GROUP BY l.device, se.metric_id, se.series_id
) s
JOIN reading r USING (series_id);
ANALYZE ledger_reading, ledger_message, ledger_stored;
-- What a place has of the time when somebody else was there is somebody else's.
DELETE FROM ledger_stored s
USING series se, deployment d
WHERE NOT s.is_there AND se.series_id = s.series_id
  AND d.site_id = se.site_id AND d.channel = se.channel AND d.during @> s.time;

-- What became of every reading that should stand under its own time.
CREATE TEMP TABLE ledger_outcome AS
SELECT r.device, r.metric_id, r.time, bool_or(m.acknowledged) AS acknowledged,
       coalesce(bool_or(s.is_there), false) AS is_stored, coalesce(bool_or(NOT s.is_there), false) AS is_elsewhere_too,
       coalesce(bool_or(s.is_there AND s.value = r.value), false) AS is_right, min(r.value) AS value, min(s.value) AS stored_value
FROM ledger_reading r
JOIN ledger_message m ON m.message = r.message
LEFT JOIN ledger_stored s ON (s.device, s.metric_id, s.time) = (r.device, r.metric_id, r.time)
WHERE NOT r.clock
GROUP BY r.device, r.metric_id, r.time;

-- Rows that stand more than once under one key, which only a table without its key allows.
CREATE TEMP TABLE ledger_copy AS
SELECT device, metric_id, time, count(*) - 1 AS more, min(value) AS value
FROM ledger_stored
GROUP BY device, metric_id, series_id, time
HAVING count(*) > 1;

-- Rows nobody sent under this time. A place may have two devices: what is the other's, or may be, is left out.
CREATE TEMP TABLE ledger_stranger AS
SELECT s.*
FROM ledger_stored s
WHERE NOT EXISTS (SELECT FROM ledger_outcome o WHERE (o.device, o.metric_id, o.time) = (s.device, s.metric_id, s.time));
DELETE FROM ledger_stranger s
USING ledger_stored t, ledger_outcome o
WHERE (t.series_id, t.time) = (s.series_id, s.time) AND t.device <> s.device
  AND (o.device, o.metric_id, o.time) = (t.device, t.metric_id, t.time);
DELETE FROM ledger_stranger x
USING series se, deployment d, device v
WHERE se.series_id = x.series_id AND d.site_id = se.site_id AND d.channel = se.channel AND d.during @> x.time
  AND v.device_id = d.device_id AND NOT EXISTS (SELECT FROM ledger_device l WHERE l.uid = v.uid);

-- Readings with an impossible time: they should stand under the time of arrival, once for every sending that arrived.
CREATE TEMP TABLE ledger_clock AS
SELECT device, metric_id, value, coalesce(e.least, 0) AS least, coalesce(e.most, 0) AS most, coalesce(f.found, 0) AS found
FROM (
    SELECT r.device, r.metric_id, r.value, count(*) FILTER (WHERE m.acknowledged) AS least, sum(m.sendings) AS most
    FROM ledger_reading r
    JOIN ledger_message m USING (message)
    WHERE r.clock AND NOT EXISTS (SELECT FROM held h WHERE h.digest = m.digest)
      AND NOT EXISTS (SELECT FROM quarantine q WHERE q.digest = m.digest)
    GROUP BY r.device, r.metric_id, r.value
) e
FULL JOIN (
    SELECT device, metric_id, value, count(*) AS found
    FROM ledger_stranger
    WHERE flags & 512 <> 0 -- Flag.CLOCK
    GROUP BY device, metric_id, value
) f USING (device, metric_id, value);
DELETE FROM ledger_stranger s
USING ledger_clock c
WHERE s.flags & 512 <> 0 AND c.most > 0 AND (c.device, c.metric_id, c.value) = (s.device, s.metric_id, s.value);

-- What is known of each distinct content: the same bytes on the same topic are told apart nowhere.
CREATE TEMP TABLE ledger_digest AS
SELECT m.digest, min(m.device) AS device, sum(m.sendings) AS sendings, count(*) FILTER (WHERE m.acknowledged) AS acknowledged,
       min(m.reason) AS reason, max(m.refused) AS refused
FROM ledger_message m
GROUP BY m.digest;

CREATE TEMP TABLE ledger_quarantined AS
SELECT d.digest, q.item, count(*) AS copies, d.sendings, d.refused,
       count(*) FILTER (WHERE q.reason <> d.reason) AS misjudged, min(q.reason) AS reason, min(d.reason) AS expected
FROM ledger_digest d
JOIN quarantine q USING (digest)
GROUP BY d.digest, q.item, d.sendings, d.refused;

CREATE TEMP TABLE ledger_held AS
SELECT d.digest, count(*) AS copies, d.sendings
FROM ledger_digest d
JOIN held h USING (digest)
GROUP BY d.digest, d.sendings;
ANALYZE ledger_outcome, ledger_quarantined, ledger_held;

-- Readings that are not in the store though the broker took them, and whether they wait elsewhere.
CREATE TEMP TABLE ledger_missing AS
SELECT o.device, o.metric_id, o.time, o.value, bool_or(h.digest IS NOT NULL) AS is_held,
       bool_or(q.digest IS NOT NULL) AS is_quarantined
FROM ledger_outcome o
JOIN ledger_reading r USING (device, metric_id, time)
JOIN ledger_message m ON m.message = r.message
LEFT JOIN ledger_held h ON h.digest = m.digest
LEFT JOIN (
    SELECT digest FROM ledger_quarantined GROUP BY digest, refused HAVING min(item) = 0 OR count(*) > refused
) q ON q.digest = m.digest
WHERE NOT o.is_stored AND o.acknowledged AND NOT r.clock
GROUP BY o.device, o.metric_id, o.time, o.value;

-- name: sum_up_ledger
-- The figures of a comparison.
SELECT m.messages, m.acknowledged, m.messages - m.acknowledged AS unacknowledged, m.sent_again, m.malformed,
       o.readings + c.readings AS readings, o.stored + c.stored AS stored, c.stored AS stored_by_arrival,
       miss.held AS readings_held, h.held AS messages_held, q.quarantined,
       miss.lost + c.lost + d.lost AS lost,
       o.twice + copies.twice + c.twice + q.twice + h.twice + again.twice AS duplicate,
       s.strangers + foreign_rows.strangers AS phantom,
       o.wrong + q.misjudged AS wrong,
       o.wrong AS wrong_value, q.misjudged AS wrong_reason
FROM (
    SELECT count(*) AS messages, count(*) FILTER (WHERE acknowledged) AS acknowledged,
           coalesce(sum(sendings - 1), 0)::int8 AS sent_again, count(*) FILTER (WHERE reason <> '') AS malformed
    FROM ledger_message
) m, (
    SELECT count(*) AS readings, count(*) FILTER (WHERE is_stored AND is_right) AS stored,
           count(*) FILTER (WHERE is_elsewhere_too) AS twice, count(*) FILTER (WHERE is_stored AND NOT is_right) AS wrong
    FROM ledger_outcome
) o, (
    SELECT count(*) FILTER (WHERE is_held) AS held, count(*) FILTER (WHERE NOT is_held AND NOT is_quarantined) AS lost
    FROM ledger_missing
) miss, (
    SELECT coalesce(sum(more), 0)::int8 AS twice
    FROM ledger_copy
    JOIN ledger_outcome USING (device, metric_id, time)
) copies, (
    SELECT coalesce(sum(most), 0)::int8 AS readings, coalesce(sum(least(found, most)) FILTER (WHERE most > 0), 0)::int8 AS stored,
           coalesce(sum(greatest(least - found, 0)), 0)::int8 AS lost,
           coalesce(sum(greatest(found - most, 0)) FILTER (WHERE most > 0), 0)::int8 AS twice
    FROM ledger_clock
) c, (
    SELECT coalesce(sum(copies - misjudged), 0)::int8 AS quarantined,
           coalesce(sum(greatest(copies - sendings, 0)), 0)::int8 AS twice,
           (coalesce(sum(misjudged), 0) + (
               SELECT coalesce(sum(greatest(items - refused, 0)), 0)
               FROM (SELECT count(*) AS items, refused FROM ledger_quarantined WHERE expected <> '' GROUP BY digest, refused) i
           ))::int8 AS misjudged
    FROM ledger_quarantined
) q, (
    SELECT count(*) AS held, coalesce(sum(greatest(copies - sendings, 0)), 0)::int8 AS twice
    FROM ledger_held
) h, (
    -- Refused parts that are in quarantine less often than they were acknowledged.
    SELECT coalesce(sum(greatest(d.refused * d.acknowledged - coalesce(found.copies, 0), 0)), 0)::int8 AS lost
    FROM ledger_digest d
    LEFT JOIN (SELECT digest, sum(copies) AS copies FROM ledger_quarantined GROUP BY digest) found USING (digest)
    WHERE d.refused > 0 AND NOT EXISTS (SELECT FROM ledger_held h WHERE h.digest = d.digest)
) d, (
    -- Messages that wait although they were stored.
    SELECT count(*) AS twice
    FROM ledger_held h
    JOIN ledger_message m ON m.digest = h.digest
    JOIN ledger_reading r ON r.message = m.message
    JOIN ledger_outcome o ON (o.device, o.metric_id, o.time) = (r.device, r.metric_id, r.time)
    WHERE h.copies >= h.sendings AND o.is_stored AND NOT r.clock
) again, (
    SELECT count(DISTINCT (series_id, time)) AS strangers
    FROM ledger_stranger
) s, (
    SELECT (SELECT count(*) FROM quarantine q JOIN ledger_device l ON l.uid = q.device_uid
            WHERE NOT EXISTS (SELECT FROM ledger_digest d WHERE d.digest = q.digest))
         + (SELECT count(*) FROM held h JOIN ledger_device l ON l.uid = h.device_uid
            WHERE NOT EXISTS (SELECT FROM ledger_digest d WHERE d.digest = h.digest)) AS strangers
) foreign_rows;

-- name: list_ledger_faults
-- Some examples of what a comparison found wrong.
SELECT fault, l.uid, coalesce(m.key, '') AS metric, x.time, x.expected, x.found
FROM (
    (SELECT 'lost' AS fault, device, metric_id, time, value::text AS expected, '' AS found
     FROM ledger_missing WHERE NOT is_held AND NOT is_quarantined ORDER BY device, time LIMIT %(limit)s)
    UNION ALL
    (SELECT 'lost', device, metric_id, NULL, value::text || ' at the time of arrival', ''
     FROM ledger_clock WHERE least > found ORDER BY device LIMIT %(limit)s)
    UNION ALL
    (SELECT 'lost', d.device, NULL, NULL, 'quarantine: ' || d.reason, ''
     FROM ledger_digest d
     WHERE d.refused > 0 AND d.acknowledged > 0 AND NOT EXISTS (SELECT FROM ledger_quarantined q WHERE q.digest = d.digest)
       AND NOT EXISTS (SELECT FROM ledger_held h WHERE h.digest = d.digest)
     ORDER BY d.device LIMIT %(limit)s)
    UNION ALL
    (SELECT 'duplicate', device, metric_id, time, value::text, 'at another place too'
     FROM ledger_outcome WHERE is_elsewhere_too ORDER BY device, time LIMIT %(limit)s)
    UNION ALL
    (SELECT 'duplicate', device, metric_id, time, value::text, more || ' more under the same key'
     FROM ledger_copy ORDER BY device, time LIMIT %(limit)s)
    UNION ALL
    (SELECT 'phantom', device, metric_id, time, '', value::text
     FROM ledger_stranger ORDER BY device, time LIMIT %(limit)s)
    UNION ALL
    (SELECT 'wrong', device, metric_id, time, value::text, stored_value::text
     FROM ledger_outcome WHERE is_stored AND NOT is_right ORDER BY device, time LIMIT %(limit)s)
    UNION ALL
    (SELECT 'wrong', d.device, NULL, NULL, coalesce(nullif('quarantine: ' || q.expected, 'quarantine: '), 'stored'),
            'quarantine: ' || q.reason
     FROM ledger_quarantined q JOIN ledger_digest d USING (digest)
     WHERE q.misjudged > 0 ORDER BY d.device LIMIT %(limit)s)
) x
JOIN ledger_device l USING (device)
LEFT JOIN metric m USING (metric_id);
