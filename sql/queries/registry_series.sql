-- name: page_of_series
-- Series by id, from the one after `after` on; an empty filter lets all pass.
SELECT se.series_id AS id, s.code AS site, s.name AS site_name, m.key AS metric, m.domain, m.unit, m.kind, se.channel
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE (%(after)s::int8 IS NULL OR se.series_id > %(after)s::int8)
  AND (%(series)s::int4[] = '{}' OR se.series_id = ANY (%(series)s::int4[]))
  AND (%(sites)s::text[] = '{}' OR s.code = ANY (%(sites)s::text[]))
  AND (%(domains)s::text[] = '{}' OR m.domain = ANY (%(domains)s::text[]))
  AND (%(metrics)s::text[] = '{}' OR m.key = ANY (%(metrics)s::text[])
       OR EXISTS (SELECT FROM metric_alias a WHERE a.metric_id = m.metric_id AND a.alias = ANY (%(metrics)s::text[])))
  AND (%(areas)s::text[] = '{}'
       OR EXISTS (SELECT FROM area_site JOIN area a USING (area_id) WHERE site_id = s.site_id AND a.code = ANY (%(areas)s::text[])))
  AND (%(tags)s::text[] = '{}' OR s.tags && %(tags)s::text[])
  AND (%(devices)s::text[] = '{}'
       OR EXISTS (SELECT FROM deployment dep JOIN device d USING (device_id)
                  WHERE d.uid = ANY (%(devices)s::text[]) AND dep.site_id = se.site_id AND dep.channel = se.channel))
ORDER BY se.series_id
LIMIT %(limit)s::int8 + 1;

-- name: add_series_at_site
-- A series before its first readings; one that is there, or a site or metric that is not, gives no row.
INSERT INTO series (site_id, metric_id, channel)
SELECT s.site_id, m.metric_id, %(channel)s::text
FROM site s, metric m
WHERE s.code = %(site)s::text
  AND (m.key = %(metric)s::text
       OR m.metric_id = (SELECT a.metric_id FROM metric_alias a WHERE a.alias = %(metric)s::text))
ON CONFLICT (site_id, metric_id, channel) DO NOTHING
RETURNING series_id;

-- name: find_series_at_site
-- The series of a metric (by key or alias) at a site.
SELECT se.series_id AS id, s.code AS site, s.name AS site_name, m.key AS metric, m.domain, m.unit, m.kind, se.channel
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE s.code = %(site)s::text AND se.channel = %(channel)s::text
  AND (m.key = %(metric)s::text
       OR m.metric_id = (SELECT a.metric_id FROM metric_alias a WHERE a.alias = %(metric)s::text));

-- name: page_of_metrics
-- The vocabulary by key.
SELECT m.key, coalesce(array_agg(a.alias ORDER BY a.alias) FILTER (WHERE a.alias IS NOT NULL), '{}') AS aliases,
       m.domain, m.unit, m.unit_senml, m.kind, m.valid_min, m.valid_max, m.description
FROM metric m
LEFT JOIN metric_alias a USING (metric_id)
WHERE %(after)s::text IS NULL OR m.key > %(after)s::text
GROUP BY m.metric_id
ORDER BY m.key
LIMIT %(limit)s::int8 + 1;

-- name: find_unknown_names
-- Those of the metrics asked for that are neither key nor alias, and domains that no metric has; of empty ones nothing is said.
SELECT 'metric' AS what, asked.name
FROM unnest(%(metrics)s::text[]) AS asked(name)
WHERE asked.name <> '' AND NOT EXISTS (SELECT FROM metric WHERE key = asked.name)
  AND NOT EXISTS (SELECT FROM metric_alias WHERE alias = asked.name)
UNION ALL
SELECT 'domain', asked.name
FROM unnest(%(domains)s::text[]) AS asked(name)
WHERE asked.name <> '' AND NOT EXISTS (SELECT FROM metric WHERE domain = asked.name);
