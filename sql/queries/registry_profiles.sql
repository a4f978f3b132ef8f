-- name: page_of_profiles
-- Device profiles by key, from the one after `after` on.
SELECT key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script,
       accuracy_class, version, created_at
FROM device_profile
WHERE %(after)s::text IS NULL OR key > %(after)s::text
ORDER BY key
LIMIT %(limit)s::int8 + 1;

-- name: find_profile
-- One device profile.
SELECT key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script,
       accuracy_class, version, created_at
FROM device_profile
WHERE key = %(key)s::text;

-- name: add_profile
-- A device profile; a key that is taken gives no row.
INSERT INTO device_profile
    (key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script, accuracy_class)
VALUES (%(key)s::text, %(name)s::text, %(vendor)s::text, %(model)s::text, %(codec)s::text, %(battery)s::text,
        %(expected_interval_s)s::int4, %(clock_back_s)s::int8, %(clock_ahead_s)s::int8, %(definition)s::text, %(script)s::text,
        %(accuracy_class)s::text)
ON CONFLICT (key) DO NOTHING
RETURNING key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script,
       accuracy_class, version, created_at;

-- name: change_profile
-- A device profile with what is given instead of what was; no row where somebody else has made another version since.
UPDATE device_profile
SET name = %(name)s::text, vendor = %(vendor)s::text, model = %(model)s::text, codec = %(codec)s::text,
    battery = %(battery)s::text, expected_interval_s = %(expected_interval_s)s::int4, clock_back_s = %(clock_back_s)s::int8,
    clock_ahead_s = %(clock_ahead_s)s::int8, definition = %(definition)s::text, script = %(script)s::text,
    accuracy_class = %(accuracy_class)s::text
WHERE key = %(key)s::text AND version = %(old_version)s::int4
RETURNING key, name, vendor, model, codec, battery, expected_interval_s, clock_back_s, clock_ahead_s, definition, script,
          accuracy_class, version, created_at;

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

-- name: list_profiles_in_use
-- Device profiles that fit a word, by vendor, with how many devices have each.
SELECT key, name, vendor, model, codec, battery, expected_interval_s, definition, script, accuracy_class, version,
       (SELECT count(*) FROM device d WHERE d.profile_id = p.profile_id) AS devices
FROM device_profile p
WHERE %(q)s::text IS NULL
   OR strpos(lower(concat_ws(' ', key, name, vendor, model, codec, accuracy_class, definition)), lower(%(q)s::text)) > 0
ORDER BY lower(vendor), lower(name), key
LIMIT %(limit)s::int8;

-- name: list_devices_of_profile
-- Devices of a profile, by name.
SELECT d.uid, d.name FROM device d JOIN device_profile p USING (profile_id)
WHERE p.key = %(key)s::text
ORDER BY lower(d.name), d.uid
LIMIT %(limit)s::int8;

-- name: page_of_profile_versions
-- What a profile is and was, the present version first, from the one before `after` on.
SELECT * FROM (
    SELECT version, codec, definition, script, NULL::timestamptz AS until_at FROM device_profile WHERE key = %(key)s::text
    UNION ALL
    SELECT v.version, v.codec, v.definition, v.script, v.until_at
    FROM device_profile_version v JOIN device_profile p USING (profile_id)
    WHERE p.key = %(key)s::text
) versions
WHERE %(after)s::int8 IS NULL OR version < %(after)s::int8
ORDER BY version DESC
LIMIT %(limit)s::int8 + 1;
