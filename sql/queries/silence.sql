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
