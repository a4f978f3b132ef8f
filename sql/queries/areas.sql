-- name: page_of_areas
-- Areas by code, from the one after `after` on, each with its sites and who is limited to it.
SELECT a.code, a.name,
       ARRAY(SELECT s.code FROM area_site JOIN site s USING (site_id) WHERE area_id = a.area_id ORDER BY s.code) AS sites,
       ARRAY(SELECT p.name FROM principal_area JOIN principal p USING (principal_id)
             WHERE area_id = a.area_id ORDER BY p.name) AS people
FROM area a
WHERE (%(after)s::text IS NULL OR a.code > %(after)s::text)
  AND (%(code)s::text IS NULL OR a.code = %(code)s::text)
ORDER BY a.code
LIMIT %(limit)s::int8 + 1;

-- name: add_area
-- An area; a code that is taken gives no row.
INSERT INTO area (code, name) VALUES (%(code)s::text, %(name)s::text)
ON CONFLICT (code) DO NOTHING
RETURNING area_id;

-- name: rename_area
-- Another name of an area; null leaves it. Gives its id.
UPDATE area SET name = coalesce(%(name)s::text, name) WHERE code = %(code)s::text RETURNING area_id;

-- name: drop_area
-- Takes an area away; its sites stay.
DELETE FROM area WHERE code = %(code)s::text RETURNING area_id;

-- name: take_sites_out
-- Takes the sites not named out of an area.
DELETE FROM area_site
WHERE area_id = %(area_id)s::int4 AND site_id NOT IN (SELECT site_id FROM site WHERE code = ANY (%(sites)s::text[]));

-- name: put_sites_in
-- Puts the sites named into an area.
INSERT INTO area_site (area_id, site_id)
SELECT %(area_id)s::int4, site_id FROM site WHERE code = ANY (%(sites)s::text[])
ON CONFLICT DO NOTHING;

-- name: find_missing_sites
-- Those of the sites named that are not there.
SELECT named.code FROM unnest(%(sites)s::text[]) AS named(code)
WHERE NOT EXISTS (SELECT FROM site WHERE site.code = named.code);
