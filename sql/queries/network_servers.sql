-- name: store_radio
-- How uplinks came through the air; what is stored already stays as it is.
INSERT INTO uplink_radio (device_id, received_at, digest, time, session, f_cnt, f_port, gateway, gateways, rssi, snr,
                          spreading_factor, frequency, airtime)
SELECT device_id, 'epoch'::timestamptz + received_us * interval '1 microsecond', digest,
       'epoch'::timestamptz + time_us * interval '1 microsecond', session, f_cnt, f_port, gateway, gateways, rssi, snr,
       spreading_factor, frequency, airtime
FROM unnest(%(device_ids)s::int4[], %(received_us)s::int8[], %(digests)s::int8[], %(time_us)s::int8[], %(session)s::text[],
            %(f_cnt)s::int8[], %(f_port)s::int2[], %(gateway)s::text[], %(gateways)s::int2[], %(rssi)s::float4[],
            %(snr)s::float4[], %(spreading_factor)s::int2[], %(frequency)s::int8[], %(airtime)s::float4[])
    AS r(device_id, received_us, digest, time_us, session, f_cnt, f_port, gateway, gateways, rssi, snr, spreading_factor,
         frequency, airtime)
ORDER BY device_id, received_us, digest
ON CONFLICT DO NOTHING;

-- name: store_device_events
-- What network servers tell of devices besides readings; what is stored already stays as it is.
INSERT INTO device_event (device_id, received_at, digest, time, kind, level, code, detail)
SELECT device_id, 'epoch'::timestamptz + received_us * interval '1 microsecond', digest,
       'epoch'::timestamptz + time_us * interval '1 microsecond', kind, level, code, detail
FROM unnest(%(device_ids)s::int4[], %(received_us)s::int8[], %(digests)s::int8[], %(time_us)s::int8[], %(kind)s::text[],
            %(level)s::text[], %(code)s::text[], %(detail)s::text[])
    AS e(device_id, received_us, digest, time_us, kind, level, code, detail)
ORDER BY device_id, received_us, digest
ON CONFLICT DO NOTHING;

-- name: page_of_device_events
-- What network servers and the watch tell of devices besides readings, newest first, from the one before `after` on.
SELECT e.event_id AS id, d.uid AS device, e.gateway, e.time, e.received_at, e.kind, e.level, e.code, e.detail
FROM device_event e
LEFT JOIN device d USING (device_id)
WHERE (%(after)s::int8 IS NULL OR e.event_id < %(after)s::int8)
  AND (%(device)s::text IS NULL OR d.uid = %(device)s::text)
  AND (%(kind)s::text IS NULL OR e.kind = %(kind)s::text)
  AND (%(level)s::text IS NULL OR e.level = %(level)s::text)
ORDER BY e.event_id DESC
LIMIT %(limit)s::int8 + 1;

-- name: list_frame_counters
-- Session, frame counter and time [µs since 1970] of a device's uplinks.
SELECT r.session, r.f_cnt, (extract(epoch FROM r.time) * 1000000)::int8
FROM uplink_radio r
JOIN device d USING (device_id)
WHERE d.uid = %(uid)s::text
  AND r.time >= coalesce(%(start)s::timestamptz, '-infinity') AND r.time < coalesce(%(end)s::timestamptz, 'infinity')
LIMIT %(limit)s::int8 + 1;

-- name: find_last_uplink
-- How a device's last uplink came through the air.
SELECT r.time, r.session, r.f_cnt, r.f_port, r.gateway, r.gateways, r.rssi, r.snr, r.spreading_factor, r.frequency, r.airtime
FROM uplink_radio r
JOIN device d USING (device_id)
WHERE d.uid = %(uid)s::text
  AND r.time >= coalesce(%(start)s::timestamptz, '-infinity') AND r.time < coalesce(%(end)s::timestamptz, 'infinity')
ORDER BY r.time DESC, r.f_cnt DESC
LIMIT 1;

-- name: hold_webhook
-- Keeps the message of a webhook for its device and tells ingest, which releases it if the device is registered; no row: it was
-- taken before.
WITH fresh AS (
    INSERT INTO webhook_delivery (digest) VALUES (%(digest)s::int8) ON CONFLICT DO NOTHING RETURNING digest, received_at
), kept AS (
    INSERT INTO held (device_uid, received_at, digest, topic, payload)
    SELECT %(device_uid)s::text, received_at, digest, %(topic)s::text, %(payload)s::bytea FROM fresh
    RETURNING digest
), forgotten AS (
    DELETE FROM webhook_delivery WHERE digest IN (
        SELECT digest FROM webhook_delivery WHERE received_at < now() - interval '7 days'
        ORDER BY received_at LIMIT 10 FOR UPDATE SKIP LOCKED
    )
)
SELECT digest, pg_notify('hedgerow_held', '') FROM kept;

-- name: quarantine_webhook
-- Sets the body of a webhook aside with its reason; no row: it was set aside before.
WITH fresh AS (
    INSERT INTO webhook_delivery (digest) VALUES (%(digest)s::int8) ON CONFLICT DO NOTHING RETURNING digest, received_at
)
INSERT INTO quarantine (received_at, digest, item, topic, payload, reason, detail)
SELECT received_at, digest, 0, %(topic)s::text, %(payload)s::bytea, %(reason)s::text, %(detail)s::text FROM fresh
RETURNING quarantine_id;
