-- name: page_of_sites
-- Sites by code, from the one after `after` on.
SELECT code, name, domain, latitude, longitude, position_accuracy_m, uprn, usrn, note, time_zone, created_at, is_safety,
       tags, state, since AS state_since, last_received_at
FROM site
JOIN site_state USING (site_id)
WHERE (%(after)s::text IS NULL OR code > %(after)s::text)
  AND (%(domain)s::text IS NULL OR domain = %(domain)s::text)
  AND (%(state)s::text IS NULL OR state = %(state)s::text)
ORDER BY code
LIMIT %(limit)s::int8 + 1;

-- name: find_site
-- One site.
SELECT code, name, domain, latitude, longitude, position_accuracy_m, uprn, usrn, note, time_zone, created_at, is_safety,
       tags, state, since AS state_since, last_received_at
FROM site
JOIN site_state USING (site_id)
WHERE code = %(code)s::text;

-- name: add_site
-- A site under a code of one's own choice; a code that is taken gives no row.
INSERT INTO site (code, name, domain, latitude, longitude, position_accuracy_m, uprn, usrn, note, time_zone,
                  is_safety, tags)
VALUES (%(code)s::text, %(name)s::text, %(domain)s::text, %(latitude)s::float8, %(longitude)s::float8,
        %(position_accuracy_m)s::float8, %(uprn)s::int8, %(usrn)s::int8, %(note)s::text, %(time_zone)s::text,
        coalesce(%(is_safety)s::boolean, false), %(tags)s::text[])
ON CONFLICT (code) DO NOTHING
RETURNING code, name, domain, latitude, longitude, position_accuracy_m, uprn, usrn, note, time_zone, created_at, is_safety,
          tags, 'waiting' AS state, NULL::timestamptz AS state_since, NULL::timestamptz AS last_received_at;

-- name: find_free_site_code
-- A code not taken at the moment: the slug itself, or the slug and the next number.
SELECT free_site_code(%(slug)s::text) AS code;

-- name: find_site_to_deploy_at
-- The site a device is put at; where it has no position yet it takes the one given.
WITH placed AS (
    UPDATE site SET latitude = %(latitude)s::float8, longitude = %(longitude)s::float8,
                    position_accuracy_m = %(position_accuracy_m)s::float8
    WHERE code = %(code)s::text AND latitude IS NULL AND %(latitude)s::float8 IS NOT NULL
)
SELECT site_id FROM site WHERE code = %(code)s::text;

-- name: lock_site
-- A site as it is, which nobody else changes until we have committed.
SELECT code, name, domain, latitude, longitude, position_accuracy_m, uprn, usrn, note, time_zone, created_at, is_safety,
       tags, state, since AS state_since, last_received_at
FROM site
JOIN site_state USING (site_id)
WHERE code = %(code)s::text
FOR UPDATE OF site;

-- name: change_site
-- A site with what is given instead of what was.
UPDATE site
SET name = %(name)s::text, domain = %(domain)s::text, latitude = %(latitude)s::float8, longitude = %(longitude)s::float8,
    position_accuracy_m = %(position_accuracy_m)s::float8, uprn = %(uprn)s::int8, usrn = %(usrn)s::int8,
    note = %(note)s::text, time_zone = %(time_zone)s::text, is_safety = %(is_safety)s::boolean,
    tags = %(tags)s::text[]
FROM site_state
WHERE code = %(code)s::text AND site_state.site_id = site.site_id
RETURNING code, name, domain, latitude, longitude, position_accuracy_m, uprn, usrn, note, time_zone, created_at, is_safety,
          tags, state, since AS state_since, last_received_at;
