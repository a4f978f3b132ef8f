-- A day of a small county for the tests of the console: sites in every state, readings up to now, things set aside.
INSERT INTO device_profile (key, name, vendor, model, expected_interval_s, battery) VALUES
    ('air-5min', 'Air quality monitor', 'Example', 'AQ-1', 300, '2 x D lithium'),
    ('radar-5min', 'Traffic radar', 'Example', 'TR-2', 300, ''),
    ('gully-1h', 'Gully level sensor', 'Example', 'GL-3', 3600, 'AA lithium');

CREATE TEMPORARY TABLE place (code text, name text, domain text, latitude float8, longitude float8,
                              profile text, metrics text[], silent_for interval);
INSERT INTO place VALUES
    ('high-west-street', 'Dorchester, High West Street', 'air_quality', 50.7156, -2.4397, 'air-5min',
     '{pm2_5,no2,air_temperature,relative_humidity,battery_level}', '0'),
    ('puddletown-school', 'Puddletown First School', 'air_quality', 50.7479, -2.3424, 'air-5min',
     '{pm2_5,pm10}', '9 minutes'),
    ('yellowham-hill', 'A35 Yellowham Hill, eastbound', 'traffic', 50.7325, -2.3832, 'radar-5min',
     '{vehicle_count,speed_mean_time}', '0'),
    ('mill-lane-14', 'Gully 14, Mill Lane', 'asset', 50.7012, -2.4471, 'gully-1h', '{fill_level,silt_depth}', '7 hours'),
    ('lower-bockhampton', 'River Frome at Lower Bockhampton', 'water', 50.7203, -2.3903, 'air-5min',
     '{water_level,water_temperature}', '0'),
    ('maiden-castle', 'Maiden Castle <car park> & "kiosk"', NULL, NULL, NULL, 'generic', '{}', NULL);
INSERT INTO place
SELECT 'gully-' || n, 'Gully ' || n || ', Bridport Road', 'asset', 50.7 + n / 500.0, -2.46 - n / 400.0, 'gully-1h',
       '{fill_level}', interval '2 minutes' * (n % 20)
FROM generate_series(101, 160) AS n;

INSERT INTO site (code, name, domain, latitude, longitude)
SELECT code, name, domain, latitude, longitude FROM place;
INSERT INTO device (uid, name, profile_id)
SELECT 'hr-' || code, 'Sensor at ' || place.name, profile_id FROM place JOIN device_profile p ON p.key = profile;
INSERT INTO deployment (device_id, site_id, during)
SELECT device_id, site_id, tstzrange(now() - interval '90 days', NULL)
FROM site JOIN device ON uid = 'hr-' || code;
INSERT INTO series (site_id, metric_id)
SELECT site_id, metric_id FROM place JOIN site USING (code), unnest(metrics) AS metric_key JOIN metric m ON m.key = metric_key;

SELECT ensure_partition('reading', now()), ensure_partition('reading', now() - interval '1 day');

-- A daily shape for every metric, a little noise that repeats, and two hours without traffic readings.
CREATE TEMPORARY TABLE shape (key text, base float8, swing float8, noise float8, lowest float8, digits int);
INSERT INTO shape VALUES
    ('pm2_5', 9, 5, 1.6, 1, 1), ('pm10', 16, 7, 2, 2, 1), ('no2', 26, 15, 3, 2, 1), ('air_temperature', 8.5, 4, 0.3, -9, 1),
    ('relative_humidity', 78, -12, 1.5, 20, 0), ('battery_level', 83, 0.2, 0.2, 0, 0), ('vehicle_count', 19, 15, 4, 0, 0),
    ('speed_mean_time', 74, -9, 3, 20, 1), ('fill_level', 41, 1.5, 0.6, 0, 0), ('silt_depth', 122, 2, 1, 0, 0),
    ('water_level', 0.86, 0.11, 0.01, 0, 3), ('water_temperature', 9.2, 1.1, 0.08, 0, 2);
INSERT INTO reading (series_id, time, value, flags)
SELECT series_id, at,
       round(greatest(lowest, base + swing * sin((extract(epoch FROM at) / 3600 - 7) * pi() / 12)
             + noise * (sin(extract(epoch FROM at) / 431 + series_id) + sin(extract(epoch FROM at) / 97)))::numeric, digits),
       CASE WHEN m.key = 'relative_humidity' THEN 16 ELSE 0 END
FROM series JOIN site s USING (site_id) JOIN place USING (code) JOIN metric m USING (metric_id) JOIN shape USING (key)
JOIN device_profile p ON p.key = place.profile,
generate_series(now() - interval '24 hours', now() - silent_for, expected_interval_s * interval '1 second') AS at
WHERE m.domain <> 'traffic' OR at NOT BETWEEN now() - interval '9 hours' AND now() - interval '7 hours';
-- One impossible value with its flag: aggregates leave it out unless it is asked for.
UPDATE reading SET value = 940, flags = 1
WHERE (series_id, time) = (SELECT series_id, time FROM reading JOIN series USING (series_id) JOIN metric USING (metric_id)
                           WHERE key = 'no2' ORDER BY time DESC OFFSET 60 LIMIT 1);

INSERT INTO latest
SELECT DISTINCT ON (series_id) series_id, time, value, flags, time + interval '400 milliseconds'
FROM reading ORDER BY series_id, time DESC;

-- What ingest and the watch over silence have made of it. States stand still in tests: nobody moves the worker's row.
INSERT INTO device_arrival (device_id, last_received_at, messages)
SELECT device_id, max(l.received_at), 100
FROM deployment JOIN series USING (site_id) JOIN latest l USING (series_id)
GROUP BY device_id;
INSERT INTO device_state (device_id, state, since, last_received_at, messages, expected_interval_s)
SELECT d.device_id, CASE WHEN a.device_id IS NULL THEN 'waiting' WHEN silent_for > 3 * interval_s THEN 'stale'
                         WHEN silent_for > 1.5 * interval_s THEN 'late' ELSE 'ok' END,
       coalesce(a.last_received_at, now() - interval '90 days'), a.last_received_at, coalesce(a.messages, 0), extract(epoch FROM interval_s)
FROM device d
JOIN place ON d.uid = 'hr-' || place.code
JOIN device_profile p USING (profile_id)
CROSS JOIN LATERAL (SELECT p.expected_interval_s * interval '1 second' AS interval_s) expected
LEFT JOIN device_arrival a USING (device_id);

INSERT INTO ingest_status (worker, started_at, updated_at, messages, messages_redelivered, messages_quarantined, messages_held,
    readings, readings_stored, readings_duplicate, readings_quarantined, connected, connections, sessions_lost, queue_messages, lag_ms)
VALUES ('hedgerow-ingest-0', now() - interval '1 day', now(), 123456, 12, 4, 3, 432100, 431980, 117, 3, true, 3, 1, 42, 38.5);

INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)
VALUES
    (now() - interval '3 minutes', 1, 1, 'hr-yellowham-hill', 'hedgerow/v1/hr-yellowham-hill/up',
     convert_to('{"vehicle_count": 12, "noise_level": 61.2}', 'UTF8'), 'metric_unknown', 'noise_level'),
    (now() - interval '20 minutes', 2, 0, 'hr-puddletown-school', 'hedgerow/v1/hr-puddletown-school/up',
     convert_to('[{"bn":"urn:dev:mac:0011223344556677:","bt":1700000000,"n":"pm2_5","u":"ug/m3","v":8.2},{"n":"pm10","u":"ug/m3"', 'UTF8'),
     'not_json', 'unexpected end of input at character 117'),
    (now() - interval '2 hours', 3, 0, NULL, 'hedgerow/v1/<script>alert(1)</script>/up', convert_to('{"pm2_5": 8}', 'UTF8'),
     'uid_invalid', '<script>alert(1)</script>'),
    (now() - interval '5 hours', 4, 0, 'hr-gully-101', 'hedgerow/v1/hr-gully-101/up', '\x00ff1201deadbeef', 'not_utf8', 'byte 1'),
    (now() - interval '6 hours', 5, 1, 'hr-mill-lane-14', 'hedgerow/v1/hr-mill-lane-14/up',
     convert_to('{"fill_level": "about half"}', 'UTF8'), 'value_not_numeric', 'fill_level: about half');
INSERT INTO quarantine (received_at, digest, item, device_uid, topic, payload, reason, detail)
SELECT now() - interval '7 hours' - n * interval '1 minute', 100 + n, 0, 'hr-gully-102', 'hedgerow/v1/hr-gully-102/up', '', 'payload_empty', ''
FROM generate_series(1, 30) AS n;
INSERT INTO held (device_uid, received_at, digest, topic, payload)
SELECT 'new-bin-7', now() - n * interval '10 minutes', n, 'hedgerow/v1/new-bin-7/up', convert_to('{"fill_level": 12}', 'UTF8')
FROM generate_series(1, 3) AS n;
