-- name: lock_registry
-- From here to the end of the transaction deployments are ours to change and nobody stores readings; whoever resolved readings
-- by the registry of before resolves them again.
SELECT pg_advisory_xact_lock(hashtext('hedgerow registry'));

-- name: outdate_registry
-- Tells those who store readings that deployments have changed.
UPDATE registry_version SET version = version + 1;

-- name: try_keep_redecode_away
-- Whether no redecode is at work; none begins until the transaction ends.
SELECT pg_try_advisory_xact_lock(hashtext('hedgerow redecode'));

-- name: allow_long_moves
-- A year of readings takes longer than a question may; until the transaction ends.
SELECT set_config('statement_timeout', '300s', true);

-- name: list_stays
-- The deployments of some devices; null stands for an open end.
SELECT deployment_id, device_id, site_id, channel, nullif(lower(during), '-infinity') AS start,
       nullif(upper(during), 'infinity') AS "end", note
FROM deployment
WHERE device_id = ANY(%(devices)s::int4[])
ORDER BY device_id, lower(during);

-- name: list_stays_at
-- Who else is at a place in some time.
SELECT d.uid, nullif(lower(dep.during), '-infinity') AS since
FROM deployment dep
JOIN device d USING (device_id)
WHERE dep.site_id = %(site_id)s::int4 AND (%(channel)s::text IS NULL OR dep.channel = %(channel)s::text)
  AND dep.during && tstzrange(%(start)s::timestamptz, %(end)s::timestamptz) AND dep.device_id <> ALL(%(devices)s::int4[])
ORDER BY lower(dep.during);

-- name: remove_stays
-- Deployments that never were.
DELETE FROM deployment WHERE deployment_id = ANY(%(ids)s::int4[]);

-- name: bound_stay
-- A deployment with other ends than before.
UPDATE deployment
SET during = tstzrange(coalesce(%(start)s::timestamptz, '-infinity'), %(end)s::timestamptz)
WHERE deployment_id = %(deployment_id)s::int4;

-- name: add_stay
-- A device at a place.
INSERT INTO deployment (device_id, site_id, channel, during, note)
VALUES (%(device_id)s::int4, %(site_id)s::int4, %(channel)s::text,
        tstzrange(coalesce(%(start)s::timestamptz, '-infinity'), %(end)s::timestamptz), %(note)s::text);

-- name: take_readings
-- Takes stored readings out of the series of their old places, by the deployments of before: only from times at which no other
-- device stored into the same series. Gives how many came out.
WITH shift AS (
    SELECT device_id, site_id, channel, tstzrange(coalesce(start, '-infinity'), coalesce("end", 'infinity')) AS during
    FROM unnest(%(devices)s::int4[], %(sites)s::int4[], %(channels)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
        AS shift (device_id, site_id, channel, start, "end")
), clear AS (
    SELECT s.device_id, s.site_id, s.channel, unnest(
        tstzmultirange(s.during)
        - coalesce((SELECT range_agg(d.during) FROM deployment d
                    WHERE d.site_id = s.site_id AND d.channel = s.channel AND d.device_id <> s.device_id), '{}')
        - coalesce((SELECT range_agg(t.during) FROM shared_time t
                    WHERE t.site_id = s.site_id AND t.channel = s.channel), '{}')
    ) AS during
    FROM shift s
), taken AS (
    DELETE FROM reading r USING clear c JOIN series se USING (site_id, channel)
    WHERE r.series_id = se.series_id AND r.time >= greatest(lower(c.during), se.raw_from, '-infinity')
      AND r.time < coalesce(upper(c.during), 'infinity')
    RETURNING c.device_id, se.metric_id, r.time, r.value, r.flags
), kept AS (
    INSERT INTO unplaced_reading (device_id, metric_id, time, value, flags)
    SELECT device_id, metric_id, time, value, flags FROM taken
    RETURNING 1
)
SELECT count(*) FROM kept;

-- name: note_shared_times
-- Remembers when the series of old places held readings of several devices, and gives how many readings stay there for it.
WITH shift AS (
    SELECT device_id, site_id, channel, tstzrange(coalesce(start, '-infinity'), coalesce("end", 'infinity')) AS during
    FROM unnest(%(devices)s::int4[], %(sites)s::int4[], %(channels)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
        AS shift (device_id, site_id, channel, start, "end")
), shared AS (
    SELECT DISTINCT s.site_id, s.channel, unnest(
        tstzmultirange(s.during * tstzrange(NULL, clock_timestamp() + interval '1 day'))
        * (coalesce((SELECT range_agg(d.during) FROM deployment d
                     WHERE d.site_id = s.site_id AND d.channel = s.channel AND d.device_id <> s.device_id), '{}')
           + coalesce((SELECT range_agg(t.during) FROM shared_time t
                       WHERE t.site_id = s.site_id AND t.channel = s.channel), '{}'))
    ) AS during
    FROM shift s
), found AS (
    SELECT s.site_id, s.channel, s.during, (
        SELECT count(*) FROM series se JOIN reading r USING (series_id)
        WHERE se.site_id = s.site_id AND se.channel = s.channel AND r.time >= coalesce(lower(s.during), '-infinity')
          AND r.time < coalesce(upper(s.during), 'infinity')
    ) AS readings
    FROM shared s
), noted AS (
    INSERT INTO shared_time (site_id, channel, during)
    SELECT site_id, channel, during FROM found WHERE readings > 0
    ON CONFLICT DO NOTHING
)
SELECT coalesce(sum(readings), 0)::int8 FROM found;

-- name: add_series_for_unplaced
-- Makes the series that readings without a line call for where their devices are by now.
INSERT INTO series (site_id, metric_id, channel)
SELECT DISTINCT d.site_id, u.metric_id, d.channel
FROM unplaced_reading u
JOIN deployment d ON d.device_id = u.device_id AND d.during @> u.time
WHERE u.device_id = ANY(%(devices)s::int4[])
ORDER BY 1, 2, 3
ON CONFLICT (site_id, metric_id, channel) DO NOTHING;

-- name: ensure_partitions_of_unplaced
-- Makes room for what `place_readings` is to put into series: the partition of an old month may be gone.
SELECT ensure_partitions_of_unplaced(%(devices)s::int4[]);

-- name: place_readings
-- Puts readings without a line into the series of the places where their devices are by now; under a key that is taken the
-- stored one stays. Invalid is what an invalidation of the new line covers. Gives how many were placed.
WITH candidate AS (
    SELECT DISTINCT ON (se.series_id, u.time) u.unplaced_id, se.series_id, u.time, u.value, u.flags
    FROM unplaced_reading u
    JOIN deployment d ON d.device_id = u.device_id AND d.during @> u.time
    JOIN series se ON se.site_id = d.site_id AND se.channel = d.channel AND se.metric_id = u.metric_id
    WHERE u.device_id = ANY(%(devices)s::int4[]) AND u.time >= coalesce(se.raw_from, '-infinity')
    ORDER BY se.series_id, u.time, u.unplaced_id
), placed AS (
    INSERT INTO reading (series_id, time, value, flags)
    SELECT series_id, time, value, CASE
        WHEN EXISTS (SELECT FROM invalidation i WHERE i.series_id = c.series_id AND i.undone_at IS NULL AND i.during @> c.time)
        THEN flags | %(invalid)s::int2 ELSE flags & ~%(invalid)s::int2 END
    FROM candidate c ORDER BY series_id, time
    ON CONFLICT (series_id, time) DO NOTHING
    RETURNING series_id, time
), marked AS (
    INSERT INTO rollup_dirty (series_id, hour) SELECT DISTINCT series_id, date_trunc('hour', time, 'UTC') FROM placed
), gone AS (
    DELETE FROM unplaced_reading u USING candidate c JOIN placed USING (series_id, time)
    WHERE u.unplaced_id = c.unplaced_id
)
SELECT count(*) FROM placed;

-- name: note_unplaced_conflicts
-- Keeps count, once, of readings that have a place and no free key there: another value is stored under it. Gives their number.
WITH refused AS (
    UPDATE unplaced_reading u SET is_noted = true
    FROM deployment d, series se, reading r
    WHERE u.device_id = ANY(%(devices)s::int4[]) AND NOT u.is_noted AND d.device_id = u.device_id AND d.during @> u.time
      AND se.site_id = d.site_id AND se.channel = d.channel AND se.metric_id = u.metric_id
      AND r.series_id = se.series_id AND r.time = u.time AND r.value <> u.value
    RETURNING r.series_id, r.time, r.value AS kept_value, u.value AS refused_value
), noted AS (
    INSERT INTO reading_conflict AS c (series_id, day, conflicts, time, kept_value, refused_value)
    SELECT DISTINCT ON (series_id) series_id, (now() AT TIME ZONE 'UTC')::date, count(*) OVER (PARTITION BY series_id), time,
           kept_value, refused_value
    FROM refused
    ORDER BY series_id, time DESC
    ON CONFLICT (series_id, day) DO UPDATE
    SET conflicts = c.conflicts + excluded.conflicts, time = excluded.time, kept_value = excluded.kept_value,
        refused_value = excluded.refused_value, noted_at = now()
)
SELECT count(*) FROM refused;

-- name: count_unplaced
-- How many readings of some devices are in no line.
SELECT count(*) FROM unplaced_reading WHERE device_id = ANY(%(devices)s::int4[]);

-- name: renew_latest_at_sites
-- Last values of every series of some sites by what is stored there; a reading that came from another of them keeps its arrival.
INSERT INTO latest AS l (series_id, time, value, flags, received_at)
SELECT se.series_id, newest.time, newest.value, newest.flags, coalesce(
    (SELECT min(was.received_at) FROM latest was JOIN series USING (series_id)
     WHERE series.metric_id = se.metric_id AND series.site_id = ANY(%(sites)s::int4[]) AND was.time = newest.time), newest.time)
FROM series se
CROSS JOIN LATERAL (
    SELECT time, value, flags FROM reading WHERE reading.series_id = se.series_id ORDER BY time DESC LIMIT 1
) newest
WHERE se.site_id = ANY(%(sites)s::int4[])
ORDER BY se.series_id
ON CONFLICT (series_id) DO UPDATE
SET time = excluded.time, value = excluded.value, flags = excluded.flags, received_at = excluded.received_at
WHERE (l.time, l.value, l.flags) IS DISTINCT FROM (excluded.time, excluded.value, excluded.flags);

-- name: forget_latest_at_sites
-- A series of which nothing is left has no last value.
DELETE FROM latest l USING series se
WHERE se.series_id = l.series_id AND se.site_id = ANY(%(sites)s::int4[])
  AND NOT EXISTS (SELECT FROM reading r WHERE r.series_id = l.series_id);
