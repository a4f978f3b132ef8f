-- name: page_of_devices
-- Devices by uid, from the one after `after` on, each with its present or else its last deployment.
SELECT d.uid, d.name, p.key AS profile, d.serial, d.note, s.code AS site, s.name AS site_name, s.latitude, s.longitude,
       s.position_accuracy_m, s.domain,
       dep.channel, nullif(lower(dep.during), '-infinity') AS installed_at,
       nullif(upper(dep.during), 'infinity') AS removed_at, d.retired_at, d.created_at,
       coalesce(ds.state, 'waiting') AS state, coalesce(ds.since, d.created_at) AS state_since, a.last_received_at,
       ds.expected_interval_s, ds.loss, ds.suppressed_by
FROM device d
JOIN device_profile p USING (profile_id)
LEFT JOIN device_state ds ON ds.device_id = d.device_id
LEFT JOIN device_arrival a ON a.device_id = d.device_id
LEFT JOIN LATERAL (
    SELECT * FROM deployment WHERE deployment.device_id = d.device_id
    ORDER BY during @> now() DESC, lower(during) DESC
    LIMIT 1
) dep ON true
LEFT JOIN site s USING (site_id)
WHERE (%(after)s::text IS NULL OR d.uid > %(after)s::text)
  AND (%(uid)s::text IS NULL OR d.uid = %(uid)s::text)
  AND (%(site)s::text IS NULL OR s.code = %(site)s::text)
  AND (%(profile)s::text IS NULL OR p.key = %(profile)s::text)
  AND (%(state)s::text IS NULL OR coalesce(ds.state, 'waiting') = %(state)s::text)
ORDER BY d.uid
LIMIT %(limit)s::int8 + 1;

-- name: add_device
-- A device of a profile; a uid or request that was there before gives no row.
INSERT INTO device (uid, name, profile_id, serial, note, request_id, request)
VALUES (%(uid)s::text, %(name)s::text, %(profile_id)s::int4, %(serial)s::text, %(note)s::text, %(request_id)s::uuid,
        %(request)s::jsonb)
ON CONFLICT DO NOTHING
RETURNING device_id;

-- name: find_profile_id
-- Id of a device profile.
SELECT profile_id FROM device_profile WHERE key = %(profile)s::text;

-- name: is_same_request
-- Whether a request that was carried out before said the same; no row where there was none under this id.
SELECT request = %(request)s::jsonb AS is_same FROM device WHERE request_id = %(request_id)s::uuid;

-- name: change_device
-- A device with what is given instead of what was; null leaves it.
UPDATE device
SET name = coalesce(%(name)s::text, name), serial = coalesce(%(serial)s::text, serial), note = coalesce(%(note)s::text, note),
    profile_id = coalesce(%(profile_id)s::int4, profile_id)
WHERE uid = %(uid)s::text
RETURNING device_id;

-- name: has_same_registration
-- Whether a device was registered with just this request: the same name, profile, start and place.
SELECT EXISTS (
    SELECT
    FROM device d
    JOIN device_profile p USING (profile_id)
    JOIN deployment dep USING (device_id)
    JOIN site s USING (site_id)
    WHERE d.uid = %(uid)s::text AND d.name = %(name)s::text AND p.key = %(profile)s::text
      AND d.serial = %(serial)s::text AND d.note = %(note)s::text
      AND lower(dep.during) = coalesce(%(installed_at)s::timestamptz, '-infinity')
      AND (s.code = %(site)s::text
           OR (%(site)s::text IS NULL AND s.name = %(name)s::text
               AND s.latitude = %(latitude)s::float8 AND s.longitude = %(longitude)s::float8
               AND s.domain IS NOT DISTINCT FROM %(domain)s::text))
) AS is_same;
