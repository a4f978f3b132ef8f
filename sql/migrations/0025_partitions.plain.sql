-- Partitions of the big tables: what there is, and how one goes. On TimescaleDB the same names stand for its chunks.
CREATE FUNCTION partitions_of(parent text)
RETURNS TABLE (name text, lower timestamptz, upper timestamptz, rows int8, bytes int8) LANGUAGE sql STABLE AS $$
    SELECT c.oid::regclass::text, bound[1]::timestamptz, bound[2]::timestamptz, greatest(c.reltuples, 0)::int8,
           pg_total_relation_size(c.oid)
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.*)''\) TO \(''(.*)''\)') AS bound
    WHERE i.inhparent = parent::regclass AND bound IS NOT NULL
    ORDER BY 2
$$;

-- The parent is locked first, as whoever stores readings does: nobody can stand in the other's way for good.
CREATE FUNCTION drop_partition(parent text, name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', parent::regclass);
    EXECUTE format('DROP TABLE %s', name::regclass);
END $$;

-- Old rows in columns, compressed, by a policy of the server's own: where it offers that.
CREATE FUNCTION use_columnstore(parent text, segment_by text, order_by text, after interval) RETURNS text LANGUAGE sql AS $$
    SELECT 'not offered'
$$;

-- Bytes of what is compressed: before, and now. No row where nothing is.
CREATE FUNCTION columnstore_of(parent text) RETURNS TABLE (before int8, after int8) LANGUAGE sql STABLE AS $$
    SELECT NULL::int8, NULL::int8 WHERE false
$$;
