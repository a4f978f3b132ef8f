-- name: list_years_of_pollutants
-- The series of some pollutants at some sites (none given: at all), once for each year [GMT], with what kind of instruments were
-- there then: `reference` if all were, `indicative` if any was, else nothing is said.
SELECT se.series_id, s.code AS site, s.name AS site_name, m.key AS metric, se.channel, year::int4 AS year,
       coalesce(kind.accuracy_class, '') AS accuracy_class
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
CROSS JOIN generate_series(%(from_year)s::int4, %(to_year)s::int4) AS year
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(p.accuracy_class = 'reference') THEN 'reference'
                WHEN bool_or(p.accuracy_class = 'indicative') THEN 'indicative' END AS accuracy_class
    FROM deployment dep
    JOIN device USING (device_id)
    JOIN device_profile p USING (profile_id)
    WHERE dep.site_id = se.site_id AND dep.channel = se.channel
      AND dep.during && tstzrange(make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC'), make_timestamptz(year + 1, 1, 1, 0, 0, 0, 'UTC'))
) kind
WHERE m.key = ANY (%(metrics)s::text[])
  AND (%(sites)s::text[] = '{}' OR s.code = ANY (%(sites)s::text[]))
ORDER BY s.code, year, array_position(%(metrics)s::text[], m.key), se.channel
LIMIT %(limit)s::int8 + 1;
