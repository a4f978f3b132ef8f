-- Put over a_day.sql for dashboards: every metric they show at two sites with sensors, radio, events, actions, what was set aside.
-- The parameter "metrics" names them.
INSERT INTO site (code, name, domain, latitude, longitude)
SELECT code, initcap(code), 'mixed', 50.7, -2.4 FROM unnest('{here,there}'::text[]) AS code
ON CONFLICT DO NOTHING;
INSERT INTO device (uid, name, profile_id)
SELECT 'all-' || code, 'Everything ' || code, profile_id FROM site, device_profile p
WHERE code IN ('here', 'there') AND p.key = 'air-5min';
INSERT INTO deployment (device_id, site_id, during)
SELECT device_id, site_id, tstzrange(now() - interval '90 days', NULL) FROM site JOIN device ON uid = 'all-' || code;
INSERT INTO series (site_id, metric_id)
SELECT site_id, metric_id FROM site, metric m WHERE code IN ('here', 'there') AND m.key = ANY(%(metrics)s);
INSERT INTO reading (series_id, time, value, flags)
SELECT series_id, at, 10 + extract(minute FROM at) / 6, 0
FROM series JOIN site USING (site_id),
generate_series(now() - interval '24 hours', now(), interval '5 minutes') AS at
WHERE code IN ('here', 'there');
INSERT INTO latest
SELECT DISTINCT ON (series_id) series_id, time, value, flags, time
FROM reading JOIN series USING (series_id) JOIN site USING (site_id)
WHERE code IN ('here', 'there') ORDER BY series_id, time DESC;
INSERT INTO device_arrival (device_id, last_received_at, messages, gateway, gateways)
SELECT device_id, now(), 288, 'gw-1', 2 FROM device WHERE uid LIKE 'all-%%';
INSERT INTO device_state (device_id, state, since, last_received_at, messages, expected_interval_s, loss, loss_at)
SELECT device_id, 'ok', now() - interval '1 day', now(), 288, 300, 0.02, now() FROM device WHERE uid LIKE 'all-%%';

INSERT INTO uplink_radio (device_id, received_at, digest, time, session, f_cnt, f_port, gateway, gateways, rssi, snr, spreading_factor,
                          frequency, airtime)
SELECT device_id, now() - n * interval '5 minutes', n, now() - n * interval '5 minutes', 's', 288 - n, 1, 'gw-' || n %% 2, 2,
       -100 - n %% 10, 5, 7 + n %% 3, 868100000, 0.06
FROM device, generate_series(1, 287) AS n
WHERE uid LIKE 'all-%%';
INSERT INTO gateway_state (gateway, state, since, last_received_at, messages, messages_before, devices, devices_late)
VALUES ('gw-0', 'ok', now() - interval '9 days', now(), 287, 0, 1, 0), ('gw-1', 'ok', now() - interval '9 days', now(), 287, 0, 1, 0);
INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)
SELECT now() - n * interval '4 hours', n, 0, 'all-here', 'hedgerow/v1/all-here/up', '',
       CASE n %% 2 WHEN 0 THEN 'not_json' ELSE 'metric_unknown' END, 'for the tests'
FROM generate_series(1, 5) AS n;
INSERT INTO held (device_uid, received_at, digest, topic, payload)
VALUES ('not-there-yet', now() - interval '2 hours', 1, 'hedgerow/v1/not-there-yet/up', '');
INSERT INTO device_event (device_id, received_at, digest, time, kind, level, code, detail)
SELECT device_id, now() - interval '3 hours', 1, now() - interval '3 hours', 'silent', 'WARNING', '', ''
FROM device WHERE uid LIKE 'all-%%';
INSERT INTO registry_action (kind, at, device_id, site_id, person)
SELECT 'install', now() - interval '5 hours', device_id, site_id, 'erin' FROM deployment;

-- Ten minutes of the path, told as ingest tells them.
DO $$ BEGIN
    UPDATE ingest_status SET broker_dropped = 0, updated_at = now() - interval '11 minutes';
    FOR n IN REVERSE 10..0 LOOP
        UPDATE ingest_status
        SET updated_at = now() - n * interval '1 minute', messages = messages + 300, readings = readings + 1500,
            readings_stored = readings_stored + 1500, lag_ms = 40 + n, queue_messages = n;
    END LOOP;
END $$;
