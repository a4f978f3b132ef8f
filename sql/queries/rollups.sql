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

-- name: roll_next_hours
-- Aggregates the closed hours of every series that come next, a day of them at most, and counts them as rolled up in the same
-- moment; no row where there are none.
WITH next AS (
    SELECT rolled_until AS since, least(closed_until, rolled_until + interval '24 hours') AS until
    FROM rollup_state
    WHERE rolled_until < closed_until
), moved AS (
    UPDATE rollup_state SET rolled_until = next.until FROM next RETURNING since, until
)
SELECT roll_pieces(array_agg(series_id), array_agg(since), array_agg(until))
FROM moved LEFT JOIN series ON true
GROUP BY since;

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
-- Statistics of each series in the buckets between edges, in order.
SELECT * FROM aggregate_buckets(%(series)s::int4[], %(edges)s::timestamptz[], %(excluding)s::int2, %(limit)s::int8)
ORDER BY bucket, series_id;

-- name: aggregate_buckets_as_columns
-- The same as one array a column, in no order, NaN where there is no value; statistics that are not wanted are null.
SELECT array_agg(series_id), array_agg(bucket), array_agg(n), array_agg(flags),
       array_agg(coalesce(sum, 'NaN')) FILTER (WHERE %(with_sum)s::boolean),
       array_agg(coalesce(min, 'NaN')) FILTER (WHERE %(with_min)s::boolean),
       array_agg(coalesce(max, 'NaN')) FILTER (WHERE %(with_max)s::boolean),
       array_agg(coalesce(first, 'NaN')) FILTER (WHERE %(with_first)s::boolean),
       array_agg(coalesce(last, 'NaN')) FILTER (WHERE %(with_last)s::boolean)
FROM aggregate_buckets(%(series)s::int4[], %(edges)s::timestamptz[], %(excluding)s::int2, %(limit)s::int8);
