-- Readings, the biggest table: no foreign key (costs 40 %), no sequence, no received time per row.
CREATE TABLE reading (
    series_id int4        NOT NULL,
    time      timestamptz NOT NULL,
    value     float8      NOT NULL,
    flags     int2        NOT NULL,
    PRIMARY KEY (series_id, time)
) PARTITION BY RANGE (time);

-- Raw messages as they came, kept 30 days; they make it possible to decode again.
CREATE TABLE uplink (
    device_id   int4        NOT NULL,
    received_at timestamptz NOT NULL,
    digest      int8        NOT NULL,           -- hash of topic and payload
    topic       text        NOT NULL,
    payload     bytea       NOT NULL,
    PRIMARY KEY (device_id, received_at, digest)
) PARTITION BY RANGE (received_at);

-- Makes the partition of `parent` that holds `at`, if it is missing: a month of readings, a day of uplinks.
-- LIKE and ATTACH instead of PARTITION OF: readers and writers of the parent go on meanwhile.
CREATE FUNCTION ensure_partition(parent text, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    width  interval := CASE parent WHEN 'reading' THEN interval '1 month' ELSE interval '1 day' END;
    unit   text     := CASE parent WHEN 'reading' THEN 'month' ELSE 'day' END;
    lower  timestamptz := date_trunc(unit, at, 'UTC');
    upper  timestamptz := (lower AT TIME ZONE 'UTC' + width) AT TIME ZONE 'UTC';
    child  text := parent || to_char(lower AT TIME ZONE 'UTC', CASE parent WHEN 'reading' THEN '_YYYYMM' ELSE '_YYYYMMDD' END);
BEGIN
    -- Always the lock first: what another transaction attached is certain for us only once it has let go of its locks.
    PERFORM pg_advisory_xact_lock(hashtext('hedgerow partitions'));
    -- Asked of the catalogue itself: to_regclass may answer from a cache that is older than the lock.
    IF EXISTS (SELECT FROM pg_class WHERE relname = child) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child, lower, upper);
END $$;
