-- name: choose_series
-- The series a review is of, in the order of their ids: those named by id, or those of a site and some metrics, of one channel or all.
SELECT se.series_id AS id, s.code AS site, m.key AS metric, m.unit, m.kind, se.channel
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE (%(series)s::int4[] = '{}' OR se.series_id = ANY (%(series)s::int4[]))
  AND (%(site)s::text IS NULL OR s.code = %(site)s::text)
  AND (%(channel)s::text IS NULL OR se.channel = %(channel)s::text)
  AND (%(metrics)s::text[] = '{}' OR m.key = ANY (%(metrics)s::text[])
       OR EXISTS (SELECT FROM metric_alias a WHERE a.metric_id = m.metric_id AND a.alias = ANY (%(metrics)s::text[])))
ORDER BY se.series_id
LIMIT %(limit)s::int8 + 1;

-- name: foresee_review
-- What a review would do to the readings of a range, series by series: `adding` are flags it adds; with a scale and a shift values
-- change, and whether they are out of range is judged anew.
WITH counted AS MATERIALIZED (
    SELECT excluding_flags() AS excluding -- once, and not for every reading
)
SELECT w.series_id AS series, f.*
FROM unnest(%(series)s::int4[]) AS w(series_id)
JOIN series se USING (series_id)
JOIN metric m USING (metric_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS readings,
           count(*) FILTER (WHERE r.flags & counted.excluding <> 0) AS excluded_before,
           count(*) FILTER (WHERE after.flags & counted.excluding <> 0) AS excluded_after,
           count(*) FILTER (WHERE (after.value, after.flags) <> (r.value, r.flags)) AS changed,
           min(r.time) AS first,
           max(r.time) AS last,
           avg(r.value) FILTER (WHERE r.flags & counted.excluding = 0) AS mean_before,
           avg(after.value) FILTER (WHERE after.flags & counted.excluding = 0) AS mean_after
    FROM counted
    CROSS JOIN reading r
    CROSS JOIN LATERAL (SELECT r.value * coalesce(%(scale)s::float8, 1) + coalesce(%(shift)s::float8, 0) AS value) new
    CROSS JOIN LATERAL (
        SELECT new.value, CASE
            WHEN %(scale)s::float8 IS NULL THEN r.flags | %(adding)s::int2
            WHEN new.value < m.valid_min OR new.value > m.valid_max THEN r.flags | %(out_of_range)s::int2
            ELSE r.flags & ~%(out_of_range)s::int2 END AS flags
    ) after
    WHERE r.series_id = w.series_id AND r.time >= %(start)s::timestamptz AND r.time < %(end)s::timestamptz
) f
ORDER BY w.series_id;

-- name: count_readings_to_review
-- How many readings some series have in a range; counted up to `most`.
SELECT count(*)
FROM (
    SELECT FROM unnest(%(series)s::int4[]) AS w(series_id)
    CROSS JOIN LATERAL (
        SELECT FROM reading r
        WHERE r.series_id = w.series_id AND r.time >= %(start)s::timestamptz AND r.time < %(end)s::timestamptz
        LIMIT %(most)s::int8
    ) found
    LIMIT %(most)s::int8
) counted;

-- name: hold_statuses
-- Nobody else sets a status or changes readings by one until the transaction ends; readings are stored as ever.
SELECT pg_advisory_xact_lock_shared(hashtext('hedgerow registry')), pg_advisory_xact_lock(hashtext('hedgerow statuses'));

-- name: allow_long_review
-- A year of readings takes longer than a question may, and may lie in compressed chunks; until the transaction ends.
SELECT set_config('statement_timeout', '300s', true),
       set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true);

-- name: find_closed
-- What of some series is closed to changes within a range: the first ratified range, or else the part whose readings are not kept.
SELECT true AS is_ratified, s.code AS site, m.key AS metric, lower(st.during) AS start, upper(st.during) AS "end", st.person
FROM series_status st
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE st.series_id = ANY (%(series)s::int4[]) AND st.status = 'ratified'
  AND st.during && tstzrange(%(start)s::timestamptz, %(end)s::timestamptz)
UNION ALL
SELECT false, s.code, m.key, NULL, se.raw_from, ''
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE se.series_id = ANY (%(series)s::int4[]) AND se.raw_from > %(start)s::timestamptz
ORDER BY is_ratified DESC, site, metric, start
LIMIT 1;

-- name: find_closed_to_moves
-- A ratified range, or an adjustment that holds, among what devices would leave: readings there do not move.
WITH shift AS (
    SELECT device_id, site_id, channel, tstzrange(coalesce(start, '-infinity'), coalesce("end", 'infinity')) AS during
    FROM unnest(%(devices)s::int4[], %(sites)s::int4[], %(channels)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
        AS shift (device_id, site_id, channel, start, "end")
)
SELECT closed.what, s.code AS site, m.key AS metric, lower(closed.during) AS start, upper(closed.during) AS "end", closed.id
FROM shift
JOIN series se USING (site_id, channel)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
CROSS JOIN LATERAL (
    SELECT 'ratified' AS what, st.during, st.status_id AS id
    FROM series_status st WHERE st.series_id = se.series_id AND st.status = 'ratified'
    UNION ALL
    SELECT 'adjusted', a.during, a.adjustment_id
    FROM value_adjustment a WHERE a.series_id = se.series_id AND a.undone_at IS NULL
) closed
WHERE closed.during && shift.during AND EXISTS (
    SELECT FROM reading r
    WHERE r.series_id = se.series_id AND r.time >= lower(closed.during * shift.during)
      AND r.time < upper(closed.during * shift.during)
)
ORDER BY se.series_id, lower(closed.during)
LIMIT 1;

-- name: add_invalidation
-- A range that is taken out of the statistics.
INSERT INTO invalidation (series_id, during, reason, person, readings)
VALUES (%(series)s::int4, tstzrange(%(start)s::timestamptz, %(end)s::timestamptz), %(reason)s::text, %(person)s::text,
        %(readings)s::int8)
RETURNING invalidation_id;

-- name: invalidate_readings
-- Flags the readings of a range that are not flagged yet.
UPDATE reading SET flags = flags | %(invalid)s::int2
WHERE series_id = %(series)s::int4 AND time >= %(start)s::timestamptz AND time < %(end)s::timestamptz
  AND flags & %(invalid)s::int2 = 0;

-- name: split_invalidation
-- Makes the beginning of an invalidation, as far as it holds `most` readings, one of its own, and gives that one's id; no row where
-- it holds no more. What it took out when it was made stays written at the rest.
WITH cut AS (
    SELECT i.*, (
        SELECT r.time FROM reading r
        WHERE r.series_id = i.series_id AND r.time >= lower(i.during) AND r.time < upper(i.during)
        ORDER BY r.time
        OFFSET %(most)s::int8 LIMIT 1
    ) AS at
    FROM invalidation i
    WHERE i.invalidation_id = %(id)s::int8
), rest AS (
    UPDATE invalidation i SET during = tstzrange(cut.at, upper(cut.during))
    FROM cut
    WHERE i.invalidation_id = cut.invalidation_id AND cut.at IS NOT NULL
)
INSERT INTO invalidation (series_id, during, reason, person, made_at, readings)
SELECT series_id, tstzrange(lower(during), at), reason, person, made_at, 0 FROM cut WHERE at IS NOT NULL
RETURNING invalidation_id;

-- name: list_freed_ranges
-- What an invalidation alone covers: where others that hold cover it too, undoing it changes nothing.
SELECT lower(piece) AS start, upper(piece) AS "end"
FROM (
    SELECT unnest(tstzmultirange(i.during) - coalesce(
        (SELECT range_agg(o.during) FROM invalidation o
         WHERE o.series_id = i.series_id AND o.undone_at IS NULL AND o.invalidation_id <> i.invalidation_id), '{}')) AS piece
    FROM invalidation i
    WHERE i.invalidation_id = %(id)s::int8
) freed
ORDER BY 1;

-- name: count_invalid_readings
-- How many readings of a range have the flag.
SELECT count(*) FROM reading
WHERE series_id = %(series)s::int4 AND time >= %(start)s::timestamptz AND time < %(end)s::timestamptz
  AND flags & %(invalid)s::int2 <> 0;

-- name: validate_readings
-- Takes the flag away again from the readings of a range.
UPDATE reading SET flags = flags & ~%(invalid)s::int2
WHERE series_id = %(series)s::int4 AND time >= %(start)s::timestamptz AND time < %(end)s::timestamptz
  AND flags & %(invalid)s::int2 <> 0;

-- name: end_invalidation
-- An invalidation that holds no more; it stays to be seen.
UPDATE invalidation SET undone_at = now(), undone_by = %(person)s::text WHERE invalidation_id = %(id)s::int8;

-- name: page_of_invalidations
-- Invalidations, the last ones first, from the one before `after` on.
SELECT i.invalidation_id AS id, i.series_id AS series, s.code AS site, m.key AS metric, m.unit, se.channel,
       lower(i.during) AS "from", upper(i.during) AS "to", i.reason, i.person, i.made_at, i.readings, i.undone_at, i.undone_by
FROM invalidation i
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE (%(after)s::int8 IS NULL OR i.invalidation_id < %(after)s::int8)
  AND (%(id)s::int8 IS NULL OR i.invalidation_id = %(id)s::int8)
  AND (%(series)s::int4 IS NULL OR i.series_id = %(series)s::int4)
  AND (%(site)s::text IS NULL OR s.code = %(site)s::text)
  AND (%(metric)s::text IS NULL OR m.key = %(metric)s::text)
  AND (%(holds)s::bool IS NULL OR (i.undone_at IS NULL) = %(holds)s::bool)
  AND i.during && tstzrange(%(start)s::timestamptz, %(end)s::timestamptz)
ORDER BY i.invalidation_id DESC
LIMIT %(limit)s::int8 + 1;

-- name: add_adjustment
-- Values of a range are adjusted.
INSERT INTO value_adjustment (series_id, during, scale, shift, reason, person, readings)
VALUES (%(series)s::int4, tstzrange(%(start)s::timestamptz, %(end)s::timestamptz), %(scale)s::float8, %(shift)s::float8,
        %(reason)s::text, %(person)s::text, %(readings)s::int8)
RETURNING adjustment_id;

-- name: adjust_readings
-- Adjusts the values of a range, keeps what stood there, and judges anew whether they are out of range.
WITH kept AS (
    INSERT INTO reading_before (series_id, time, adjustment_id, value, flags)
    SELECT series_id, time, %(id)s::int8, value, flags FROM reading
    WHERE series_id = %(series)s::int4 AND time >= %(start)s::timestamptz AND time < %(end)s::timestamptz
    ORDER BY time
    RETURNING time, value
), new AS (
    SELECT k.time, k.value * %(scale)s::float8 + %(shift)s::float8 AS value, m.valid_min, m.valid_max
    FROM kept k
    CROSS JOIN (SELECT valid_min, valid_max FROM series JOIN metric USING (metric_id) WHERE series_id = %(series)s::int4) m
)
UPDATE reading r
SET value = new.value,
    flags = CASE WHEN new.value < new.valid_min OR new.value > new.valid_max THEN r.flags | %(out_of_range)s::int2
                 ELSE r.flags & ~%(out_of_range)s::int2 END
FROM new
WHERE r.series_id = %(series)s::int4 AND r.time >= %(start)s::timestamptz AND r.time < %(end)s::timestamptz AND r.time = new.time;

-- name: take_adjustment_back
-- Puts back what stood there before an adjustment. Of the flags it is the one that the adjustment judged: others are as they are now.
WITH before AS (
    DELETE FROM reading_before
    WHERE series_id = %(series)s::int4 AND time >= %(start)s::timestamptz AND time < %(end)s::timestamptz
      AND adjustment_id = %(id)s::int8
    RETURNING time, value, flags
)
UPDATE reading r
SET value = b.value, flags = (r.flags & ~%(out_of_range)s::int2) | (b.flags & %(out_of_range)s::int2)
FROM before b
WHERE r.series_id = %(series)s::int4 AND r.time >= %(start)s::timestamptz AND r.time < %(end)s::timestamptz AND r.time = b.time;

-- name: end_adjustment
-- An adjustment that holds no more; it stays to be seen.
UPDATE value_adjustment SET undone_at = now(), undone_by = %(person)s::text WHERE adjustment_id = %(id)s::int8;

-- name: find_later_adjustment
-- The last adjustment that holds, was made after another one, and overlaps it.
SELECT l.adjustment_id
FROM value_adjustment a
JOIN value_adjustment l USING (series_id)
WHERE a.adjustment_id = %(id)s::int8 AND l.adjustment_id > a.adjustment_id AND l.undone_at IS NULL AND l.during && a.during
ORDER BY l.adjustment_id DESC
LIMIT 1;

-- name: page_of_adjustments
-- Adjustments, the last ones first, from the one before `after` on.
SELECT a.adjustment_id AS id, a.series_id AS series, s.code AS site, m.key AS metric, m.unit, se.channel,
       lower(a.during) AS "from", upper(a.during) AS "to", a.scale, a.shift AS "offset", a.reason, a.person, a.made_at, a.readings,
       a.undone_at, a.undone_by
FROM value_adjustment a
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE (%(after)s::int8 IS NULL OR a.adjustment_id < %(after)s::int8)
  AND (%(id)s::int8 IS NULL OR a.adjustment_id = %(id)s::int8)
  AND (%(series)s::int4 IS NULL OR a.series_id = %(series)s::int4)
  AND (%(site)s::text IS NULL OR s.code = %(site)s::text)
  AND (%(metric)s::text IS NULL OR m.key = %(metric)s::text)
  AND (%(holds)s::bool IS NULL OR (a.undone_at IS NULL) = %(holds)s::bool)
  AND a.during && tstzrange(%(start)s::timestamptz, %(end)s::timestamptz)
ORDER BY a.adjustment_id DESC
LIMIT %(limit)s::int8 + 1;

-- name: clear_status
-- Makes a range provisional: what has a status there keeps it outside of the range only.
WITH removed AS (
    DELETE FROM series_status
    WHERE series_id = ANY (%(series)s::int4[]) AND during && tstzrange(%(start)s::timestamptz, %(end)s::timestamptz)
    RETURNING *
)
INSERT INTO series_status (series_id, during, status, note, person, made_at)
SELECT series_id, unnest(tstzmultirange(during) - tstzmultirange(tstzrange(%(start)s::timestamptz, %(end)s::timestamptz))),
       status, note, person, made_at
FROM removed;

-- name: add_status
-- Says how far a range of some series is checked.
INSERT INTO series_status (series_id, during, status, note, person)
SELECT series_id, tstzrange(%(start)s::timestamptz, %(end)s::timestamptz), %(status)s::text, %(note)s::text, %(person)s::text
FROM unnest(%(series)s::int4[]) AS w(series_id) ORDER BY series_id;

-- name: find_unverified
-- The first of some series that is not verified, or ratified, all through a range.
SELECT s.code AS site, m.key AS metric
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE se.series_id = ANY (%(series)s::int4[]) AND NOT coalesce(
    (SELECT range_agg(st.during) FROM series_status st WHERE st.series_id = se.series_id)
    @> tstzrange(%(start)s::timestamptz, %(end)s::timestamptz), false)
ORDER BY se.series_id
LIMIT 1;

-- name: page_of_statuses
-- Ranges that are verified or ratified, by id.
SELECT st.status_id AS id, st.series_id AS series, s.code AS site, m.key AS metric, m.unit, se.channel,
       lower(st.during) AS "from", upper(st.during) AS "to", st.status, st.note AS reason, st.person, st.made_at
FROM series_status st
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE (%(after)s::int8 IS NULL OR st.status_id < %(after)s::int8)
  AND (%(series)s::int4 IS NULL OR st.series_id = %(series)s::int4)
  AND (%(site)s::text IS NULL OR s.code = %(site)s::text)
  AND (%(metric)s::text IS NULL OR m.key = %(metric)s::text)
  AND st.during && tstzrange(%(start)s::timestamptz, %(end)s::timestamptz)
ORDER BY st.status_id DESC
LIMIT %(limit)s::int8 + 1;

-- name: renew_latest_of_series
-- Last values whose readings have changed within a range.
UPDATE latest l SET value = r.value, flags = r.flags
FROM reading r
WHERE l.series_id = ANY (%(series)s::int4[]) AND r.series_id = l.series_id AND r.time = l.time
  AND r.time >= %(start)s::timestamptz AND r.time < %(end)s::timestamptz
  AND (l.value, l.flags) IS DISTINCT FROM (r.value, r.flags);

-- name: lowest_status
-- The lowest status of some series in buckets between `edges`, and nothing where that is provisional: what no status covers is.
SELECT st.series_id, b.bucket, bool_and(st.status = 'ratified') AS is_ratified
FROM unnest(%(edges)s::timestamptz[]) WITH ORDINALITY AS start(at, place)
CROSS JOIN LATERAL (
    SELECT (place - 1)::int4 AS bucket, tstzrange(at, (%(edges)s::timestamptz[])[place + 1]) AS during
) b
JOIN series_status st ON st.during && b.during
WHERE st.series_id = ANY (%(series)s::int4[]) AND place < cardinality(%(edges)s::timestamptz[])
GROUP BY st.series_id, b.bucket, b.during
HAVING range_agg(st.during) @> b.during;
