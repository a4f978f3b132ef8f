-- name: page_of_windows
-- Maintenance windows by id, from the one after `after` on.
SELECT w.window_id AS id, s.code AS site, lower(w.during) AS starts_at, nullif(upper(w.during), 'infinity') AS ends_at, w.note,
       w.person, w.made_at
FROM maintenance_window w
JOIN site s USING (site_id)
WHERE (%(after)s::int8 IS NULL OR w.window_id > %(after)s::int8)
  AND (%(id)s::int8 IS NULL OR w.window_id = %(id)s::int8)
  AND (%(site)s::text IS NULL OR s.code = %(site)s::text)
  AND (%(at)s::timestamptz IS NULL OR w.during @> %(at)s::timestamptz)
ORDER BY w.window_id
LIMIT %(limit)s::int8 + 1;

-- name: add_window
-- A time of maintenance at a site.
INSERT INTO maintenance_window (site_id, during, note, person)
VALUES (%(site_id)s::int4, tstzrange(%(starts_at)s::timestamptz, %(ends_at)s::timestamptz), %(note)s::text, %(person)s::text)
RETURNING window_id;

-- name: change_window
-- Another end or note.
UPDATE maintenance_window
SET during = tstzrange(lower(during), %(ends_at)s::timestamptz), note = %(note)s::text
WHERE window_id = %(id)s::int4;

-- name: remove_window
-- A time of maintenance that never was.
DELETE FROM maintenance_window WHERE window_id = %(id)s::int4 RETURNING window_id;
