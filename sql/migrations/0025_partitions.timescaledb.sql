-- Chunks of the big tables: what there is, and how one goes. On plain PostgreSQL the same names stand for its partitions.
CREATE FUNCTION partitions_of(parent text)
RETURNS TABLE (name text, lower timestamptz, upper timestamptz, rows int8, bytes int8) LANGUAGE sql STABLE AS $$
    SELECT c.oid::regclass::text, k.range_start, k.range_end, greatest(c.reltuples, 0)::int8, pg_total_relation_size(c.oid)
    FROM timescaledb_information.chunks k
    JOIN pg_class c ON c.oid = format('%I.%I', k.chunk_schema, k.chunk_name)::regclass
    WHERE k.hypertable_schema = 'public' AND k.hypertable_name = parent
    ORDER BY 2
$$;

CREATE FUNCTION drop_partition(parent text, name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    piece record;
BEGIN
    SELECT p.lower, p.upper INTO STRICT piece FROM partitions_of(parent) p WHERE p.name = drop_partition.name;
    PERFORM drop_chunks(parent::regclass, older_than => piece.upper, newer_than => piece.lower);
END $$;

-- Old rows in columns, compressed, by a policy of the server's own: the Community edition offers that, the Apache edition does
-- not. Null: no policy; what is compressed stays so.
CREATE FUNCTION use_columnstore(parent text, segment_by text, order_by text, after interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    present interval;
BEGIN
    IF current_setting('timescaledb.license', true) IS DISTINCT FROM 'timescale' THEN
        RETURN 'not offered';
    END IF;
    SELECT (config ->> 'compress_after')::interval INTO present
    FROM timescaledb_information.jobs
    WHERE hypertable_name = parent AND proc_name IN ('policy_compression', 'policy_columnstore');
    IF present IS NOT DISTINCT FROM after THEN
        RETURN CASE WHEN after IS NULL THEN 'not wanted' ELSE 'in force' END;
    END IF;
    IF present IS NOT NULL THEN
        PERFORM remove_compression_policy(parent::regclass);
    END IF;
    IF after IS NULL THEN
        RETURN 'taken away';
    END IF;
    IF NOT (SELECT compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_name = parent) THEN
        EXECUTE format('ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_segmentby = %L, timescaledb.compress_orderby = %L)',
                       parent, segment_by, order_by);
    END IF;
    PERFORM add_compression_policy(parent::regclass, after);
    RETURN 'set';
END $$;

-- Bytes of what is compressed: before, and now. No row where nothing is.
CREATE FUNCTION columnstore_of(parent text) RETURNS TABLE (before int8, after int8) LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF current_setting('timescaledb.license', true) = 'timescale' THEN
        RETURN QUERY
        SELECT sum(s.before_compression_total_bytes)::int8, sum(s.after_compression_total_bytes)::int8
        FROM hypertable_compression_stats(parent::regclass) s
        HAVING sum(s.after_compression_total_bytes) > 0;
    END IF;
END $$;
