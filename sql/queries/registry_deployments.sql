-- name: page_of_deployments
-- Deployments by id, from the one after `after` on.
SELECT dep.deployment_id AS id, d.uid AS device, s.code AS site, dep.channel,
       nullif(lower(dep.during), '-infinity') AS installed_at, nullif(upper(dep.during), 'infinity') AS removed_at,
       dep.note
FROM deployment dep
JOIN device d USING (device_id)
JOIN site s USING (site_id)
WHERE (%(after)s::int8 IS NULL OR dep.deployment_id > %(after)s::int8)
  AND (%(id)s::int4 IS NULL OR dep.deployment_id = %(id)s::int4)
  AND (%(device)s::text IS NULL OR d.uid = %(device)s::text)
  AND (%(site)s::text IS NULL OR s.code = %(site)s::text)
ORDER BY dep.deployment_id
LIMIT %(limit)s::int8 + 1;

-- name: lock_device
-- Id of a device, whose deployments nobody else changes until we have committed.
SELECT device_id FROM device WHERE uid = %(device)s::text FOR UPDATE;

-- name: read_clock
-- The server's time now, not that of the transaction's start: others may have moved a device since.
SELECT clock_timestamp();

-- name: find_same_deployment
-- A deployment that says what is asked for already; without a start any that holds at `at` will do.
SELECT dep.deployment_id
FROM deployment dep
JOIN site s USING (site_id)
WHERE dep.device_id = %(device_id)s::int4 AND s.code = %(site)s::text AND dep.channel = %(channel)s::text
  AND CASE WHEN %(installed_at)s::timestamptz IS NULL THEN dep.during @> %(at)s::timestamptz
           ELSE lower(dep.during) = %(installed_at)s::timestamptz END
  AND coalesce(upper(dep.during), 'infinity') = coalesce(%(removed_at)s::timestamptz, 'infinity')
LIMIT 1;

-- name: add_first_deployment
-- A device at its first site; without a start everything it ever said belongs there.
INSERT INTO deployment (device_id, site_id, during)
VALUES (%(device_id)s::int4, %(site_id)s::int4, tstzrange(coalesce(%(installed_at)s::timestamptz, '-infinity'), NULL));
