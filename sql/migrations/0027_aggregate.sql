-- What questions for aggregates need: tags of sites, when series begin and end, and how often readings are expected.
CREATE FUNCTION are_tags(tags text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT cardinality(tags) <= 20 AND coalesce(bool_and(tag ~ '^[a-z0-9][a-z0-9_-]{0,39}$'), true)
           AND count(DISTINCT tag) = cardinality(tags)
    FROM unnest(tags) AS tag
$$;
ALTER TABLE site ADD COLUMN tags text[] NOT NULL DEFAULT '{}' CHECK (are_tags(tags));
COMMENT ON COLUMN site.tags IS 'Short words to find sites by: at most 20, in lower case, each once';
CREATE INDEX site_tags ON site USING gin (tags);

-- From which time on, up to which time, not included, a series may have readings. A function so that partitions that are rolled up
-- need no planning: of those the rollups tell, and marks, which may stand where no rollup does yet.
CREATE FUNCTION times_of_series(of_series int4) RETURNS tstzrange LANGUAGE plpgsql STABLE AS $$
DECLARE
    rolled_until timestamptz := coalesce((SELECT st.rolled_until FROM rollup_state st), '-infinity');
    since timestamptz;
    until timestamptz;
BEGIN
    IF EXISTS (SELECT FROM rollup_dirty WHERE series_id = of_series AND hour IS NULL) THEN
        rolled_until := '-infinity';
    END IF;
    SELECT min(time), max(time) + interval '1 microsecond' INTO since, until
    FROM reading
    WHERE series_id = of_series AND time >= rolled_until;
    RETURN (
        SELECT tstzrange(least(since, min(hour)), greatest(until, max(hour) + interval '1 hour'))
        FROM (
            SELECT min(hour) AS hour FROM rollup_hour WHERE series_id = of_series
            UNION ALL
            SELECT max(hour) FROM rollup_hour WHERE series_id = of_series
            UNION ALL
            SELECT hour FROM rollup_dirty WHERE series_id = of_series
            UNION ALL
            SELECT hour FROM rollup_dirty WHERE series_id IS NULL
        ) told
    );
END $$;

-- Which devices were to measure some series, from when to when (null: open), and how often. A profile whose definition names the
-- metric sends it: where a site has several devices at once and such a one is there, the others do not count. Of replays nobody
-- knows. A function that looks behind the policies: where a device is now does not matter to what a site was to get.
CREATE FUNCTION stays_of_series(of_series int4[], since timestamptz, until timestamptz)
RETURNS TABLE (series_id int4, from_at timestamptz, to_at timestamptz, interval_s float8, names_metric boolean, first_hour timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT se.series_id,
           CASE WHEN isfinite(lower(dep.during)) THEN lower(dep.during) END,
           CASE WHEN isfinite(upper(dep.during)) THEN upper(dep.during) END,
           coalesce(CASE WHEN p.key = 'generic' THEN ds.expected_interval_s END, p.expected_interval_s),
           position('"' || m.key || '"' IN p.definition) > 0,
           (SELECT min(hour) FROM rollup_hour h WHERE h.series_id = se.series_id)
    FROM series se
    JOIN metric m USING (metric_id)
    JOIN deployment dep USING (site_id, channel)
    JOIN device d USING (device_id)
    JOIN device_profile p USING (profile_id)
    LEFT JOIN device_state ds USING (device_id)
    WHERE se.series_id = ANY (of_series) AND dep.during && tstzrange(stays_of_series.since, stays_of_series.until) AND p.key <> 'historical'
$$;
REVOKE EXECUTE ON FUNCTION stays_of_series FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stays_of_series TO hedgerow_app;

-- Until when all that a worker has received is stored, by its own clock, as it last said; null: it has not said so yet.
ALTER TABLE ingest_status ADD COLUMN stored_until timestamptz;
