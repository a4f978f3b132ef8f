-- What is kept, and for how long: raw readings by domain and metric, everything else by table. Rollups are kept for ever.

-- The most specific counts: metric, then domain, then the row that names neither.
CREATE TABLE retention_policy (
    policy_id   int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain      text,
    metric      text REFERENCES metric (key) ON UPDATE CASCADE ON DELETE CASCADE,
    keep_months int4 CHECK (keep_months BETWEEN 1 AND 1200),    -- null: for ever
    name        text GENERATED ALWAYS AS (coalesce('metric ' || metric, 'domain ' || domain, 'all readings')) STORED,
    CHECK (domain IS NULL OR metric IS NULL),
    UNIQUE NULLS NOT DISTINCT (domain, metric)
);
INSERT INTO retention_policy DEFAULT VALUES;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON retention_policy
    FOR EACH ROW EXECUTE FUNCTION write_audit('name', 'policy_id');

-- From when on the readings of each series are kept at `at`: a month that has begun is kept whole. Null: all of them.
CREATE FUNCTION kept_from(at timestamptz) RETURNS TABLE (series_id int4, since timestamptz) LANGUAGE sql STABLE AS $$
    SELECT s.series_id, date_trunc('month', (at AT TIME ZONE 'UTC') - make_interval(months => p.keep_months)) AT TIME ZONE 'UTC'
    FROM series s
    JOIN metric m USING (metric_id)
    LEFT JOIN LATERAL (
        SELECT keep_months FROM retention_policy
        WHERE (metric IS NULL OR metric = m.key) AND (domain IS NULL OR domain = m.domain)
        ORDER BY metric IS NULL, domain IS NULL
        LIMIT 1
    ) p ON true
$$;

-- Every table that grows with time. `aged_by` is an expression over its columns that gives the time a row ages from; a row for
-- which it is null stays. Where there is none and no partitions go either, the table looks after itself: `what` says how.
CREATE TABLE retention_table (
    name      text PRIMARY KEY,
    what      text NOT NULL,
    keep_days int4 CHECK (keep_days BETWEEN 1 AND 36500),       -- null: for ever
    aged_by   text,
    goes_by_partition   boolean NOT NULL DEFAULT false,         -- no row is deleted: partitions go when all of them is old
    compress_after_days int4 CHECK (compress_after_days > 0),   -- on the Community edition of TimescaleDB
    CHECK (keep_days IS NULL OR aged_by IS NOT NULL OR goes_by_partition)
);
INSERT INTO retention_table (name, what, keep_days, aged_by, goes_by_partition, compress_after_days) VALUES
    ('reading', 'raw readings; how long is said by domain and metric', NULL, NULL, false, 45),
    ('rollup_hour', 'statistics of each hour of each series', NULL, NULL, false, NULL),
    ('rollup_day', 'statistics of each local day of each series', NULL, NULL, false, NULL),
    ('uplink', 'raw messages as they came; only these can be decoded again', 30, NULL, true, 7),
    ('uplink_radio', 'how messages came through the air', 30, 'received_at', false, NULL),
    ('device_event', 'events of devices and gateways', 400, 'received_at', false, NULL),
    ('device_clock', 'clocks of devices, a row a device and day', 400, '(day::timestamp AT TIME ZONE ''UTC'')', false, NULL),
    ('reading_conflict', 'readings refused for a stored one, a row a series and day', 400, 'noted_at', false, NULL),
    ('reading_correction', 'what stood there before a correction', NULL, 'corrected_at', false, NULL),
    ('quarantine', 'what was refused: rows that are replayed or set aside for good; what waits is kept for ever', 90,
        'coalesce(replayed_at, dismissed_at)', false, NULL),
    ('held', 'messages of devices that are not registered: until they are', NULL, NULL, false, NULL),
    ('errand', 'redecodes and replays that people asked for, once done', 400, 'finished_at', false, NULL),
    ('redecode_run', 'runs of redecode, which corrections name', NULL, NULL, false, NULL),
    ('hearing_outage', 'times when Hedgerow itself could not hear', NULL, 'ended_at', false, NULL),
    ('unplaced_reading', 'readings that belong to no site yet: until they do', NULL, NULL, false, NULL),
    ('audit_entry', 'who changed what', NULL, NULL, false, NULL),
    ('registry_action', 'what was done to devices', NULL, NULL, false, NULL),
    ('delivery', 'the last deliveries of each worker: as many as it needs, and no more', NULL, NULL, false, NULL),
    ('webhook_delivery', 'webhooks taken: seven days, forgotten as new ones come', NULL, NULL, false, NULL),
    ('import_run', 'imports: dry runs a day, others ninety, forgotten as new ones come', NULL, NULL, false, NULL),
    ('session', 'logins: until they end', NULL, NULL, false, NULL),
    ('reading_before', 'what stood there before an adjustment that holds', NULL, NULL, false, NULL),
    ('ingest_minute', 'how the path went: thirty days, forgotten as new ones come', NULL, NULL, false, NULL),
    ('rollup_dirty', 'marks of hours to be aggregated again: until they are', NULL, NULL, false, NULL),
    ('retention_run', 'runs of this maintenance', 90, 'started_at', false, NULL);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON retention_table
    FOR EACH ROW EXECUTE FUNCTION write_audit('name', 'what', 'aged_by', 'goes_by_partition');

-- What each run of the maintenance did.
CREATE TABLE retention_run (
    run_id      int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    counts      jsonb NOT NULL,                 -- what went: partitions, readings, rows by table
    postponed   text NOT NULL DEFAULT ''        -- what stood in the way; empty: nothing
);

-- `aged_by` is carried out as it stands: the application changes how long, and nothing else.
REVOKE INSERT, UPDATE, DELETE ON retention_table, retention_run FROM hedgerow_app;
GRANT UPDATE (keep_days) ON retention_table TO hedgerow_app;

-- Deletes rows of a table that are older, `most` at once, and gives how many. A row that has become young again meanwhile stays.
CREATE FUNCTION forget_rows(of_table text, before timestamptz, most int8) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    age  text := (SELECT aged_by FROM retention_table WHERE name = of_table);
    gone int8;
BEGIN
    EXECUTE format('DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE %2$s < $1 LIMIT $2)) AND %2$s < $1', of_table, age)
        USING before, most;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

CREATE FUNCTION count_old_rows(of_table text, before timestamptz) RETURNS int8 LANGUAGE plpgsql STABLE AS $$
DECLARE
    age   text := (SELECT aged_by FROM retention_table WHERE name = of_table);
    found int8;
BEGIN
    EXECUTE format('SELECT count(*) FROM %I WHERE %s < $1', of_table, age) INTO found USING before;
    RETURN found;
END $$;

-- A month whose partition went, empty, has one again for readings of some devices that may now come into a series. The application
-- changes no schema: this it may.
CREATE FUNCTION ensure_partitions_of_unplaced(of_devices int4[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ensure_partition('reading', month)
    FROM (
        SELECT DISTINCT date_trunc('month', u.time, 'UTC') AS month
        FROM unplaced_reading u
        JOIN deployment d ON d.device_id = u.device_id AND d.during @> u.time
        JOIN series se ON se.site_id = d.site_id AND se.channel = d.channel AND se.metric_id = u.metric_id
        WHERE u.device_id = ANY (of_devices) AND u.time >= coalesce(se.raw_from, '-infinity')
        ORDER BY 1
    ) needed
$$;
REVOKE EXECUTE ON FUNCTION ensure_partitions_of_unplaced FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_partitions_of_unplaced TO hedgerow_app;

-- What is deleted by age is found by age.
CREATE INDEX uplink_radio_received_at ON uplink_radio USING brin (received_at);
CREATE INDEX device_event_received_at ON device_event USING brin (received_at);
CREATE INDEX quarantine_done_at ON quarantine (coalesce(replayed_at, dismissed_at)) WHERE coalesce(replayed_at, dismissed_at) IS NOT NULL;
