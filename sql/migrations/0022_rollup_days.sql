-- Rollups of local days; and from when on raw readings are kept, before which only rollups are left.
ALTER TABLE series
    ADD COLUMN raw_from timestamptz CHECK (raw_from = date_bin('1 hour', raw_from, '2000-01-01T00:00:00Z')),
    ADD COLUMN day_zone text;
COMMENT ON COLUMN series.raw_from IS 'Readings before it are no longer kept, its rollups before it hold for ever; null: all are kept';
COMMENT ON COLUMN series.day_zone IS 'The time zone whose days are in rollup_day; null: none is yet';

-- Days of `series.day_zone` that are whole hours of UTC, made of the rows of rollup_hour and of nothing else: what changes a row
-- there makes its day again in the same statement. Where a day is missing its hours tell the same.
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

-- Statistics of readings in some pieces of time, within the buckets between `edges`. A function so that a question which finds
-- all in rollups does not pay for the planning of every partition of readings.
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
            SELECT width_bucket(r.time, edges) - 1,
                   min(r.time),
                   (count(*) FILTER (WHERE r.flags & excluding = 0))::int4,
                   count(*)::int4,
                   bit_or(r.flags),
                   sum(r.value) FILTER (WHERE r.flags & excluding = 0),
                   min(r.value) FILTER (WHERE r.flags & excluding = 0),
                   max(r.value) FILTER (WHERE r.flags & excluding = 0),
                   (min(ARRAY[date_part('epoch', r.time), r.value]) FILTER (WHERE r.flags & excluding = 0))[2],
                   (max(ARRAY[date_part('epoch', r.time), r.value]) FILTER (WHERE r.flags & excluding = 0))[2]
            FROM reading r
            WHERE r.series_id = p.series_id AND r.time >= p.lower AND r.time < p.upper
              AND r.time >= first_lower AND r.time < last_upper
            GROUP BY 1
        ) a;
    END IF;
END $$;
