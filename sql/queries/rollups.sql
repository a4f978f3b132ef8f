-- name: hold_closed_hours
-- Before which time hours are closed; none is closed meanwhile until the transaction ends.
SELECT hold_closed_hours();

-- name: mark_hours
-- Marks hours that got a late reading; without a series: of every series.
COPY rollup_dirty (series_id, hour) FROM STDIN;

-- name: lead_rollups
-- One process at a time makes rollups; it leads as long as its connection lasts.
SELECT pg_try_advisory_lock(hashtext('hedgerow rollups'));

-- name: be_patient
-- An hour of every series may take longer than other statements.
SET statement_timeout = '10min';

-- name: use_excluding_flags
-- Takes over which flags keep readings out. Where that has changed, every series is to be aggregated again.
WITH changed AS (
    UPDATE rollup_state SET excluding = counted.excluding
    FROM (SELECT excluding_flags() AS excluding) counted
    WHERE rollup_state.excluding <> counted.excluding
    RETURNING 1
)
INSERT INTO rollup_dirty (series_id) SELECT series_id FROM series WHERE EXISTS (SELECT FROM changed);

-- name: find_hours_to_close
-- The time until which hours have ended, if that is later than what is closed, and whether this is the first time.
SELECT ended, closed_until IS NULL
FROM rollup_state, date_trunc('hour', %(now)s::timestamptz, 'UTC') AS ended
WHERE closed_until IS NULL OR ended > closed_until;

-- name: wait_for_open_hours
-- Waits, but not for long, until nobody is storing readings who has not seen what is closed.
SELECT set_config('lock_timeout', %(patience)s::text, true), pg_advisory_xact_lock(hashtext('hedgerow closed hours'));

-- name: close_hours
-- From here on late readings leave marks.
UPDATE rollup_state SET closed_until = %(until)s::timestamptz;

-- name: mark_all_series
-- At the very first all that is older counts as rolled up, and every series as marked.
WITH begun AS (
    UPDATE rollup_state SET rolled_until = closed_until RETURNING 1
)
INSERT INTO rollup_dirty (series_id) SELECT series_id FROM series, begun;

-- name: count_marks
-- How much waits to be aggregated again.
SELECT count(*) FROM rollup_dirty;

-- name: roll_next_hour
-- Aggregates the next closed hour of every series, and counts it as rolled up in the same moment; no row where there is none.
WITH next AS (
    UPDATE rollup_state SET rolled_until = rolled_until + interval '1 hour' WHERE rolled_until < closed_until RETURNING rolled_until
)
SELECT roll_pieces(
    array_agg(series_id), array_agg(rolled_until - interval '1 hour'), array_agg(rolled_until)
)
FROM next LEFT JOIN series ON true
GROUP BY rolled_until;

-- name: roll_marked_series
-- Aggregates one marked series as a whole; no row where there is none.
WITH wanted AS (
    SELECT series_id FROM rollup_dirty WHERE hour IS NULL LIMIT 1
), unmarked AS (
    DELETE FROM rollup_dirty d USING wanted w WHERE d.series_id = w.series_id RETURNING d.series_id
)
SELECT roll_pieces(array_agg(series_id), '{-infinity}', array_agg(rolled_until))
FROM (SELECT DISTINCT series_id FROM unmarked) one CROSS JOIN rollup_state
HAVING count(*) > 0;

-- name: roll_marked_whole_hours
-- Aggregates hours that are marked for every series, those of a day at once; no row where there is none.
WITH wanted AS (
    SELECT DISTINCT hour FROM rollup_dirty WHERE series_id IS NULL ORDER BY hour LIMIT 24
), unmarked AS (
    DELETE FROM rollup_dirty d USING wanted w WHERE d.hour = w.hour
), piece AS (
    SELECT unnest(range_agg(tstzrange(hour, hour + interval '1 hour'))) AS during FROM wanted
)
SELECT roll_pieces(array_agg(series_id), array_agg(lower(during)), array_agg(upper(during)))
FROM piece CROSS JOIN series
HAVING count(*) > 0;

-- name: roll_marked_hours
-- Aggregates the hours of some marks of single series; no row where there are none.
WITH mark AS (
    SELECT ctid AS id FROM rollup_dirty WHERE series_id IS NOT NULL AND hour IS NOT NULL LIMIT %(most)s::int8
), unmarked AS (
    DELETE FROM rollup_dirty WHERE ctid = ANY (ARRAY(SELECT id FROM mark)) RETURNING series_id, hour
), piece AS (
    SELECT series_id, unnest(range_agg(tstzrange(hour, hour + interval '1 hour'))) AS during FROM unmarked GROUP BY series_id
)
SELECT roll_pieces(array_agg(series_id), array_agg(lower(during)), array_agg(upper(during)))
FROM piece
HAVING count(*) > 0;

-- name: roll_days_of_zones
-- Makes the days of some series whose sites have another time zone than their days; no row where there is none.
WITH changed AS (
    UPDATE series s SET day_zone = st.time_zone
    FROM site st
    WHERE st.site_id = s.site_id AND s.series_id = ANY (ARRAY(
        SELECT series_id FROM series JOIN site USING (site_id) WHERE day_zone IS DISTINCT FROM time_zone LIMIT 20
    ))
    RETURNING s.series_id
)
SELECT count(*), make_days(array_agg(series_id), array_agg('-infinity'::timestamptz), array_agg('infinity'::timestamptz))
FROM changed
HAVING count(*) > 0;

-- name: aggregate_buckets
-- Statistics of each series in the buckets between edges (ascending, at least two): of the days and hours rolled up where these
-- hold, of readings elsewhere, which is hours that are marked or not rolled up yet, and hours that an edge cuts. One statement
-- sees one moment. Where other flags count than those the rollups were made with, they hold for hours that had none. Before
-- `raw_from` there is nothing but rollups: an hour there counts where it begins.
WITH cut AS (
    SELECT coalesce(range_agg(tstzrange(hour, hour + interval '1 hour')) FILTER (WHERE hour < edge), '{}') AS hours,
           -- Whether no bucket has more than one part: each is an hour, or what is left of one at either end.
           count(*) FILTER (WHERE hour < edge AND edge > since AND edge < until) = 0
               AND max(edge) <= min(hour) + (count(*) - 1) * interval '1 hour' AS is_hourly,
           max(edge) - min(edge) >= (count(*) - 1) * interval '23 hours' AS may_be_days,
           since,
           until,
           tstzmultirange(tstzrange(since, until)) AS during
    FROM (
        SELECT (%(edges)s::timestamptz[])[1] AS since, (%(edges)s::timestamptz[])[cardinality(%(edges)s::timestamptz[])] AS until,
               edge, date_bin('1 hour', edge, '2000-01-01T00:00:00Z') AS hour
        FROM unnest(%(edges)s::timestamptz[]) AS edge
    ) asked
    GROUP BY since, until
), marked AS (
    -- Of a whole series the hour is null, and the range without bounds; so is that of `rolled_until` where nothing is rolled up.
    SELECT series_id, range_agg(tstzrange(hour, hour + interval '1 hour')) AS hours
    FROM rollup_dirty
    WHERE series_id = ANY (%(series)s::int4[])
    GROUP BY series_id
), marked_of_all AS (
    SELECT range_agg(tstzrange(hour, hour + interval '1 hour')) AS hours FROM rollup_dirty WHERE series_id IS NULL
), otherwise_flagged AS (
    SELECT h.series_id, range_agg(tstzrange(h.hour, h.hour + interval '1 hour')) AS hours
    FROM rollup_hour h
    WHERE (SELECT excluding FROM rollup_state) <> %(excluding)s::int2
      AND h.series_id = ANY (%(series)s::int4[]) AND h.hour >= (SELECT since FROM cut) AND h.hour < (SELECT until FROM cut)
      AND NOT (h.n = h.n_all AND h.flags & %(excluding)s::int2 = 0)
    GROUP BY h.series_id
), wanted AS (
    SELECT series_id,
           (tstzmultirange(tstzrange(st.rolled_until, NULL)) + cut.hours + coalesce(m.hours, '{}') + coalesce(a.hours, '{}')
            + coalesce(o.hours, '{}')) * tstzmultirange(tstzrange(s.raw_from, NULL)) * cut.during AS of_readings
    FROM unnest(%(series)s::int4[]) AS w(series_id)
    CROSS JOIN cut
    CROSS JOIN rollup_state st
    CROSS JOIN marked_of_all a
    LEFT JOIN series s USING (series_id)
    LEFT JOIN marked m USING (series_id)
    LEFT JOIN otherwise_flagged o USING (series_id)
), day AS (
    SELECT d.series_id, since, until, n, n_all, flags, sum, min, max, first, last, bucket - 1 AS bucket,
           since = (%(edges)s::timestamptz[])[bucket] AND until = (%(edges)s::timestamptz[])[bucket + 1] AS is_whole_bucket
    FROM wanted w
    CROSS JOIN LATERAL (
        SELECT *, width_bucket(since, %(edges)s::timestamptz[]) AS bucket
        FROM rollup_day
        WHERE series_id = w.series_id AND since >= (SELECT since FROM cut) AND since < (SELECT until FROM cut)
        OFFSET 0 -- always one walk along the key for each series
    ) d
    WHERE (SELECT may_be_days FROM cut) AND until <= (%(edges)s::timestamptz[])[bucket + 1]
      AND NOT tstzrange(since, until) && w.of_readings
), piece AS (
    SELECT array_agg(w.series_id) AS series, array_agg(lower(p)) AS lowers, array_agg(upper(p)) AS uppers
    FROM wanted w
    CROSS JOIN LATERAL unnest(w.of_readings) AS p
), part AS NOT MATERIALIZED (
    SELECT series_id, bucket, since AS at, n, n_all, flags, sum, min, max, first, last
    FROM day
    WHERE NOT is_whole_bucket
    UNION ALL
    SELECT w.series_id, h.*
    FROM wanted w
    CROSS JOIN cut
    LEFT JOIN (SELECT series_id, range_agg(tstzrange(since, until)) AS days FROM day GROUP BY series_id) d USING (series_id)
    CROSS JOIN LATERAL unnest(cut.during - w.of_readings - coalesce(d.days, '{}')) AS gap
    CROSS JOIN LATERAL (
        SELECT width_bucket(hour, %(edges)s::timestamptz[]) - 1, hour, n, n_all, flags, sum, min, max, first, last
        FROM rollup_hour
        WHERE series_id = w.series_id AND hour >= lower(gap) AND hour < upper(gap)
        OFFSET 0
    ) h
    UNION ALL
    SELECT r.*
    FROM piece p
    CROSS JOIN LATERAL aggregate_pieces(p.series, p.lowers, p.uppers, %(edges)s::timestamptz[], %(excluding)s::int2) r
)
SELECT series_id, bucket, n, n_all, flags, sum, min, max, first, last
FROM (
    SELECT series_id, bucket, n::int8, n_all::int8, flags, sum, min, max, first, last
    FROM day
    WHERE is_whole_bucket
    UNION ALL
    SELECT series_id, bucket, n, n_all, flags, sum, min, max, first, last
    FROM part
    WHERE (SELECT is_hourly FROM cut)
    UNION ALL
    SELECT series_id, bucket, sum(n), sum(n_all), bit_or(flags), sum(sum), min(min), max(max),
           (min(ARRAY[date_part('epoch', at), first]) FILTER (WHERE n > 0))[2],
           (max(ARRAY[date_part('epoch', at), last]) FILTER (WHERE n > 0))[2]
    FROM part
    WHERE NOT (SELECT is_hourly FROM cut)
    GROUP BY series_id, bucket
    LIMIT %(limit)s::int8 + 1
) found
ORDER BY bucket, series_id;
