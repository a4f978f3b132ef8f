-- name: note_arrivals
-- Which devices were heard since the last time. A device that is not there any more is none.
INSERT INTO device_arrival AS a (device_id, last_received_at, messages, gateway, gateways)
SELECT device_id, 'epoch'::timestamptz + last_us * interval '1 microsecond', messages, gateway, gateways
FROM unnest(%(devices)s::int4[], %(last_us)s::int8[], %(messages)s::int8[], %(gateway)s::text[], %(gateways)s::int2[])
    AS heard (device_id, last_us, messages, gateway, gateways)
ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE
SET last_received_at = greatest(a.last_received_at, excluded.last_received_at),
    messages = a.messages + excluded.messages,
    gateway = CASE WHEN excluded.gateways > 0 THEN excluded.gateway ELSE a.gateway END,
    gateways = CASE WHEN excluded.gateways > 0 THEN excluded.gateways ELSE a.gateways END;

-- name: lead_watch
-- One process looks at a time, and none sooner than a few seconds after another has. No row: not now.
SELECT (SELECT looked_at FROM silence_watch) AS looked_at
WHERE pg_try_advisory_xact_lock(hashtext('hedgerow silence'))
  AND NOT EXISTS (SELECT FROM silence_watch
                  WHERE looked_at > %(now)s::timestamptz - %(pause)s::interval AND looked_at <= %(now)s);

-- name: note_look
-- When all devices were looked at, and how long that took.
INSERT INTO silence_watch (looked_at, took_s) VALUES (%(now)s, %(took_s)s)
ON CONFLICT (only_row) DO UPDATE SET looked_at = excluded.looked_at, took_s = excluded.took_s;

-- name: list_workers_listening
-- What the workers that should be listening last said of themselves.
SELECT worker, updated_at, connected, queue_messages, lag_ms FROM ingest_status WHERE state = 'working' ORDER BY worker;

-- name: begin_outage
-- From when on Hedgerow cannot hear; one that lasts goes on, with the present reason.
WITH lasting AS (
    UPDATE hearing_outage SET reason = %(reason)s WHERE ended_at IS NULL RETURNING began_at
)
INSERT INTO hearing_outage (began_at, reason)
SELECT greatest(%(began_at)s::timestamptz, (SELECT max(ended_at) FROM hearing_outage)), %(reason)s
WHERE NOT EXISTS (SELECT FROM lasting)
ON CONFLICT (began_at) DO UPDATE SET ended_at = NULL, reason = excluded.reason;

-- name: end_outage
-- Hedgerow hears again.
UPDATE hearing_outage SET ended_at = %(ended_at)s WHERE ended_at IS NULL;

-- name: add_outage
-- Nobody looked for a while: only now is it known. What is known already of that time stays.
INSERT INTO hearing_outage (began_at, ended_at, reason)
SELECT greatest(%(began_at)s::timestamptz, (SELECT max(ended_at) FROM hearing_outage)), %(ended_at)s::timestamptz, %(reason)s
WHERE NOT EXISTS (SELECT FROM hearing_outage WHERE ended_at >= %(ended_at)s::timestamptz)
ON CONFLICT (began_at) DO UPDATE SET ended_at = excluded.ended_at;

-- name: list_outages
-- When Hedgerow could not hear, of the last 400 days.
SELECT began_at, ended_at, reason FROM hearing_outage
WHERE coalesce(ended_at, 'infinity') > %(now)s::timestamptz - interval '400 days'
ORDER BY began_at;

-- name: list_silence_facts
-- What is known of every device that tells how well it is. Times in seconds since 1970.
SELECT v.device_id, v.uid, v.retired_at <= %(now)s AS is_retired, d.device_id IS NOT NULL AS is_placed,
       CASE WHEN isfinite(lower(d.during)) THEN extract(epoch FROM lower(d.during))::float8 END AS placed_s,
       p.expected_interval_s::float8 AS profile_interval_s, p.key IN ('generic', 'historical') AS is_learned,
       coalesce(s.is_safety, false) AS is_safety, coalesce(w.is_open, false) AS is_in_maintenance,
       extract(epoch FROM w.ended_at)::float8 AS maintained_s,
       extract(epoch FROM a.last_received_at)::float8 AS last_s, coalesce(a.messages, 0) AS messages,
       coalesce(a.gateway, '') AS gateway, coalesce(a.gateways, 0) AS gateways,
       ds.state, coalesce(ds.messages, 0) AS judged_messages, coalesce(ds.messages_before, 0) AS messages_before,
       extract(epoch FROM ds.last_received_at)::float8 AS judged_s, ds.expected_interval_s, ds.gaps_s, ds.loss,
       ds.suppressed_by, coalesce(ds.told, 'ok') AS told
FROM device v
JOIN device_profile p USING (profile_id)
LEFT JOIN deployment d ON d.device_id = v.device_id AND d.during @> %(now)s::timestamptz
LEFT JOIN site s USING (site_id)
LEFT JOIN (
    SELECT site_id, bool_or(during @> %(now)s::timestamptz) AS is_open,
           max(upper(during)) FILTER (WHERE upper(during) <= %(now)s::timestamptz) AS ended_at
    FROM maintenance_window
    GROUP BY site_id
) w USING (site_id)
LEFT JOIN device_arrival a ON a.device_id = v.device_id
LEFT JOIN device_state ds ON ds.device_id = v.device_id
ORDER BY v.device_id;

-- name: put_device_states
-- How devices are now, of those about which anything has changed.
INSERT INTO device_state AS ds (device_id, state, since, last_received_at, messages, messages_before, expected_interval_s,
                                gaps_s, suppressed_by, told)
SELECT device_id, state, %(now)s, to_timestamp(last_s), messages, messages_before, interval_s,
       CASE WHEN gap_s IS NULL THEN '{}' ELSE ARRAY[gap_s] END, suppressed_by, told
FROM unnest(%(devices)s::int4[], %(states)s::text[], %(last_s)s::float8[], %(messages)s::int8[], %(messages_before)s::int8[],
            %(interval_s)s::float8[], %(gap_s)s::float4[], %(suppressed_by)s::text[], %(told)s::text[])
    AS judged (device_id, state, last_s, messages, messages_before, interval_s, gap_s, suppressed_by, told)
JOIN device USING (device_id)
ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE
SET state = excluded.state, since = CASE WHEN ds.state = excluded.state THEN ds.since ELSE excluded.since END,
    last_received_at = excluded.last_received_at, messages = excluded.messages, messages_before = excluded.messages_before,
    expected_interval_s = excluded.expected_interval_s,
    gaps_s = (ds.gaps_s || excluded.gaps_s)[greatest(1, cardinality(ds.gaps_s) + cardinality(excluded.gaps_s) - 49):],
    suppressed_by = excluded.suppressed_by, told = excluded.told;

-- name: list_gateway_states
-- How gateways were at the last look. Times in seconds since 1970.
SELECT gateway, state = 'silent' AS is_silent, extract(epoch FROM since)::float8 AS since_s,
       extract(epoch FROM last_received_at)::float8 AS last_s, extract(epoch FROM silent_from)::float8 AS silent_from_s,
       messages, messages_before, devices, devices_late
FROM gateway_state;

-- name: put_gateway_states
-- How gateways are now, of those about which anything has changed.
INSERT INTO gateway_state AS g (gateway, state, since, last_received_at, silent_from, messages, messages_before, devices, devices_late)
SELECT gateway, CASE WHEN is_silent THEN 'silent' ELSE 'ok' END, %(now)s, to_timestamp(last_s), to_timestamp(silent_from_s),
       messages, messages_before, devices, devices_late
FROM unnest(%(gateways)s::text[], %(is_silent)s::boolean[], %(last_s)s::float8[], %(silent_from_s)s::float8[], %(messages)s::int8[],
            %(messages_before)s::int8[], %(devices)s::int4[], %(devices_late)s::int4[])
    AS judged (gateway, is_silent, last_s, silent_from_s, messages, messages_before, devices, devices_late)
ORDER BY gateway
ON CONFLICT (gateway) DO UPDATE
SET state = excluded.state, since = CASE WHEN g.state = excluded.state THEN g.since ELSE excluded.since END,
    last_received_at = excluded.last_received_at, silent_from = excluded.silent_from, messages = excluded.messages,
    messages_before = excluded.messages_before, devices = excluded.devices, devices_late = excluded.devices_late;

-- name: add_silence_events
-- What the watch tells of devices and gateways, beside what network servers tell.
INSERT INTO device_event (device_id, gateway, received_at, digest, time, kind, level, code, detail)
SELECT device_id, gateway, %(now)s, 0, %(now)s, kind, level, '', detail
FROM unnest(%(devices)s::int4[], %(gateways)s::text[], %(kinds)s::text[], %(levels)s::text[], %(details)s::text[])
    AS told (device_id, gateway, kind, level, detail);

-- name: list_losses_due
-- Uplinks of the last day of some devices whose packet loss was not reckoned within the hour, those longest ago first.
WITH due AS (
    SELECT a.device_id
    FROM device_arrival a
    JOIN device_state ds USING (device_id)
    WHERE a.gateways > 0 AND (ds.loss_at IS NULL OR ds.loss_at < %(now)s::timestamptz - interval '1 hour')
    ORDER BY ds.loss_at NULLS FIRST
    LIMIT %(most)s
)
SELECT due.device_id, r.session, r.f_cnt, (extract(epoch FROM r.time) * 1000000)::int8 AS time_us
FROM due
LEFT JOIN uplink_radio r ON r.device_id = due.device_id AND r.received_at > %(now)s::timestamptz - interval '1 day'
                        AND r.received_at <= %(now)s::timestamptz
ORDER BY due.device_id;

-- name: put_losses
-- Packet loss of devices, of the last day.
UPDATE device_state SET loss = reckoned.loss, loss_at = %(now)s
FROM unnest(%(devices)s::int4[], %(losses)s::float8[]) AS reckoned (device_id, loss)
WHERE device_state.device_id = reckoned.device_id;

-- name: be_the_application
-- Whoever owns the tables: here it is the application, which can alter neither them nor the audit.
SET ROLE hedgerow_app;

-- name: summarise_silence
-- How many devices are in which state, what is explained by gateways, and whether Hedgerow can hear.
SELECT (SELECT coalesce(jsonb_object_agg(state, count), '{}')
        FROM (SELECT coalesce(ds.state, 'waiting') AS state, count(*) AS count
              FROM device LEFT JOIN device_state ds USING (device_id) GROUP BY 1) counted) AS devices,
       (SELECT count(*) FROM device_state WHERE suppressed_by IS NOT NULL) AS suppressed,
       (SELECT count(*) FROM gateway_state WHERE state = 'silent') AS gateways_silent,
       coalesce(outage.reason, '') AS outage, outage.began_at AS outage_began_at,
       (SELECT extract(epoch FROM now() - looked_at)::float8 FROM silence_watch) AS looked_s
FROM (SELECT) one
LEFT JOIN (SELECT reason, began_at FROM hearing_outage WHERE ended_at IS NULL) outage ON true;

-- name: find_device_here
-- A device with how well it is and where it is now; and how it was judged.
SELECT v.device_id, v.uid, v.name, v.serial, p.key AS profile, p.name AS profile_name, p.codec, p.battery, s.code AS site,
       s.name AS site_name, coalesce(s.time_zone, 'Europe/London') AS time_zone, d.site_id, d.channel, v.created_at,
       v.retired_at, coalesce(ds.state, 'waiting') AS state, coalesce(ds.since, v.created_at) AS since,
       coalesce(ds.expected_interval_s, p.expected_interval_s) AS interval_s, ds.loss, ds.suppressed_by,
       greatest(0, a.messages - ds.messages_before) AS messages_since
FROM device v
JOIN device_profile p USING (profile_id)
LEFT JOIN deployment d ON d.device_id = v.device_id AND d.during @> now()
LEFT JOIN site s USING (site_id)
LEFT JOIN device_state ds ON ds.device_id = v.device_id
LEFT JOIN device_arrival a ON a.device_id = v.device_id
WHERE v.uid = %(uid)s::text;

-- name: read_arrival_times
-- When the last message of a device came, each kind by a look-up in an index: by its readings, its radio, as refused, as held.
-- The first is also what ingest noted a few seconds later, whatever became of the message.
SELECT greatest(
           (SELECT max(l.received_at) FROM deployment d JOIN series se USING (site_id, channel) JOIN latest l USING (series_id)
            WHERE d.device_id = v.device_id AND d.during @> now()),
           (SELECT last_received_at FROM device_arrival a WHERE a.device_id = v.device_id)) AS stored_at,
       (SELECT max(received_at) FROM uplink_radio r WHERE r.device_id = v.device_id) AS radio_at,
       (SELECT max(received_at) FROM quarantine q WHERE q.device_uid = asked.uid) AS refused_at,
       (SELECT max(received_at) FROM held h WHERE h.device_uid = asked.uid) AS held_at,
       (SELECT count(*) FROM (SELECT FROM held h WHERE h.device_uid = asked.uid LIMIT 1000) few) AS held,
       (SELECT ds.state FROM device_state ds WHERE ds.device_id = v.device_id) AS state, v.device_id
FROM (SELECT %(uid)s::text AS uid) asked
LEFT JOIN device v USING (uid);

-- name: find_last_message
-- A device's last raw message, where the archive has it; the few seconds round its arrival are all that is read.
SELECT received_at, topic, payload FROM uplink
WHERE device_id = %(device_id)s AND received_at BETWEEN %(at)s::timestamptz - interval '2 s' AND %(at)s::timestamptz + interval '2 s'
ORDER BY received_at DESC
LIMIT 1;

-- name: list_last_values
-- The last values of the place where a device is, those that came last first.
SELECT m.key AS metric, m.unit, se.channel, l.time, l.value, l.flags, l.received_at, st.label
FROM series se
JOIN metric m USING (metric_id)
JOIN latest l USING (series_id)
LEFT JOIN metric_state st ON st.metric_id = m.metric_id AND st.code = l.value
WHERE se.site_id = %(site_id)s AND se.channel = %(channel)s
ORDER BY l.received_at DESC, array_position(%(main_metrics)s::text[], m.key), m.metric_id
LIMIT 200;

-- name: list_last_refusals
-- What was refused of a device last, newest first.
SELECT quarantine_id AS id, received_at, topic, payload, reason, detail, replayed_at, item
FROM quarantine
WHERE device_uid = %(uid)s::text
ORDER BY received_at DESC, quarantine_id DESC
LIMIT %(limit)s;

-- name: find_last_held
-- The last held message of a device that is not registered, and since when there are any.
SELECT h.received_at, h.topic, h.payload, (SELECT min(received_at) FROM held WHERE device_uid = %(uid)s::text) AS first_received_at,
       (SELECT count(*) FROM held WHERE device_uid = %(uid)s::text) AS messages
FROM held h
WHERE h.device_uid = %(uid)s::text
ORDER BY h.received_at DESC
LIMIT 1;

-- name: list_events_of_device
-- What happened to a device lately, newest first.
SELECT kind, level, code, detail, time
FROM device_event
WHERE device_id = %(device_id)s
ORDER BY received_at DESC, event_id DESC
LIMIT 10;

-- name: page_of_devices_console
-- One page of devices with how well they are; the counts of all devices stand on every row.
WITH known AS (
    SELECT v.uid, v.name, p.key AS profile, p.name AS profile_name, s.code AS site, s.name AS site_name,
           coalesce(ds.state, 'waiting') AS state, coalesce(ds.since, v.created_at) AS since, a.last_received_at, ds.suppressed_by,
           coalesce(s.time_zone, 'Europe/London') AS time_zone
    FROM device v
    JOIN device_profile p USING (profile_id)
    LEFT JOIN deployment d ON d.device_id = v.device_id AND d.during @> now()
    LEFT JOIN site s USING (site_id)
    LEFT JOIN device_state ds ON ds.device_id = v.device_id
    LEFT JOIN device_arrival a ON a.device_id = v.device_id
), matching AS (
    SELECT * FROM known
    WHERE (%(state)s::text IS NULL OR state = %(state)s::text)
      AND (%(profile)s::text IS NULL OR profile = %(profile)s::text)
      AND (%(site)s::text IS NULL OR site = %(site)s::text)
      AND (%(q)s::text IS NULL OR position(lower(%(q)s::text) IN lower(uid || ' ' || name || ' ' || coalesce(site_name, ''))) > 0)
), page AS (
    SELECT * FROM matching
    ORDER BY array_position('{offline,stale,late,waiting,maintenance,ok,retired}', state), name, uid
    LIMIT %(limit)s OFFSET %(offset)s
)
SELECT (SELECT count(*) FROM known) AS devices, (SELECT count(*) FROM matching) AS devices_matching, page.*
FROM (SELECT) one
LEFT JOIN page ON true;

-- name: list_profile_names
-- Device profiles that devices have, by name.
SELECT DISTINCT p.key, p.name FROM device_profile p JOIN device USING (profile_id) ORDER BY p.name;
