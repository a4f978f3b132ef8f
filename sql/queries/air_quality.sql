-- name: count_pollutants
-- How many series there are of some pollutants at some sites (none given: at all).
SELECT count(*)
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE m.key = ANY (%(metrics)s::text[])
  AND (%(sites)s::text[] = '{}' OR s.code = ANY (%(sites)s::text[]));

-- name: list_years_of_pollutants
-- The series of some pollutants at some sites (none given: at all), once for each year [GMT] in which they may have readings, with
-- what kind of instruments were there then: `reference` if all were, `indicative` if any was, else nothing is said.
WITH asked AS (
    SELECT se.series_id, se.site_id, se.channel, s.code, s.name, m.key, year
    FROM series se
    JOIN site s USING (site_id)
    JOIN metric m USING (metric_id)
    CROSS JOIN LATERAL (SELECT times_of_series(se.series_id) AS during OFFSET 0) told -- asked once a series
    CROSS JOIN LATERAL generate_series(
        greatest(%(from_year)s::int4, extract(year FROM lower(during) AT TIME ZONE 'UTC')::int4),
        least(%(to_year)s::int4, extract(year FROM (upper(during) - interval '1 microsecond') AT TIME ZONE 'UTC')::int4)
    ) AS year
    WHERE m.key = ANY (%(metrics)s::text[])
      AND (%(sites)s::text[] = '{}' OR s.code = ANY (%(sites)s::text[]))
      AND lower(during) IS NOT NULL -- else it has no reading
    ORDER BY s.code, year, array_position(%(metrics)s::text[], m.key), se.channel
    LIMIT %(limit)s::int8 + 1
)
SELECT a.series_id, a.code AS site, a.name AS site_name, a.key AS metric, a.channel, a.year,
       coalesce(kind.accuracy_class, '') AS accuracy_class
FROM asked a
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(p.accuracy_class = 'reference') THEN 'reference'
                WHEN bool_or(p.accuracy_class = 'indicative') THEN 'indicative' END AS accuracy_class
    FROM deployment dep
    JOIN device USING (device_id)
    JOIN device_profile p USING (profile_id)
    WHERE dep.site_id = a.site_id AND dep.channel = a.channel
      AND dep.during && tstzrange(make_timestamptz(a.year, 1, 1, 0, 0, 0, 'UTC'), make_timestamptz(a.year + 1, 1, 1, 0, 0, 0, 'UTC'))
) kind
ORDER BY a.code, a.year, array_position(%(metrics)s::text[], a.key), a.channel;
