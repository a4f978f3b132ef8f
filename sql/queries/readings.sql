-- name: resolve_series
-- The series that fit the filters, with what answers call them; an empty filter lets all pass.
-- A device stands for the series of the sites it is at, while it is there: `during` (null: always).
SELECT se.series_id, stay.during::text AS during, s.code AS site, s.name AS site_name, m.key AS metric, m.unit, se.channel,
       m.kind, m.valid_max, s.time_zone, se.raw_from
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
  AND (%(areas)s::text[] = '{}'
       OR EXISTS (SELECT FROM area_site JOIN area a USING (area_id) WHERE site_id = s.site_id AND a.code = ANY (%(areas)s::text[])))
  AND (%(tags)s::text[] = '{}' OR s.tags && %(tags)s::text[])
  AND (%(devices)s::text[] = '{}' OR stay.during IS NOT NULL)
ORDER BY se.series_id;

-- name: aggregate_bucket_readings_as_columns
-- Statistics of each series in the buckets between edges (ascending, at least two), from readings alone: for questions that cut
-- them otherwise than by time (`during`: when a device was there; null: always). As `aggregate_buckets_as_columns` gives them.
WITH piece AS (
    SELECT array_agg(w.series_id) AS series, array_agg(lower(p)) AS lowers, array_agg(upper(p)) AS uppers
    FROM unnest(%(series)s::int4[], %(during)s::text[]::tstzmultirange[]) AS w(series_id, during)
    CROSS JOIN (SELECT %(edges)s::timestamptz[] AS edges) asked
    CROSS JOIN LATERAL unnest(coalesce(w.during, '{(,)}')
                              * tstzmultirange(tstzrange(edges[1], edges[cardinality(edges)]))) AS p
)
SELECT array_agg(series_id), array_agg(bucket), array_agg(n), array_agg(flags),
       array_agg(coalesce(sum, 'NaN')) FILTER (WHERE %(with_sum)s::boolean),
       array_agg(coalesce(min, 'NaN')) FILTER (WHERE %(with_min)s::boolean),
       array_agg(coalesce(max, 'NaN')) FILTER (WHERE %(with_max)s::boolean),
       array_agg(coalesce(first, 'NaN')) FILTER (WHERE %(with_first)s::boolean),
       array_agg(coalesce(last, 'NaN')) FILTER (WHERE %(with_last)s::boolean)
FROM (
    SELECT series_id, bucket, sum(n)::int8 AS n, bit_or(flags) AS flags, sum(sum) AS sum, min(min) AS min, max(max) AS max,
           (min(ARRAY[date_part('epoch', at), first]) FILTER (WHERE n > 0))[2] AS first,
           (max(ARRAY[date_part('epoch', at), last]) FILTER (WHERE n > 0))[2] AS last
    FROM piece p
    CROSS JOIN LATERAL aggregate_pieces(p.series, p.lowers, p.uppers, %(edges)s::timestamptz[], %(excluding)s::int2) r
    GROUP BY series_id, bucket
    LIMIT %(limit)s::int8 + 1
) found;

-- name: list_readings_of_series
-- Readings that count of some series between two times (`ends`), as three parallel arrays, with the last one of each series before these.
SELECT array_agg(series_id) AS series, array_agg(time) AS times, array_agg(value) AS values
FROM (
    SELECT w.series_id, r.time, r.value
    FROM unnest(%(series)s::int4[], %(during)s::text[]::tstzmultirange[]) AS w(series_id, during)
    CROSS JOIN LATERAL (
        (SELECT r.time, r.value
         FROM reading r
         WHERE r.series_id = w.series_id AND r.time < (%(ends)s::timestamptz[])[1] AND %(with_one_before)s::boolean
           AND (w.during IS NULL OR r.time <@ w.during) AND r.flags & %(excluding)s::int2 = 0
         ORDER BY r.time DESC
         LIMIT 1)
        UNION ALL
        SELECT r.time, r.value
        FROM reading r
        WHERE r.series_id = w.series_id AND r.time >= (%(ends)s::timestamptz[])[1] AND r.time < (%(ends)s::timestamptz[])[2]
          AND (w.during IS NULL OR r.time <@ w.during) AND r.flags & %(excluding)s::int2 = 0
    ) r
    LIMIT %(limit)s::int8 + 1
) found;

-- name: find_times_of_series
-- From when to when, not included, some series may have readings; null where they have none.
SELECT min(lower(during)) AS since, max(upper(during)) AS until
FROM unnest(%(series)s::int4[]) AS w(series_id)
CROSS JOIN LATERAL times_of_series(w.series_id) AS during;

-- name: list_stays_of_series
-- Which devices were to measure some series, from when to when in µs since 1970 (null: open), and how often [s].
SELECT series_id, (extract(epoch FROM from_at) * 1000000)::int8 AS from_us, (extract(epoch FROM to_at) * 1000000)::int8 AS to_us,
       interval_s, names_metric, (extract(epoch FROM first_hour) * 1000000)::int8 AS first_us
FROM stays_of_series(%(series)s::int4[], %(start)s::timestamptz, %(end)s::timestamptz);

-- name: list_states_of_metrics
-- Codes and labels of some state metrics.
SELECT m.key AS metric, st.code, st.label
FROM metric m
JOIN metric_state st USING (metric_id)
WHERE m.key = ANY (%(metrics)s::text[])
ORDER BY m.key, st.code;

-- name: read_completeness
-- What ingest last said of how far it is: of every worker that is not retired.
SELECT stored_until, connected, extract(epoch FROM now() - updated_at)::float8 AS silent_s
FROM ingest_status
WHERE state <> 'retired';

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
-- The last reading of each series that fits the filters (as in `resolve_series`), by site, metric and channel; where devices are
-- asked for, only if it is of a time when one of them was there.
SELECT l.time, s.code AS site, s.name AS site_name, m.key AS metric, m.unit, l.value, l.flags, l.received_at, se.channel
FROM latest l
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE (%(series)s::int4[] = '{}' OR se.series_id = ANY (%(series)s::int4[]))
  AND (%(sites)s::text[] = '{}' OR s.code = ANY (%(sites)s::text[]))
  AND (%(domains)s::text[] = '{}' OR m.domain = ANY (%(domains)s::text[]))
  AND (%(metrics)s::text[] = '{}' OR m.key = ANY (%(metrics)s::text[])
       OR EXISTS (SELECT FROM metric_alias a WHERE a.metric_id = m.metric_id AND a.alias = ANY (%(metrics)s::text[])))
  AND (%(areas)s::text[] = '{}'
       OR EXISTS (SELECT FROM area_site JOIN area a USING (area_id) WHERE site_id = s.site_id AND a.code = ANY (%(areas)s::text[])))
  AND (%(tags)s::text[] = '{}' OR s.tags && %(tags)s::text[])
  AND (%(devices)s::text[] = '{}'
       OR EXISTS (SELECT FROM deployment dep JOIN device d USING (device_id)
                  WHERE d.uid = ANY (%(devices)s::text[]) AND dep.site_id = se.site_id AND dep.channel = se.channel
                    AND dep.during @> l.time))
ORDER BY s.code COLLATE "C", m.key COLLATE "C", se.channel COLLATE "C";
