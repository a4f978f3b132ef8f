-- What Grafana may read: views only, through a role that owns nothing and may not run long.
CREATE VIEW site_reading AS
SELECT r.time, s.code AS site, s.name AS site_name, m.domain, m.key AS metric, m.unit, se.channel, r.value, r.flags
FROM reading r
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id);

CREATE VIEW site_latest AS
SELECT l.time, s.code AS site, s.name AS site_name, s.latitude, s.longitude, m.domain, m.key AS metric, m.unit,
       se.channel, l.value, l.flags
FROM latest l
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id);

CREATE VIEW ingest_health AS
SELECT i.*, now() - i.updated_at AS silent_for, (SELECT count(*) FROM quarantine) AS quarantine_rows,
       (SELECT count(*) FROM held) AS held_rows
FROM ingest_status i;

DO $$ BEGIN
    CREATE ROLE hedgerow_reader NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles belong to the server: another database of it may have made this one
END $$;
GRANT USAGE ON SCHEMA public TO hedgerow_reader;
GRANT SELECT ON site_reading, site_latest, ingest_health TO hedgerow_reader;
