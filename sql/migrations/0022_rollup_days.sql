-- Rollups of local days; and from when on raw readings are kept, before which only rollups are left.
ALTER TABLE series
    ADD COLUMN raw_from timestamptz CHECK (raw_from = date_bin('1 hour', raw_from, '2000-01-01T00:00:00Z')),
    ADD COLUMN day_zone text;
COMMENT ON COLUMN series.raw_from IS 'Readings before it are no longer kept, its rollups before it hold for ever; null: all are kept';
COMMENT ON COLUMN series.day_zone IS 'The time zone whose days are in rollup_day; null: none is yet';

-- Days of `series.day_zone` that are whole hours of UTC, made of the rows of rollup_hour and of nothing else: what changes a row
-- there makes its day again in the same transaction. Where a day is missing its hours tell the same.
CREATE TABLE rollup_day (
    series_id int4        NOT NULL,
    since     timestamptz NOT NULL,             -- its midnight
    until     timestamptz NOT NULL,             -- the next day's
    n         int4        NOT NULL,             -- this and the following as in rollup_hour
    n_all     int4        NOT NULL,
    flags     int2        NOT NULL,
    sum       float8,
    min       float8,
    max       float8,
    first     float8,
    last      float8,
    PRIMARY KEY (series_id, since)
);

-- Statistics of readings in some pieces of time, hour by hour and by bucket between `edges` (null: by hour alone), with the time
-- of the first; what all rollups are made of. A function so that a question which finds all in rollups does not pay for the planning of every partition of readings.
DROP FUNCTION aggregate_hours;
CREATE FUNCTION aggregate_pieces(
    of_series int4[], lowers timestamptz[], uppers timestamptz[], edges timestamptz[], excluding int2
) RETURNS TABLE (
    series_id int4, bucket int4, at timestamptz, n int4, n_all int4, flags int2,
    sum float8, min float8, max float8, first float8, last float8
) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    -- Leaves out the partitions that no piece touches before any is opened.
    first_lower timestamptz := (SELECT min(lower) FROM unnest(lowers) AS lower);
    last_upper  timestamptz := (SELECT max(upper) FROM unnest(uppers) AS upper);
BEGIN
    IF of_series IS NOT NULL THEN
        RETURN QUERY
        SELECT p.series_id, a.*
        FROM unnest(of_series, lowers, uppers) AS p(series_id, lower, upper)
        CROSS JOIN LATERAL (
            SELECT width_bucket(r.time, edges) - 1 AS bucket, min(r.time), count(r.value)::int4, count(*)::int4,
                   bit_or(r.flags), sum(r.value), min(r.value), max(r.value),
                   (min(ARRAY[r.second, r.value]) FILTER (WHERE r.value IS NOT NULL))[2],
                   (max(ARRAY[r.second, r.value]) FILTER (WHERE r.value IS NOT NULL))[2]
            FROM (
                SELECT time, date_part('epoch', time) AS second, flags, CASE WHEN flags & excluding = 0 THEN value END AS value
                FROM reading
                WHERE series_id = p.series_id AND time >= p.lower AND time < p.upper
                  AND time >= first_lower AND time < last_upper
            ) r
            GROUP BY bucket, date_bin('1 hour', r.time, '2000-01-01T00:00:00Z')
        ) a;
    END IF;
END $$;

-- Makes the days again that lie in some pieces of time, all that have been rolled up. Here and below no plan may depend on how
-- few rows there once were: every table is walked along its key.
CREATE FUNCTION make_days(of_series int4[], lowers timestamptz[], uppers timestamptz[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    DELETE FROM rollup_day d USING unnest(of_series, lowers, uppers) AS p(series_id, lower, upper)
    WHERE d.series_id = p.series_id AND d.since < p.upper AND d.until > p.lower AND d.since > p.lower - interval '2 days';

    INSERT INTO rollup_day (series_id, since, until, n, n_all, flags, sum, min, max, first, last)
    SELECT d.series_id, d.since, d.until, a.*
    FROM (
        SELECT DISTINCT p.series_id, t.since, t.until
        FROM unnest(of_series, lowers, uppers) AS p(series_id, lower, upper)
        JOIN series s USING (series_id)
        JOIN rollup_state st ON st.rolled_until IS NOT NULL
        JOIN LATERAL (SELECT min(hour) AS first_hour FROM rollup_hour h WHERE h.series_id = p.series_id) h ON first_hour IS NOT NULL
        CROSS JOIN LATERAL generate_series(
            date_trunc('day', greatest(p.lower, h.first_hour) AT TIME ZONE s.day_zone),
            (least(p.upper, st.rolled_until) - interval '1 microsecond') AT TIME ZONE s.day_zone,
            interval '1 day'
        ) AS midnight
        CROSS JOIN LATERAL (
            SELECT midnight AT TIME ZONE s.day_zone AS since, (midnight + interval '1 day') AT TIME ZONE s.day_zone AS until
        ) t
        WHERE t.until <= st.rolled_until
          AND t.since = date_bin('1 hour', t.since, '2000-01-01T00:00:00Z') AND t.until = date_bin('1 hour', t.until, '2000-01-01T00:00:00Z')
    ) d
    CROSS JOIN LATERAL (
        SELECT sum(h.n), sum(h.n_all) AS n_all, bit_or(h.flags), sum(h.sum), min(h.min), max(h.max),
               (array_agg(h.first ORDER BY h.hour) FILTER (WHERE h.n > 0))[1],
               (array_agg(h.last ORDER BY h.hour DESC) FILTER (WHERE h.n > 0))[1]
        FROM rollup_hour h
        WHERE h.series_id = d.series_id AND h.hour >= d.since AND h.hour < d.until
    ) a
    WHERE a.n_all > 0;
END $$;

-- Aggregates some pieces of time again, in whole hours, and makes their days again; gives how many pieces. What lies before
-- `raw_from` stays as it is. Each statement in here sees what was there when it began, which is no less than what the caller saw.
CREATE FUNCTION roll_pieces(of_series int4[], lowers timestamptz[], uppers timestamptz[]) RETURNS int4 LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    raw_lowers timestamptz[];
BEGIN
    LOCK TABLE ONLY reading IN ROW EXCLUSIVE MODE; -- as writers do: `raw_from` is raised when nobody has it
    raw_lowers := ARRAY(
        SELECT greatest(p.lower, s.raw_from)
        FROM unnest(of_series, lowers) WITH ORDINALITY AS p(series_id, lower, place)
        LEFT JOIN series s USING (series_id)
        ORDER BY p.place
    );

    DELETE FROM rollup_hour h USING unnest(of_series, raw_lowers, uppers) AS p(series_id, lower, upper)
    WHERE h.series_id = p.series_id AND h.hour >= p.lower AND h.hour < p.upper;

    INSERT INTO rollup_hour (series_id, hour, n, n_all, flags, sum, min, max, first, last)
    SELECT a.series_id, date_bin('1 hour', a.at, '2000-01-01T00:00:00Z'), n, n_all, flags, sum, min, max, first, last
    FROM rollup_state st
    CROSS JOIN LATERAL aggregate_pieces(of_series, raw_lowers, uppers, NULL, st.excluding) a;

    PERFORM make_days(of_series, lowers, uppers);
    RETURN coalesce(cardinality(of_series), 0);
END $$;

-- Corrections and removals mark their hours once each, however many readings of an hour a statement touches.
DROP TRIGGER mark_rollup ON reading;
DROP FUNCTION mark_rollup;
CREATE FUNCTION mark_corrected() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup_dirty (series_id, hour) SELECT DISTINCT series_id, date_trunc('hour', time, 'UTC') FROM touched;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_corrected_before AFTER UPDATE ON reading
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION mark_corrected();
CREATE TRIGGER mark_corrected_after AFTER UPDATE ON reading
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION mark_corrected();

-- Row by row: TimescaleDB's columnstore refuses the other way for removals. Only a mark of one's own transaction spares another,
-- for nobody can take that away before it ends; and what is no longer kept raw needs none.
CREATE FUNCTION mark_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup_dirty (series_id, hour)
    SELECT OLD.series_id, of_hour
    FROM date_trunc('hour', OLD.time, 'UTC') AS of_hour
    WHERE NOT EXISTS (SELECT FROM series s WHERE s.series_id = OLD.series_id AND OLD.time < s.raw_from)
      AND NOT EXISTS (
          SELECT FROM rollup_dirty d
          WHERE d.series_id = OLD.series_id AND d.hour = of_hour AND d.xmin = pg_current_xact_id()::xid
      );
    RETURN NULL;
END $$;
CREATE TRIGGER mark_removed AFTER DELETE ON reading FOR EACH ROW EXECUTE FUNCTION mark_removed();

-- Statistics of each series in the buckets between edges (ascending, at least two): of the days and hours rolled up where these
-- hold, of readings elsewhere, which is hours that are marked or not rolled up yet, and hours that an edge cuts. One statement
-- sees one moment. Where other flags count than those the rollups were made with, they hold for hours that had none. Before
-- `raw_from` there is nothing but rollups: an hour there counts where it begins.
CREATE FUNCTION aggregate_buckets(of_series int4[], cuts timestamptz[], left_out int2, most int8)
RETURNS TABLE (
    series_id int4, bucket int4, n int8, n_all int8, flags int2, sum float8, min float8, max float8, first float8, last float8
) LANGUAGE sql STABLE AS $$
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
            SELECT cuts[1] AS since, cuts[cardinality(cuts)] AS until,
                   edge, date_bin('1 hour', edge, '2000-01-01T00:00:00Z') AS hour
            FROM unnest(cuts) AS edge
        ) asked
        GROUP BY since, until
    ), marked AS (
        -- Of a whole series the hour is null, and the range without bounds; so is that of `rolled_until` where nothing is rolled up.
        SELECT series_id, range_agg(tstzrange(hour, hour + interval '1 hour')) AS hours
        FROM rollup_dirty
        WHERE series_id = ANY (of_series)
        GROUP BY series_id
    ), marked_of_all AS (
        SELECT range_agg(tstzrange(hour, hour + interval '1 hour')) AS hours FROM rollup_dirty WHERE series_id IS NULL
    ), otherwise_flagged AS (
        SELECT h.series_id, range_agg(tstzrange(h.hour, h.hour + interval '1 hour')) AS hours
        FROM rollup_hour h
        WHERE (SELECT excluding FROM rollup_state) <> left_out
          AND h.series_id = ANY (of_series) AND h.hour >= (SELECT since FROM cut) AND h.hour < (SELECT until FROM cut)
          AND NOT (h.n = h.n_all AND h.flags & left_out = 0)
        GROUP BY h.series_id
    ), wanted AS (
        SELECT series_id,
               (tstzmultirange(tstzrange(st.rolled_until, NULL)) + cut.hours + coalesce(m.hours, '{}') + coalesce(a.hours, '{}')
                + coalesce(o.hours, '{}')) * tstzmultirange(tstzrange(s.raw_from, NULL)) * cut.during AS of_readings
        FROM unnest(of_series) AS w(series_id)
        CROSS JOIN cut
        CROSS JOIN rollup_state st
        CROSS JOIN marked_of_all a
        LEFT JOIN series s USING (series_id)
        LEFT JOIN marked m USING (series_id)
        LEFT JOIN otherwise_flagged o USING (series_id)
    ), day AS (
        SELECT d.series_id, since, until, n, n_all, flags, sum, min, max, first, last, bucket - 1 AS bucket,
               since = cuts[bucket] AND until = cuts[bucket + 1] AS is_whole_bucket
        FROM wanted w
        CROSS JOIN LATERAL (
            SELECT *, width_bucket(since, cuts) AS bucket
            FROM rollup_day
            WHERE series_id = w.series_id AND since >= (SELECT since FROM cut) AND since < (SELECT until FROM cut)
            OFFSET 0 -- always one walk along the key for each series
        ) d
        WHERE (SELECT may_be_days FROM cut) AND until <= cuts[bucket + 1]
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
            SELECT width_bucket(hour, cuts) - 1, hour, n, n_all, flags, sum, min, max, first, last
            FROM rollup_hour
            WHERE series_id = w.series_id AND hour >= lower(gap) AND hour < upper(gap)
            OFFSET 0
        ) h
        UNION ALL
        SELECT r.*
        FROM piece p
        CROSS JOIN LATERAL aggregate_pieces(p.series, p.lowers, p.uppers, cuts, left_out) r
    )
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
    LIMIT most + 1
$$;
