-- name: page_of_profiles
-- Device profiles by key, from the one after `after` on.
SELECT key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script,
       created_at
FROM device_profile
WHERE %(after)s::text IS NULL OR key > %(after)s::text
ORDER BY key
LIMIT %(limit)s::int8 + 1;

-- name: find_profile
-- One device profile.
SELECT key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script,
       created_at
FROM device_profile
WHERE key = %(key)s::text;

-- name: add_profile
-- A device profile; a key that is taken gives no row.
INSERT INTO device_profile
    (key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script)
VALUES (%(key)s::text, %(name)s::text, %(vendor)s::text, %(model)s::text, %(codec)s::text, %(battery)s::text,
        %(expected_interval_s)s::int4, %(clock_back_s)s::int8, %(clock_ahead_s)s::int8, %(definition)s::text, %(script)s::text)
ON CONFLICT (key) DO NOTHING
RETURNING key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script,
       created_at;

-- name: change_profile
-- A device profile with what is given instead of what was; no row where its codec has been changed by somebody else since.
UPDATE device_profile
SET name = %(name)s::text, vendor = %(vendor)s::text, model = %(model)s::text, codec = %(codec)s::text,
    battery = %(battery)s::text, expected_interval_s = %(expected_interval_s)s::int4, clock_back_s = %(clock_back_s)s::int8,
    clock_ahead_s = %(clock_ahead_s)s::int8, definition = %(definition)s::text, script = %(script)s::text
WHERE key = %(key)s::text AND codec = %(old_codec)s::text AND definition = %(old_definition)s::text
  AND script = %(old_script)s::text
RETURNING key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script,
          created_at;

-- name: lock_profiles
-- What ships of the profiles with these keys, as it is now; nobody else changes them until the transaction ends.
SELECT key, name, vendor, model, codec, battery, expected_interval_s, definition, script
FROM device_profile
WHERE key = ANY(%(keys)s::text[])
ORDER BY key
FOR UPDATE;

-- name: add_shipped_profile
-- A shipped profile; one that came meanwhile under this key stays.
INSERT INTO device_profile (key, name, vendor, model, codec, battery, expected_interval_s, definition, script)
VALUES (%(key)s, %(name)s, %(vendor)s, %(model)s, %(codec)s, %(battery)s, %(expected_interval_s)s, %(definition)s, %(script)s)
ON CONFLICT (key) DO NOTHING;

-- name: renew_shipped_profile
-- A shipped profile that nobody has changed becomes the present one.
UPDATE device_profile
SET name = %(name)s, vendor = %(vendor)s, model = %(model)s, codec = %(codec)s, battery = %(battery)s,
    expected_interval_s = %(expected_interval_s)s, definition = %(definition)s, script = %(script)s
WHERE key = %(key)s;
