-- name: lock_registry_for_import
-- Nobody else changes devices, sites or deployments until the import has committed; reading goes on.
LOCK TABLE device, site, deployment IN SHARE ROW EXCLUSIVE MODE;

-- name: list_devices_to_import
-- Devices that a file names, each with where it is now.
SELECT d.uid, d.name, p.key AS profile, d.serial, d.note, s.code AS site, coalesce(now_at.channel, '') AS channel,
       nullif(lower(now_at.during), '-infinity') AS installed_at, d.retired_at IS NOT NULL AS is_retired
FROM device d
JOIN device_profile p USING (profile_id)
LEFT JOIN deployment now_at ON now_at.device_id = d.device_id AND now_at.during @> now()
LEFT JOIN site s USING (site_id)
WHERE d.uid = ANY (%(uids)s::text[]);

-- name: list_sites_to_import
-- Every site, as far as an import may change it.
SELECT code, name, domain, latitude, longitude, uprn, usrn FROM site;

-- name: list_taken_uids
-- Which of some uids are taken, seen or not.
SELECT taken_uids(%(uids)s::text[]);

-- name: list_taken_site_codes
-- Every code of a site, seen or not.
SELECT taken_site_codes();

-- name: list_profiles_to_import
-- Key, name and model of every device profile.
SELECT key, name, model FROM device_profile;

-- name: list_known_domains
-- Domains of the vocabulary, and those that sites have besides.
SELECT domain FROM metric UNION SELECT domain FROM site WHERE domain IS NOT NULL;

-- name: add_imported_sites
-- New sites, one an element of the arrays.
INSERT INTO site (code, name, domain, latitude, longitude, uprn, usrn)
SELECT * FROM unnest(%(code)s::text[], %(name)s::text[], %(domain)s::text[], %(latitude)s::float8[], %(longitude)s::float8[],
                     %(uprn)s::int8[], %(usrn)s::int8[]);

-- name: change_imported_sites
-- Sites as they shall be, one an element of the arrays.
UPDATE site
SET name = new.name, domain = new.domain, latitude = new.latitude, longitude = new.longitude, uprn = new.uprn, usrn = new.usrn,
    -- How exact a telephone's position was says nothing of another position.
    position_accuracy_m = CASE WHEN (site.latitude, site.longitude) = (new.latitude, new.longitude)
                               THEN site.position_accuracy_m END
FROM unnest(%(code)s::text[], %(name)s::text[], %(domain)s::text[], %(latitude)s::float8[], %(longitude)s::float8[],
            %(uprn)s::int8[], %(usrn)s::int8[]) AS new (code, name, domain, latitude, longitude, uprn, usrn)
WHERE site.code = new.code;

-- name: add_imported_devices
-- New devices, one an element of the arrays.
INSERT INTO device (uid, name, profile_id, serial, note)
SELECT new.uid, new.name, p.profile_id, new.serial, new.note
FROM unnest(%(uid)s::text[], %(name)s::text[], %(profile)s::text[], %(serial)s::text[], %(note)s::text[])
     AS new (uid, name, profile, serial, note)
JOIN device_profile p ON p.key = new.profile;

-- name: add_imported_deployments
-- New devices at their sites; without a start everything they ever said belongs there.
INSERT INTO deployment (device_id, site_id, channel, during)
SELECT d.device_id, s.site_id, new.channel, tstzrange(coalesce(new.installed_at, '-infinity'), NULL)
FROM unnest(%(uid)s::text[], %(site)s::text[], %(channel)s::text[], %(installed_at)s::timestamptz[])
     AS new (uid, site, channel, installed_at)
JOIN device d USING (uid)
JOIN site s ON s.code = new.site;

-- name: change_imported_devices
-- Devices as they shall be, one an element of the arrays.
UPDATE device
SET name = new.name, profile_id = p.profile_id, serial = new.serial, note = new.note
FROM unnest(%(uid)s::text[], %(name)s::text[], %(profile)s::text[], %(serial)s::text[], %(note)s::text[])
     AS new (uid, name, profile, serial, note)
JOIN device_profile p ON p.key = new.profile
WHERE device.uid = new.uid;

-- name: add_import_run
-- Keeps a file and what would become, or became, of its rows.
INSERT INTO import_run (person, request_key, file_name, content, answer, carried_out_at)
VALUES (%(person)s::text, %(request_key)s::text, %(file_name)s::text, %(content)s::bytea, %(answer)s::bytea,
        CASE WHEN %(carried_out)s::bool THEN now() END)
RETURNING import_id;

-- name: note_import_carried_out
-- A file that was shown is carried out now.
UPDATE import_run SET answer = %(answer)s::bytea, carried_out_at = now() WHERE import_id = %(import_id)s::uuid;

-- name: note_import_shown
-- What would become of a file's rows by now.
UPDATE import_run SET answer = %(answer)s::bytea WHERE import_id = %(import_id)s::uuid;

-- name: find_import_run
-- A file that somebody sent, and what would become, or became, of its rows.
SELECT import_id, file_name, content, answer, made_at, carried_out_at
FROM import_run
WHERE import_id = %(import_id)s::uuid AND person = %(person)s::text;

-- name: find_import_run_of_request
-- What became of a program's request that came before.
SELECT import_id, file_name, content, answer, made_at, carried_out_at
FROM import_run
WHERE request_key = %(request_key)s::text AND person = %(person)s::text;

-- name: list_import_runs
-- Somebody's imports that were carried out, the last first.
SELECT import_id, file_name, made_at, carried_out_at
FROM import_run
WHERE person = %(person)s::text AND carried_out_at IS NOT NULL
ORDER BY carried_out_at DESC
LIMIT 20;

-- name: forget_old_import_runs
-- Dry runs are kept for a day, imports for ninety.
DELETE FROM import_run
WHERE made_at < now() - CASE WHEN carried_out_at IS NULL THEN interval '1 day' ELSE interval '90 days' END;

-- name: list_devices_to_export
-- Every device in use and where it is now, as the columns of an import.
SELECT d.uid, d.name, p.key AS profile, d.serial, d.note, s.code AS site, s.name AS site_name, s.domain, s.latitude, s.longitude,
       s.uprn, s.usrn, now_at.channel, nullif(lower(now_at.during), '-infinity') AS installed_at
FROM device d
JOIN device_profile p USING (profile_id)
LEFT JOIN deployment now_at ON now_at.device_id = d.device_id AND now_at.during @> now()
LEFT JOIN site s USING (site_id)
WHERE d.retired_at IS NULL
ORDER BY d.uid;

-- name: list_devices_to_label
-- Devices that fit everything that is chosen; null chooses nothing.
SELECT d.uid, d.name
FROM device d
JOIN device_profile p USING (profile_id)
WHERE d.retired_at IS NULL
  AND (%(uids)s::text[] IS NULL OR d.uid = ANY (%(uids)s::text[]))
  AND (%(imported)s::text[] IS NULL OR d.uid = ANY (%(imported)s::text[]))
  AND (%(profile)s::text IS NULL OR p.key = %(profile)s::text)
  AND (%(site)s::text IS NULL OR EXISTS (
        SELECT FROM deployment JOIN site USING (site_id)
        WHERE deployment.device_id = d.device_id AND during @> now() AND site.code = %(site)s::text))
ORDER BY d.uid
LIMIT %(limit)s::int8;

-- name: is_device_registered
-- Whether there is a device with this uid.
SELECT EXISTS (SELECT FROM device WHERE uid = %(uid)s::text);
