-- name: page_of_devices
-- Devices by uid, from the one after `after` on, each with its present or else its last deployment.
SELECT d.uid, d.name, p.key AS profile, s.code AS site, s.name AS site_name, s.latitude, s.longitude, s.domain,
       dep.channel, nullif(lower(dep.during), '-infinity') AS installed_at,
       nullif(upper(dep.during), 'infinity') AS removed_at, d.created_at
FROM device d
JOIN device_profile p USING (profile_id)
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
ORDER BY d.uid
LIMIT %(limit)s::int8 + 1;

-- name: add_device
-- A device of a profile; a uid that is taken gives no row.
INSERT INTO device (uid, name, profile_id)
VALUES (%(uid)s::text, %(name)s::text, %(profile_id)s::int4)
ON CONFLICT (uid) DO NOTHING
RETURNING device_id;

-- name: find_profile_id
-- Id of a device profile.
SELECT profile_id FROM device_profile WHERE key = %(profile)s::text;

-- name: has_same_registration
-- Whether a device was registered with just this request: the same name, profile, start and place.
SELECT EXISTS (
    SELECT
    FROM device d
    JOIN device_profile p USING (profile_id)
    JOIN deployment dep USING (device_id)
    JOIN site s USING (site_id)
    WHERE d.uid = %(uid)s::text AND d.name = %(name)s::text AND p.key = %(profile)s::text
      AND lower(dep.during) = coalesce(%(installed_at)s::timestamptz, '-infinity')
      AND (s.code = %(site)s::text
           OR (%(site)s::text IS NULL AND s.name = %(name)s::text
               AND s.latitude = %(latitude)s::float8 AND s.longitude = %(longitude)s::float8
               AND s.domain IS NOT DISTINCT FROM %(domain)s::text))
) AS is_same;
