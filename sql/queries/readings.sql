-- name: resolve_series
-- The series that fit the filters, with what answers call them; an empty filter lets all pass.
-- A device stands for the series of the sites it is at, while it is there: `during` (null: always).
SELECT se.series_id, s.code AS site, s.name AS site_name, m.key AS metric, m.unit, se.channel, stay.during::text AS during
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
LEFT JOIN LATERAL (
    SELECT range_agg(dep.during) AS during
    FROM deployment dep
    JOIN device d USING (device_id)
    WHERE d.uid = ANY (%(devices)s::text[]) AND dep.site_id = se.site_id AND dep.channel = se.channel
) stay ON %(devices)s::text[] <> '{}'
WHERE (%(series)s::int4[] = '{}' OR se.series_id = ANY (%(series)s::int4[]))
  AND (%(sites)s::text[] = '{}' OR s.code = ANY (%(sites)s::text[]))
  AND (%(domains)s::text[] = '{}' OR m.domain = ANY (%(domains)s::text[]))
  AND (%(metrics)s::text[] = '{}' OR m.key = ANY (%(metrics)s::text[])
       OR EXISTS (SELECT FROM metric_alias a WHERE a.metric_id = m.metric_id AND a.alias = ANY (%(metrics)s::text[])))
  AND (%(devices)s::text[] = '{}' OR stay.during IS NOT NULL);

-- name: aggregate_readings
-- Statistics of each series in buckets of fixed width, buckets ascending. One walk along the key for each series.
-- The limit is within: a question with too many points ends as soon as that shows, before all series are read.
SELECT series_id, time, mean, min, max, sum, n
FROM (
    SELECT w.series_id, b.*
    FROM unnest(%(series)s::int4[], %(during)s::text[]::tstzmultirange[]) AS w(series_id, during)
    CROSS JOIN LATERAL (
        SELECT date_bin(%(every)s::interval, r.time, '1970-01-01T00:00:00Z') AS time, avg(r.value) AS mean,
               min(r.value) AS min, max(r.value) AS max, sum(r.value) AS sum, count(*) AS n
        FROM reading r
        WHERE r.series_id = w.series_id
          AND r.time >= coalesce(%(start)s::timestamptz, '-infinity')
          AND r.time < coalesce(%(end)s::timestamptz, 'infinity')
          AND (w.during IS NULL OR r.time <@ w.during)
          AND r.flags & %(excluding)s::int2 = 0
        GROUP BY 1
    ) b
    LIMIT %(limit)s::int8 + 1
) found
ORDER BY time, series_id;

-- name: page_of_readings
-- Readings by time and series, from the one after (`after_time`, `after_series`) on.
-- Each series gives no more than a page: what is read is bounded, however many readings lie in the range.
SELECT w.series_id, r.time, r.value, r.flags
FROM unnest(%(series)s::int4[], %(during)s::text[]::tstzmultirange[]) AS w(series_id, during)
CROSS JOIN LATERAL (
    SELECT r.time, r.value, r.flags
    FROM reading r
    WHERE r.series_id = w.series_id
      AND r.time >= coalesce(greatest(%(start)s::timestamptz, %(after_time)s::timestamptz), '-infinity')
      AND r.time < coalesce(%(end)s::timestamptz, 'infinity')
      AND (%(after_time)s::timestamptz IS NULL OR r.time > %(after_time)s::timestamptz
           OR (r.time = %(after_time)s::timestamptz AND w.series_id > %(after_series)s::int4))
      AND (w.during IS NULL OR r.time <@ w.during)
      AND r.flags & %(excluding)s::int2 = 0
    ORDER BY r.time
    LIMIT %(limit)s::int8 + 1
) r
ORDER BY r.time, w.series_id
LIMIT %(limit)s::int8 + 1;

-- name: list_latest
-- The last reading of each of some series.
SELECT l.series_id, l.time, l.value, l.flags, l.received_at
FROM unnest(%(series)s::int4[], %(during)s::text[]::tstzmultirange[]) AS w(series_id, during)
JOIN latest l USING (series_id)
WHERE w.during IS NULL OR l.time <@ w.during;
