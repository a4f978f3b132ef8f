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
