-- name: page_of_profiles
-- Device profiles by key, from the one after `after` on.
SELECT key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, created_at
FROM device_profile
WHERE %(after)s::text IS NULL OR key > %(after)s::text
ORDER BY key
LIMIT %(limit)s::int8 + 1;

-- name: find_profile
-- One device profile.
SELECT key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, created_at
FROM device_profile
WHERE key = %(key)s::text;

-- name: add_profile
-- A device profile; a key that is taken gives no row.
INSERT INTO device_profile (key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s)
VALUES (%(key)s::text, %(name)s::text, %(vendor)s::text, %(model)s::text, %(codec)s::text, %(battery)s::text,
        %(expected_interval_s)s::int4, %(clock_back_s)s::int8, %(clock_ahead_s)s::int8)
ON CONFLICT (key) DO NOTHING
RETURNING key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, created_at;
