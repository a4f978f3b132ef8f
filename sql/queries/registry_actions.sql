-- name: find_device_to_act_on
-- A device, whose deployments nobody else changes until we have committed.
SELECT device_id, uid, retired_at FROM device WHERE uid = %(uid)s::text FOR UPDATE;

-- name: find_site_id
-- Id of a site.
SELECT site_id FROM site WHERE code = %(code)s::text;

-- name: list_site_codes
-- The codes of some sites.
SELECT site_id, code FROM site WHERE site_id = ANY(%(ids)s::int4[]);

-- name: list_device_uids
-- The uids of some devices.
SELECT device_id, uid FROM device WHERE device_id = ANY(%(ids)s::int4[]);

-- name: retire_device
-- A device out of use since a time; null puts it back into the store.
UPDATE device SET retired_at = %(retired_at)s::timestamptz WHERE device_id = %(device_id)s::int4;

-- name: add_action
-- What was done, with what it changed.
INSERT INTO registry_action (kind, at, device_id, old_device_id, site_id, old_site_id, channel, note, person, readings_moved,
                             readings_unplaced, readings_ambiguous, before, after)
VALUES (%(kind)s::text, %(at)s::timestamptz, %(device_id)s::int4, %(old_device_id)s::int4, %(site_id)s::int4,
        %(old_site_id)s::int4, %(channel)s::text, %(note)s::text, %(person)s::text, %(moved)s::int8, %(unplaced)s::int8,
        %(ambiguous)s::int8, %(before)s::jsonb, %(after)s::jsonb)
RETURNING action_id;

-- name: page_of_actions
-- Actions, the last written down first, from the one before `after` on; of a site also those that took a device from it.
SELECT a.action_id AS id, a.kind, a.at, d.uid AS device, o.uid AS old_device, s.code AS site, f.code AS old_site, a.channel,
       a.note, a.person, a.made_at, a.readings_moved, a.readings_unplaced, a.readings_ambiguous, a.undone_at, a.undone_by
FROM registry_action a
JOIN device d ON d.device_id = a.device_id
LEFT JOIN device o ON o.device_id = a.old_device_id
LEFT JOIN site s ON s.site_id = a.site_id
LEFT JOIN site f ON f.site_id = a.old_site_id
WHERE (%(after)s::int8 IS NULL OR a.action_id < %(after)s::int8)
  AND (%(id)s::int8 IS NULL OR a.action_id = %(id)s::int8)
  AND (%(device)s::text IS NULL OR %(device)s::text IN (d.uid, o.uid))
  AND (%(site)s::text IS NULL OR %(site)s::text IN (s.code, f.code))
ORDER BY a.action_id DESC
LIMIT %(limit)s::int8 + 1;

-- name: find_action_to_undo
-- What an action changed, and the last action of its devices that holds still.
SELECT a.device_id, a.old_device_id, a.kind, a.undone_at, a.before, a.after, (
    SELECT max(later.action_id) FROM registry_action later
    WHERE later.undone_at IS NULL
      AND (later.device_id IN (a.device_id, a.old_device_id) OR later.old_device_id IN (a.device_id, a.old_device_id))
) AS last_id
FROM registry_action a
WHERE a.action_id = %(id)s::int8
FOR UPDATE;

-- name: note_undone
-- An action that was a mistake stays on record.
UPDATE registry_action SET undone_at = now(), undone_by = %(person)s::text WHERE action_id = %(id)s::int8;

-- name: list_marks_of_site
-- What was done at a site in a time, in the order of the times: where its lines may have changed.
SELECT a.kind, a.at, d.uid AS device, o.uid AS old_device, a.channel, a.note, s.code AS site, f.code AS old_site
FROM registry_action a
JOIN device d ON d.device_id = a.device_id
LEFT JOIN device o ON o.device_id = a.old_device_id
LEFT JOIN site s ON s.site_id = a.site_id
LEFT JOIN site f ON f.site_id = a.old_site_id
WHERE a.undone_at IS NULL AND a.at >= %(start)s::timestamptz AND a.at < %(end)s::timestamptz
  AND %(code)s::text IN (s.code, f.code)
ORDER BY a.at, a.action_id
LIMIT 200;

-- name: list_sites_to_choose
-- Sites by name, for a field that offers them.
SELECT code, name FROM site ORDER BY name, code LIMIT %(limit)s::int8;
