-- name: register_load_devices
-- Registers the devices of a benchmark, each at a site of its own, for all times.
WITH made_site AS (
    INSERT INTO site (code, name) SELECT uid, uid FROM unnest(%(uids)s::text[]) AS uid RETURNING site_id, code
), made_device AS (
    INSERT INTO device (uid, name, profile_id)
    SELECT uid, uid, (SELECT profile_id FROM device_profile WHERE key = 'generic')
    FROM unnest(%(uids)s::text[]) AS uid RETURNING device_id, uid
)
INSERT INTO deployment (device_id, site_id, during)
SELECT device_id, site_id, '[-infinity,)' FROM made_device JOIN made_site ON code = uid;

-- name: make_load_series
-- The series that the first readings of a benchmark would call for.
INSERT INTO series (site_id, metric_id)
SELECT site_id, metric_id FROM site CROSS JOIN metric
WHERE metric.key = ANY(%(metrics)s) OR metric_id IN (SELECT metric_id FROM metric_alias WHERE alias = ANY(%(metrics)s))
ON CONFLICT DO NOTHING;

-- name: register_stock_sites
-- Registers sites all over a county, each with a device that was heard just now.
WITH made_site AS (
    INSERT INTO site (code, name, domain, latitude, longitude)
    SELECT uid, 'Site ' || uid, 'air_quality', 50.6 + turn * 7 %% 400 / 1000.0, -2.9 + turn * 13 %% 1000 / 1000.0
    FROM unnest(%(uids)s::text[]) WITH ORDINALITY AS sender(uid, turn)
    RETURNING site_id, code
), made_device AS (
    INSERT INTO device (uid, name, profile_id)
    SELECT uid, uid, (SELECT profile_id FROM device_profile WHERE key = 'generic')
    FROM unnest(%(uids)s::text[]) AS uid RETURNING device_id, uid
), heard AS (
    INSERT INTO device_arrival (device_id, last_received_at, messages) SELECT device_id, now(), 1000 FROM made_device
)
INSERT INTO deployment (device_id, site_id, during)
SELECT device_id, site_id, '[-infinity,)' FROM made_device JOIN made_site ON code = uid;

-- name: bench_year_of_hours
-- What a person would write who only knows the table: hourly means of one series.
SELECT hour, sum / n AS mean, n
FROM rollup_hour
WHERE series_id = %(series)s::int4 AND hour >= %(start)s::timestamptz AND hour < %(end)s::timestamptz AND n > 0
ORDER BY hour;

-- name: bench_year_of_days
-- The same by the day, whose hours are those of the site's zone.
SELECT date_trunc('day', hour, %(zone)s::text) AS day, sum(sum) / sum(n) AS mean, sum(n) AS n
FROM rollup_hour
WHERE series_id = %(series)s::int4 AND hour >= %(start)s::timestamptz AND hour < %(end)s::timestamptz AND n > 0
GROUP BY 1
ORDER BY 1;

-- name: bench_hours_of_sites
-- Hourly means of one metric at some sites.
SELECT s.code, h.hour, h.sum / h.n AS mean, h.n
FROM site s
JOIN series se USING (site_id)
JOIN metric m USING (metric_id)
JOIN rollup_hour h USING (series_id)
WHERE s.code = ANY (%(sites)s::text[]) AND m.key = %(metric)s::text
  AND h.hour >= %(start)s::timestamptz AND h.hour < %(end)s::timestamptz AND h.n > 0
ORDER BY h.hour, s.code;

-- name: bench_latest
-- The last value of every series.
SELECT l.time, s.code, s.name, m.key, m.unit, l.value, l.flags, l.received_at, se.channel
FROM latest l
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
ORDER BY s.code, m.key, se.channel;

-- name: bench_sites
-- Every site, how it is, and its last value that matters most.
SELECT s.code, s.name, s.domain, s.latitude, s.longitude, st.state, st.since, main.key, main.value, main.unit
FROM site s
JOIN site_state st USING (site_id)
LEFT JOIN (
    SELECT DISTINCT ON (se.site_id) se.site_id, m.key, m.unit, l.value
    FROM latest l
    JOIN series se USING (series_id)
    JOIN metric m USING (metric_id)
    ORDER BY se.site_id, array_position('{pm2_5,no2,pm10,o3}', m.key), m.metric_id
) main USING (site_id)
ORDER BY s.code;

-- name: bench_site
-- The last values at a site, and a day of hours of each.
SELECT m.key, m.unit, l.time, l.value, h.hour, h.sum / h.n AS mean
FROM site s
JOIN series se USING (site_id)
JOIN metric m USING (metric_id)
JOIN latest l USING (series_id)
LEFT JOIN rollup_hour h ON h.series_id = se.series_id AND h.hour >= l.time - interval '1 day' AND h.n > 0
WHERE s.code = %(site)s::text
ORDER BY m.key, h.hour;

-- name: bench_note_arrivals
-- Every device was heard just now, as in a county that works.
UPDATE device_arrival SET last_received_at = now();

-- name: bench_vacuum_all
-- What the server would do by itself in the days after a fill.
VACUUM (ANALYZE) reading, rollup_hour, rollup_day, latest, series, site, device, deployment, device_arrival;

-- name: empty_big_tables
-- A benchmark begins with empty tables.
TRUNCATE reading, uplink, latest, quarantine, held, delivery, rollup_hour, rollup_day, rollup_dirty;

-- name: read_stored_readings
-- How many readings have been stored, over all workers.
SELECT coalesce(sum(readings_stored), 0)::int8 FROM ingest_status;

-- name: copy_readings_out
-- Every reading in the order of its key, in the format it goes in.
COPY (SELECT series_id, time, value, flags FROM reading ORDER BY series_id, time) TO STDOUT (FORMAT binary);

-- name: checkpoint
-- What a measurement before has left to write is not to be part of the next.
CHECKPOINT;

-- name: list_load_series
-- Series of the devices of a benchmark, devices and metrics in the order given.
SELECT se.series_id
FROM unnest(%(uids)s::text[]) WITH ORDINALITY AS sender(uid, turn)
JOIN device d ON d.uid = sender.uid
JOIN deployment USING (device_id)
CROSS JOIN unnest(%(metrics)s::text[]) WITH ORDINALITY AS named(name, place)
JOIN metric m ON m.key = named.name OR m.metric_id IN (SELECT metric_id FROM metric_alias WHERE alias = named.name)
JOIN series se ON se.site_id = deployment.site_id AND se.metric_id = m.metric_id
ORDER BY turn, place;

-- name: bench_without_limits
-- What a benchmark does may take minutes.
SET statement_timeout = 0;

-- name: bench_commit
-- A transaction with next to nothing in it, which is committed like any other.
SELECT pg_logical_emit_message(true, 'hedgerow bench', '');

-- name: bench_analyze
-- A server that has just been filled knows nothing of its tables yet.
ANALYZE site, device, deployment, series, metric;

-- name: may_slow_commits
-- Whether our own connections may be given slower commits.
SELECT has_parameter_privilege('commit_delay', 'SET');

-- name: count_connected_workers
-- Workers that have started since a moment and are connected to the broker.
SELECT count(*) FROM ingest_status WHERE connected AND state = 'working' AND started_at >= %(since)s;

-- name: read_bench_clock
-- What time it is at the server.
SELECT clock_timestamp();

-- name: read_server
-- What the server is, and whether what it commits is safe.
SELECT current_setting('server_version'), (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
       current_setting('timescaledb.license', true), current_setting('fsync'), current_setting('full_page_writes'),
       current_setting('synchronous_commit');

-- name: list_some_relations
-- A few of the tables and views of a database that are nobody's extension.
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND NOT starts_with(n.nspname, 'pg_temp') AND NOT starts_with(n.nspname, 'pg_toast_temp')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
LIMIT 3;

-- name: drop_all_tables
-- Leaves a database that was empty before a benchmark as empty as it was; extensions stay.
DO $$
DECLARE
    made text;
BEGIN
    FOR made IN
        SELECT c.oid::regclass::text FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    LOOP
        EXECUTE 'DROP TABLE IF EXISTS ' || made || ' CASCADE';
    END LOOP;
    FOR made IN
        SELECT c.oid::regclass::text FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    LOOP
        EXECUTE 'DROP VIEW IF EXISTS ' || made || ' CASCADE';
    END LOOP;
    FOR made IN
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE 'DROP ROUTINE IF EXISTS ' || made || ' CASCADE';
    END LOOP;
END $$;

-- name: count_readings
-- How many readings there are.
SELECT count(*) FROM reading;

-- name: empty_small_tables
-- What fills up beside the readings.
TRUNCATE uplink, quarantine, held, delivery;

-- name: bench_vacuum
-- What the server would do by itself in the days after a fill.
VACUUM (ANALYZE) reading;

-- name: read_size
-- How many readings there are, and how large the database is [bytes].
SELECT (SELECT count(*) FROM reading), pg_database_size(current_database());

-- name: read_data_directory
-- Where the server keeps its data.
SELECT current_setting('data_directory');

-- name: naive_make_table
-- What one makes without much thought: every reading with the name of its series.
CREATE TABLE IF NOT EXISTS naive_reading (
    series text NOT NULL, time timestamptz NOT NULL, value float8 NOT NULL, PRIMARY KEY (series, time)
);

-- name: naive_make_staging
-- Where a careful batch waits, so that what comes again harms nothing.
CREATE TEMP TABLE IF NOT EXISTS naive_staging (series text, seconds float8, value float8) ON COMMIT DELETE ROWS;

-- name: naive_insert
-- One reading.
INSERT INTO naive_reading (series, time, value) VALUES (%(series)s, to_timestamp(%(seconds)s), %(value)s);

-- name: naive_copy
-- Many readings, first half.
COPY naive_staging (series, seconds, value) FROM STDIN;

-- name: naive_store_staged
-- Many readings, second half.
INSERT INTO naive_reading (series, time, value)
SELECT series, to_timestamp(seconds), value FROM naive_staging ORDER BY series, seconds
ON CONFLICT (series, time) DO NOTHING;

-- name: naive_empty_table
-- Each begins with nothing.
TRUNCATE naive_reading;

-- name: naive_count
-- How many readings there are.
SELECT count(*) FROM naive_reading;

-- name: count_archived
-- How many raw messages the archive holds.
SELECT count(*) FROM uplink;

-- name: is_durable
-- Whether what the server commits outlives the machine.
SELECT current_setting('fsync')::boolean AND current_setting('full_page_writes')::boolean;

-- name: bench_as_reader
-- Grafana asks as a role that may read views only.
SET ROLE hedgerow_reader;

-- name: bench_as_oneself
-- The end of that.
RESET ROLE;

-- name: read_rolled_hours
-- Whether no hour that has ended waits to be aggregated.
SELECT coalesce(rolled_until = closed_until, false) AND NOT EXISTS (SELECT FROM rollup_dirty) FROM rollup_state;
