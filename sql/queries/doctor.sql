-- name: describe_server
-- What the server is: version, edition, which schema; how old its oldest transaction number is; its clock; and whether Grafana's
-- login may take the locks that our programs keep out of each other's way with.
SELECT current_setting('server_version') AS version,
       (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb,
       current_setting('timescaledb.license', true) AS license,
       (SELECT flavour FROM migration LIMIT 1) AS flavour,
       pg_database_size(current_database()) AS bytes,
       (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()) AS transaction_age,
       clock_timestamp() AS clock,
       EXISTS (SELECT FROM pg_roles WHERE rolname = 'hedgerow_reader' AND rolcanlogin
               AND has_function_privilege(oid, 'pg_advisory_lock(int8)', 'EXECUTE')) AS reader_may_lock,
       inet_server_addr() IS NULL OR host(inet_server_addr()) = host(inet_client_addr()) AS is_here;

-- name: list_server_settings
-- Settings of the server that matter, as people write them and as they are without what this connection set for itself; those
-- this login may not see are left out.
SELECT name, CASE WHEN unit IS NULL THEN reset_val ELSE current_setting(name) END AS told,
       CASE unit WHEN '8kB' THEN reset_val::int8 * 8192 WHEN 'kB' THEN reset_val::int8 * 1024 WHEN 'MB' THEN reset_val::int8 * 1048576 END AS bytes
FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums', 'shared_buffers', 'max_wal_size', 'jit', 'autovacuum',
               'data_directory');

-- name: list_applied_checksums
-- Migrations this database has, with the checksum of each.
SELECT name, checksum FROM migration;

-- name: list_table_sizes
-- Every table with its size and about how many rows it has, the largest first; partitions counted with their parent.
SELECT c.relname AS name, coalesce(p.bytes, pg_total_relation_size(c.oid))::int8 AS bytes,
       coalesce(p.index_bytes, pg_indexes_size(c.oid))::int8 AS index_bytes,
       coalesce(p.rows, nullif(c.reltuples, -1))::int8 AS rows, coalesce(p.partitions, 0)::int4 AS partitions,
       p.oldest, p.newest
FROM pg_class c
LEFT JOIN LATERAL (
    SELECT sum(bytes) AS bytes, sum(rows) AS rows, sum(pg_indexes_size(name::regclass)) AS index_bytes, count(*) AS partitions,
           min(lower) AS oldest, max(upper) AS newest
    FROM partitions_of(c.relname)
    HAVING count(*) > 0
) p ON c.relname IN ('reading', 'uplink')
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY 2 DESC, 1;

-- name: find_columnstore
-- Bytes of readings that are compressed: before, and now.
SELECT before, after FROM columnstore_of('reading');

-- name: measure_growth
-- Readings that ingest stored and bytes of raw messages, a day, in the last seven.
SELECT (SELECT coalesce(sum(readings_stored) / greatest(1, extract(epoch FROM %(now)s::timestamptz - min(minute)) / 86400), 0)
        FROM ingest_minute WHERE minute >= %(now)s::timestamptz - interval '7 days')::float8 AS readings,
       (SELECT coalesce(sum(bytes), 0) / 7.0 FROM partitions_of('uplink')
        WHERE upper > %(now)s::timestamptz - interval '8 days' AND upper <= %(now)s::timestamptz)::float8 AS uplink_bytes;

-- name: count_what_waits
-- What waits for somebody, and how far rollups go.
SELECT st.closed_until, st.rolled_until, (SELECT count(*) FROM rollup_dirty) AS marks,
       (SELECT count(*) FROM quarantine WHERE replayed_at IS NULL AND dismissed_at IS NULL) AS quarantine,
       (SELECT count(*) FROM held) AS held, (SELECT min(received_at) FROM held) AS held_since,
       (SELECT count(*) FROM errand WHERE state = 'failed') AS errands_failed
FROM rollup_state st;

-- name: list_site_zones
-- Offsets of the time zones of sites at some moments [s], as the server knows them; null: it does not know the zone.
SELECT z.zone, %(moments)s::timestamptz[], CASE WHEN n.name IS NOT NULL THEN (
    SELECT array_agg(extract(epoch FROM (m AT TIME ZONE n.name) - (m AT TIME ZONE 'UTC'))::int4 ORDER BY place)
    FROM unnest(%(moments)s::timestamptz[]) WITH ORDINALITY AS t(m, place)
) END
FROM (SELECT DISTINCT time_zone AS zone FROM site) z
LEFT JOIN pg_timezone_names n ON n.name = z.zone;

-- name: list_workers_at_work
-- What each ingest worker that is wanted said last, how long ago [s], and what its broker says it has dropped.
SELECT worker, connected, queue_messages, lag_ms, broker_dropped, extract(epoch FROM now() - updated_at)::float8 AS silent_s
FROM ingest_status
WHERE state <> 'retired'
ORDER BY worker;

-- name: has_partition_at
-- Whether there is a partition of readings for a time.
SELECT EXISTS (SELECT FROM partitions_of('reading') WHERE lower <= %(at)s::timestamptz AND upper > %(at)s::timestamptz);
