-- Rollups: hours that have ended, aggregated once, and exactly those again that a late reading or a correction has touched.
CREATE TABLE rollup_hour (
    series_id int4        NOT NULL,
    hour      timestamptz NOT NULL,             -- its start, UTC
    n         int4        NOT NULL,             -- readings without an excluding flag: those the statistics are of
    n_all     int4        NOT NULL,
    flags     int2        NOT NULL,             -- every flag seen, of all readings
    sum       float8,                           -- null, like the following, where n is 0
    min       float8,
    max       float8,
    first     float8,
    last      float8,
    PRIMARY KEY (series_id, hour)
);

-- How far they go. Hours before `closed_until` have ended for ingest: whoever stores a reading of one marks it. Hours before
-- `rolled_until` are in the table rollup_hour, but for those that are marked.
CREATE TABLE rollup_state (
    only_one     boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    closed_until timestamptz,                   -- null: nothing is closed yet
    rolled_until timestamptz,
    excluding    int2        NOT NULL DEFAULT 0 -- flags that keep a reading out of the statistics
);
INSERT INTO rollup_state DEFAULT VALUES;

-- What has to be aggregated again: (series, hour); an hour of every series (series_id null); a whole series (hour null).
-- No key: every writer adds rows of its own, and only rows that are visible are ever taken away. A mark that another transaction
-- has not committed yet can so never be lost.
CREATE TABLE rollup_dirty (
    series_id int4,
    hour      timestamptz,
    CHECK (series_id IS NOT NULL OR hour IS NOT NULL)
);
CREATE INDEX rollup_dirty_series ON rollup_dirty (series_id, hour);
CREATE INDEX rollup_dirty_hour ON rollup_dirty (hour) WHERE series_id IS NULL;

-- Statistics of one series hour by hour, within any times; what all rollups are made of.
CREATE FUNCTION aggregate_hours(of_series int4, since timestamptz, until timestamptz, excluding int2)
RETURNS TABLE (
    hour timestamptz, n int8, n_all int8, flags int2, sum float8, min float8, max float8, first float8, last float8
) LANGUAGE sql STABLE AS $$
    SELECT date_trunc('hour', r.time, 'UTC'),
           count(*) FILTER (WHERE r.flags & excluding = 0),
           count(*),
           bit_or(r.flags),
           sum(r.value) FILTER (WHERE r.flags & excluding = 0),
           min(r.value) FILTER (WHERE r.flags & excluding = 0),
           max(r.value) FILTER (WHERE r.flags & excluding = 0),
           (array_agg(r.value ORDER BY r.time) FILTER (WHERE r.flags & excluding = 0))[1],
           (array_agg(r.value ORDER BY r.time DESC) FILTER (WHERE r.flags & excluding = 0))[1]
    FROM reading r
    WHERE r.series_id = of_series AND r.time >= since AND r.time < until
    GROUP BY 1
$$;

-- Ingest asks this first in each transaction that stores readings: which hours need a mark. No hour is closed until it has ended.
-- Two statements: the second sees what was committed while the first one waited.
CREATE FUNCTION hold_closed_hours() RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('hedgerow closed hours'));
    RETURN (SELECT closed_until FROM rollup_state);
END $$;

-- Corrections and removals mark their hours by themselves. Readings that are added do not: a trigger would cost every COPY dear.
CREATE FUNCTION mark_rollup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup_dirty (series_id, hour) VALUES (OLD.series_id, date_trunc('hour', OLD.time, 'UTC'));
    IF TG_OP = 'UPDATE' AND (NEW.series_id, date_trunc('hour', NEW.time, 'UTC')) <> (OLD.series_id, date_trunc('hour', OLD.time, 'UTC')) THEN
        INSERT INTO rollup_dirty (series_id, hour) VALUES (NEW.series_id, date_trunc('hour', NEW.time, 'UTC'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_rollup AFTER UPDATE OR DELETE ON reading FOR EACH ROW EXECUTE FUNCTION mark_rollup();
