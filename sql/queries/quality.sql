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
SELECT l.series_id, (extract(epoch FROM l.time) * 1000000)::int8, l.value, (extract(epoch FROM before.time) * 1000000)::int8,
       before.value, coalesce(run.length, 1), (extract(epoch FROM coalesce(run.since, l.time)) * 1000000)::int8
FROM latest l
JOIN series s USING (series_id)
JOIN metric m USING (metric_id)
LEFT JOIN metric_quality q ON q.metric = m.key
LEFT JOIN LATERAL (
    SELECT r.time, r.value FROM reading r
    WHERE r.series_id = l.series_id AND r.time < l.time AND r.time >= l.time - interval '1 day' AND r.flags & 16385 = 0
    ORDER BY r.time DESC
    LIMIT 1
) before ON true
LEFT JOIN LATERAL (
    SELECT count(*)::int8 AS length, min(r.time) AS since FROM reading r
    WHERE r.series_id = l.series_id AND r.time <= l.time AND r.flags & 16385 = 0 AND r.time > coalesce((
        SELECT other.time FROM reading other
        WHERE other.series_id = l.series_id AND other.time < l.time AND other.value <> l.value AND other.flags & 16385 = 0
          AND other.time >= l.time - interval '3 days'
        ORDER BY other.time DESC
        LIMIT 1
    ), l.time - interval '3 days')
) run ON q.flat_count IS NOT NULL AND l.value <> 0 AND l.value = before.value
WHERE l.flags & 16385 = 0;

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
