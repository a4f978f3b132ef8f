-- name: read_excluding_flags
-- The flags that keep a reading out of aggregates, as one number.
SELECT excluding_flags();

-- name: list_quality_flags
-- Every flag with whether it keeps readings out.
SELECT bit, key, description, excluding FROM quality_flag ORDER BY bit;

-- name: set_excluding
-- Says whether a flag keeps readings out; no row where there is no such flag.
UPDATE quality_flag SET excluding = %(excluding)s WHERE key = %(key)s RETURNING bit;

-- name: flag_spikes
-- Readings that the next one of their series has shown to be spikes.
UPDATE reading r SET flags = r.flags | 8
FROM unnest(%(series)s::int4[], %(time_us)s::int8[]) AS spike(series_id, us)
WHERE r.series_id = spike.series_id AND r.time = '1970-01-01Z'::timestamptz + spike.us * interval '1 microsecond' AND r.flags & 8 = 0;

-- name: list_recent
-- The last two readings of every series that rules look back in, and the run of identical ones it is in: what ingest begins with.
SELECT n.series_id, (extract(epoch FROM l.time) * 1000000)::int8, l.value, (extract(epoch FROM before.time) * 1000000)::int8,
       before.value, coalesce(run.length, 1), (extract(epoch FROM coalesce(run.since, l.time)) * 1000000)::int8
FROM latest n
JOIN series s USING (series_id)
JOIN metric m USING (metric_id)
LEFT JOIN metric_quality q ON q.metric = m.key
CROSS JOIN LATERAL (
    SELECT r.time, r.value FROM reading r
    WHERE r.series_id = n.series_id AND r.time <= n.time AND r.time >= n.time - interval '1 day' AND r.flags & 16385 = 0
    ORDER BY r.time DESC
    LIMIT 1
) l
LEFT JOIN LATERAL (
    SELECT r.time, r.value FROM reading r
    WHERE r.series_id = n.series_id AND r.time < l.time AND r.time >= l.time - interval '1 day' AND r.flags & 16385 = 0
    ORDER BY r.time DESC
    LIMIT 1
) before ON true
LEFT JOIN LATERAL (
    SELECT count(*)::int8 AS length, min(r.time) AS since FROM reading r
    WHERE r.series_id = n.series_id AND r.time <= l.time AND r.flags & 16385 = 0 AND r.time > coalesce((
        SELECT other.time FROM reading other
        WHERE other.series_id = n.series_id AND other.time < l.time AND other.value <> l.value AND other.flags & 16385 = 0
          AND other.time >= l.time - interval '3 days'
        ORDER BY other.time DESC
        LIMIT 1
    ), l.time - interval '3 days')
) run ON q.flat_count IS NOT NULL AND l.value <> 0 AND l.value = before.value;

-- name: list_recent_humidity
-- The last relative humidity at every site.
SELECT s.site_id, (extract(epoch FROM l.time) * 1000000)::int8, l.value
FROM latest l
JOIN series s USING (series_id)
JOIN metric m USING (metric_id)
WHERE m.key = 'relative_humidity' AND l.flags & 16385 = 0
ORDER BY l.time;

-- name: put_metric_quality
-- What the rules for a metric begin with; what is there already is the council's own.
INSERT INTO metric_quality (metric, flat_count, flat_for_s, spike_least, sentinels, humid_above, not_above, not_above_times, low_below)
VALUES (%(metric)s, %(flat_count)s, %(flat_for_s)s, %(spike_least)s, %(sentinels)s, %(humid_above)s, %(not_above)s,
        %(not_above_times)s, %(low_below)s)
ON CONFLICT (metric) DO NOTHING;

-- name: lead_quality_run
-- One run over history at a time, as long as its connection lasts.
SELECT pg_try_advisory_lock(hashtext('hedgerow quality run'));

-- name: list_series_to_judge
-- The series that a run over history looks at; an empty filter lets all pass.
SELECT se.series_id, se.site_id, se.metric_id, se.channel, s.code || ' ' || m.key AS name
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE (%(series)s::int4[] = '{}' OR se.series_id = ANY (%(series)s::int4[]))
  AND (%(sites)s::text[] = '{}' OR s.code = ANY (%(sites)s::text[]))
  AND (%(metrics)s::text[] = '{}' OR m.key = ANY (%(metrics)s::text[])
       OR m.metric_id IN (SELECT a.metric_id FROM metric_alias a WHERE a.alias = ANY (%(metrics)s::text[])))
ORDER BY se.series_id;

-- name: find_look_back
-- From when on readings of a series must be read to judge those from `from_us` on [µs since 1970]: so many readings, and so long.
SELECT (extract(epoch FROM least(asked.since - %(long_us)s::int8 * interval '1 microsecond', (
    SELECT min(time) FROM (
        SELECT time FROM reading WHERE series_id = %(series)s::int4 AND time < asked.since ORDER BY time DESC LIMIT %(many)s::int8
    ) before
))) * 1000000)::int8
FROM (SELECT '1970-01-01Z'::timestamptz + %(from_us)s::int8 * interval '1 microsecond' AS since) asked;

-- name: read_to_judge
-- Readings of a series in the order of their times, and whether people have left them to the rules.
SELECT (extract(epoch FROM r.time) * 1000000)::int8, r.value, r.flags,
       NOT EXISTS (SELECT FROM series_status st
                   WHERE st.series_id = r.series_id AND st.during @> r.time AND st.status = 'ratified')
       AND NOT EXISTS (SELECT FROM reading_before b WHERE b.series_id = r.series_id AND b.time = r.time)
FROM reading r
WHERE r.series_id = %(series)s::int4
  AND r.time >= '1970-01-01Z'::timestamptz + %(from_us)s::int8 * interval '1 microsecond'
  AND (%(to_us)s::int8 IS NULL OR r.time < '1970-01-01Z'::timestamptz + %(to_us)s::int8 * interval '1 microsecond')
ORDER BY r.time
LIMIT %(most)s::int8;

-- name: find_first_reading
-- Time of the first reading of a series [µs since 1970].
SELECT (extract(epoch FROM min(time)) * 1000000)::int8 FROM reading WHERE series_id = %(series)s::int4;

-- name: list_humidity_series
-- The series of relative humidity at a site.
SELECT se.series_id, se.site_id, se.metric_id, se.channel, m.key AS name
FROM series se
JOIN metric m USING (metric_id)
WHERE se.site_id = %(site)s::int4 AND m.key = 'relative_humidity'
ORDER BY se.series_id;

-- name: allow_decompression
-- Readings may lie in compressed chunks, however many; until the transaction ends.
SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true);

-- name: put_flags
-- Gives readings of a series other flags, where they still have the value and the flags they were judged with.
WITH changed AS (
    UPDATE reading r SET flags = w.new
    FROM unnest(%(time_us)s::int8[], %(value)s::float8[], %(old)s::int2[], %(new)s::int2[]) AS w(us, value, old, new)
    WHERE r.series_id = %(series)s::int4
      AND r.time = '1970-01-01Z'::timestamptz + w.us * interval '1 microsecond'
      AND r.time BETWEEN '1970-01-01Z'::timestamptz + %(first_us)s::int8 * interval '1 microsecond'
                     AND '1970-01-01Z'::timestamptz + %(last_us)s::int8 * interval '1 microsecond'
      AND r.value = w.value AND r.flags = w.old
    RETURNING r.time, r.value, w.old, w.new
), newest AS (
    UPDATE latest l SET flags = c.new FROM changed c
    WHERE l.series_id = %(series)s::int4 AND l.time = c.time AND l.value = c.value
)
SELECT old, new, count(*) FROM changed GROUP BY old, new;

-- name: add_quality_due
-- Readings whose rules are to be run again.
INSERT INTO quality_due (series_id, from_at, to_at)
SELECT series_id, '1970-01-01Z'::timestamptz + first_us * interval '1 microsecond', '1970-01-01Z'::timestamptz + last_us * interval '1 microsecond'
FROM unnest(%(series)s::int4[], %(first_us)s::int8[], %(last_us)s::int8[]) AS due(series_id, first_us, last_us);

-- name: list_quality_due
-- Series whose rules are to be run again by now, those that wait longest first: their marks, and all ranges as one [µs since 1970].
SELECT series_id, array_agg(due_id), (extract(epoch FROM nullif(min(from_at), '-infinity')) * 1000000)::int8,
       (extract(epoch FROM nullif(max(to_at), 'infinity')) * 1000000)::int8 + 1
FROM quality_due
WHERE not_before <= now()
GROUP BY series_id
ORDER BY min(due_id)
LIMIT %(most)s::int8;

-- name: end_quality_due
-- What has been done; marks made meanwhile stay.
DELETE FROM quality_due WHERE due_id = ANY (%(marks)s::int8[]);

-- name: set_quality_due_behind
-- Leaves a series for later.
UPDATE quality_due SET not_before = now() + %(seconds)s::float8 * interval '1 second' WHERE series_id = %(series)s::int4;

-- name: add_quality_due_at_sites
-- The same for all series of places whose devices have changed.
INSERT INTO quality_due (series_id, from_at, to_at)
SELECT series_id, coalesce(%(start)s::timestamptz, '-infinity'), coalesce(%(end)s::timestamptz, 'infinity')
FROM series
WHERE site_id = ANY (%(sites)s::int4[]);

-- name: list_metric_quality
-- What the rules go by, of every metric or of one.
SELECT m.key AS metric, m.valid_min, m.valid_max, coalesce(q.max_step_per_min, m.max_step_per_min) AS max_step_per_min,
       q.flat_count, coalesce(q.flat_for_s, 0) AS flat_for_s, q.spike_least, coalesce(q.sentinels, '{}') AS sentinels,
       q.humid_above, q.not_above, coalesce(q.not_above_times, 1) AS not_above_times, q.low_below
FROM metric m
LEFT JOIN metric_quality q ON q.metric = m.key
WHERE %(metric)s::text IS NULL OR m.key = %(metric)s::text
ORDER BY m.key;

-- name: set_metric_quality
-- Settings of a metric instead of what they were.
INSERT INTO metric_quality AS q (metric, max_step_per_min, flat_count, flat_for_s, spike_least, sentinels, humid_above, not_above,
                                 not_above_times, low_below)
SELECT key, nullif(%(max_step_per_min)s::float8, max_step_per_min), %(flat_count)s::int4, %(flat_for_s)s::int8,
       %(spike_least)s::float8, %(sentinels)s::float8[], %(humid_above)s::float8, %(not_above)s::text,
       %(not_above_times)s::float8, %(low_below)s::float8
FROM metric
WHERE key = %(metric)s::text
ON CONFLICT (metric) DO UPDATE
SET max_step_per_min = excluded.max_step_per_min, flat_count = excluded.flat_count, flat_for_s = excluded.flat_for_s,
    spike_least = excluded.spike_least, sentinels = excluded.sentinels, humid_above = excluded.humid_above,
    not_above = excluded.not_above, not_above_times = excluded.not_above_times, low_below = excluded.low_below;

-- name: list_profile_quality
-- What devices of a profile need beyond that, of every profile or of one.
SELECT p.key AS profile, coalesce(q.warm_up_s, 0) AS warm_up_s, q.silence_s, coalesce(q.sentinels, '{}') AS sentinels
FROM device_profile p
LEFT JOIN profile_quality q ON q.profile = p.key
WHERE %(profile)s::text IS NULL OR p.key = %(profile)s::text
ORDER BY p.key;

-- name: set_profile_quality
-- Settings of a profile instead of what they were.
INSERT INTO profile_quality AS q (profile, warm_up_s, silence_s, sentinels)
VALUES (%(profile)s::text, %(warm_up_s)s::int8, %(silence_s)s::int8, %(sentinels)s::jsonb)
ON CONFLICT (profile) DO UPDATE
SET warm_up_s = excluded.warm_up_s, silence_s = excluded.silence_s, sentinels = excluded.sentinels;
