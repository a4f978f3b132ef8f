-- What Grafana reads besides the views of 0006: wide rows per domain, how sites and devices are, and the path step by step.
-- All through views of the owner, so the reader needs no table; no area limits it; nothing tells of people or of secrets.

-- How the path went, minute by minute: what ingest_status counts has no memory. Kept 30 days.
ALTER TABLE ingest_status ADD COLUMN broker_dropped int8; -- what its broker says it has dropped; null: it does not say
CREATE TABLE ingest_minute (
    worker         text        NOT NULL,
    minute         timestamptz NOT NULL,
    messages       int8        NOT NULL,
    readings_stored int8       NOT NULL,
    lag_ms         float8      NOT NULL,        -- the longest
    queue_messages int4        NOT NULL,        -- the most
    sessions_lost  int8        NOT NULL,
    broker_dropped int8        NOT NULL,
    PRIMARY KEY (worker, minute)
) WITH (fillfactor = 50);

-- In the transaction that moves the counters, whose row is locked already: no writer waits for another here.
CREATE FUNCTION remember_minute() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    this_minute timestamptz := date_trunc('minute', NEW.updated_at);
    -- A broker that was started again counts from the beginning; one that says it for the first time says nothing of this minute.
    dropped int8 := CASE WHEN NEW.broker_dropped < OLD.broker_dropped THEN NEW.broker_dropped
                         ELSE coalesce(NEW.broker_dropped - OLD.broker_dropped, 0) END;
BEGIN
    UPDATE ingest_minute m
    SET messages = m.messages + NEW.messages - OLD.messages,
        readings_stored = m.readings_stored + NEW.readings_stored - OLD.readings_stored,
        lag_ms = greatest(m.lag_ms, NEW.lag_ms), queue_messages = greatest(m.queue_messages, NEW.queue_messages),
        sessions_lost = m.sessions_lost + NEW.sessions_lost - OLD.sessions_lost, broker_dropped = m.broker_dropped + dropped
    WHERE m.worker = NEW.worker AND m.minute = this_minute;
    IF NOT FOUND THEN
        INSERT INTO ingest_minute
        VALUES (NEW.worker, this_minute, NEW.messages - OLD.messages, NEW.readings_stored - OLD.readings_stored,
                CASE WHEN NEW.messages > OLD.messages THEN NEW.lag_ms ELSE 0 END, NEW.queue_messages,
                NEW.sessions_lost - OLD.sessions_lost, dropped);
        DELETE FROM ingest_minute m WHERE m.worker = NEW.worker AND m.minute < this_minute - interval '30 days';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER remember_minute AFTER UPDATE ON ingest_status FOR EACH ROW
    WHEN (OLD.updated_at IS DISTINCT FROM NEW.updated_at) EXECUTE FUNCTION remember_minute();

-- Every hour of every series as it counts now: rollups where they hold, as they do for ever where readings are no longer kept;
-- readings for hours that are marked or not rolled up yet. LATERAL: only of the series that are asked for.
CREATE VIEW metric_hour AS
SELECT h.hour AS time, se.series_id, se.site_id, s.code AS site,
       s.name || CASE WHEN se.channel = '' THEN '' ELSE ' · ' || se.channel END AS place,
       se.channel, m.domain, m.key AS metric, h.n, h.n_all, h.sum, h.sum / nullif(h.n, 0) AS mean, h.min, h.max
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM rollup_dirty d WHERE d.series_id = se.series_id AND d.hour IS NULL) AS is_marked,
           (SELECT rolled_until FROM rollup_state) AS rolled_until,
           (SELECT excluding FROM rollup_state) AS excluding
    OFFSET 0 -- looked up once a series
) st
CROSS JOIN LATERAL (
    SELECT r.hour, r.n::int8 AS n, r.n_all::int8 AS n_all, r.sum, r.min, r.max
    FROM rollup_hour r
    WHERE r.series_id = se.series_id
      AND (r.hour < se.raw_from
           OR (r.hour < st.rolled_until AND NOT st.is_marked
               AND NOT EXISTS (SELECT FROM rollup_dirty d WHERE d.series_id = se.series_id AND d.hour = r.hour)
               AND NOT EXISTS (SELECT FROM rollup_dirty d WHERE d.series_id IS NULL AND d.hour = r.hour)))
    UNION ALL
    SELECT a.*
    FROM (
        SELECT greatest(se.raw_from, CASE WHEN NOT st.is_marked THEN st.rolled_until END, '-infinity') AS lower,
               timestamptz 'infinity' AS upper
        UNION ALL
        SELECT marked.hour, marked.hour + interval '1 hour'
        FROM (
            SELECT d.hour FROM rollup_dirty d WHERE d.series_id = se.series_id
            UNION
            SELECT d.hour FROM rollup_dirty d WHERE d.series_id IS NULL
        ) marked
        WHERE marked.hour < st.rolled_until AND marked.hour >= coalesce(se.raw_from, '-infinity') AND NOT st.is_marked
    ) piece
    CROSS JOIN LATERAL (
        SELECT date_trunc('hour', r.time, 'UTC') AS hour,
               count(*) FILTER (WHERE r.flags & st.excluding = 0) AS n,
               count(*) AS n_all,
               sum(r.value) FILTER (WHERE r.flags & st.excluding = 0) AS sum,
               min(r.value) FILTER (WHERE r.flags & st.excluding = 0) AS min,
               max(r.value) FILTER (WHERE r.flags & st.excluding = 0) AS max
        FROM reading r
        WHERE r.series_id = se.series_id AND r.time >= piece.lower AND r.time < piece.upper
        GROUP BY 1
    ) a
) h;

-- Which share of the readings that some series should have within a time counts, as the API tells it (api/aggregate/expected.py):
-- the mean over series. Of several devices there at once the slowest counts, and of an interval that is not over nothing. Null: none
-- was due. Where nothing is rolled up, an open start is that of the time asked for: whoever asks has readings of it.
CREATE FUNCTION capture_of(of_series int4[], counted int8[], since timestamptz, until timestamptz) RETURNS float8
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH there AS ( -- who was there as in stays_of_series (0027), which would be planned anew for every row of a view
        SELECT se.series_id, coalesce(CASE WHEN p.key = 'generic' THEN ds.expected_interval_s END, p.expected_interval_s) AS interval_s,
               position('"' || m.key || '"' IN p.definition) > 0 AS names_metric,
               greatest(capture_of.since, CASE WHEN isfinite(lower(dep.during)) THEN lower(dep.during)
                                               ELSE (SELECT min(hour) FROM rollup_hour h WHERE h.series_id = se.series_id) END) AS begins,
               least(upper(dep.during), capture_of.until, now()) AS ends
        FROM series se
        JOIN metric m USING (metric_id)
        JOIN deployment dep USING (site_id, channel)
        JOIN device d USING (device_id)
        JOIN device_profile p USING (profile_id)
        LEFT JOIN device_state ds USING (device_id)
        WHERE se.series_id = ANY (of_series) AND dep.during && tstzrange(capture_of.since, capture_of.until) AND p.key <> 'historical'
    ), stay AS (
        SELECT series_id, interval_s, begins, ends
        FROM (SELECT *, bool_or(names_metric) OVER (PARTITION BY series_id) AS is_named FROM there) t
        WHERE (names_metric OR is_named IS NOT TRUE) AND begins < ends
    ), piece AS (
        SELECT series_id, edge AS begins, lead(edge) OVER (PARTITION BY series_id ORDER BY edge) AS ends
        FROM (SELECT series_id, begins AS edge FROM stay UNION SELECT series_id, ends FROM stay) edges
    ), paced AS (
        SELECT p.series_id, extract(epoch FROM p.ends - p.begins)::float8 / nullif(max(s.interval_s), 0) AS n
        FROM piece p
        JOIN stay s ON s.series_id = p.series_id AND s.begins <= p.begins AND s.ends >= p.ends
        GROUP BY p.series_id, p.begins, p.ends
    ), expected AS (
        SELECT series_id, floor(sum(n) + 0.05) AS n FROM paced GROUP BY series_id
    )
    SELECT avg(least(1, c.n / e.n)) FROM expected e JOIN unnest(of_series, counted) AS c (series_id, n) USING (series_id) WHERE e.n >= 1
$$;
REVOKE EXECUTE ON FUNCTION capture_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION capture_of TO hedgerow_reader;

-- Of each domain a row a site (and channel) and hour, with a column for each main metric: its mean, or sum where it is a count.
-- A column that nobody asks for costs nothing.
CREATE VIEW air_quality_hourly AS
SELECT time, site, place, channel,
       max(mean) FILTER (WHERE metric = 'no2') AS no2,
       max(mean) FILTER (WHERE metric = 'o3') AS o3,
       max(mean) FILTER (WHERE metric = 'so2') AS so2,
       max(mean) FILTER (WHERE metric = 'co') AS co,
       max(mean) FILTER (WHERE metric = 'nh3') AS nh3,
       max(mean) FILTER (WHERE metric = 'pm1') AS pm1,
       max(mean) FILTER (WHERE metric = 'pm2_5') AS pm2_5,
       max(mean) FILTER (WHERE metric = 'pm10') AS pm10,
       max(mean) FILTER (WHERE metric = 'air_temperature') AS air_temperature,
       max(mean) FILTER (WHERE metric = 'relative_humidity') AS relative_humidity,
       sum(n)::int8 AS n, sum(n_all)::int8 AS n_all,
       capture_of(array_agg(series_id), array_agg(n), time, time + interval '1 hour') AS data_capture
FROM metric_hour
WHERE metric IN ('no2', 'o3', 'so2', 'co', 'nh3', 'pm1', 'pm2_5', 'pm10', 'air_temperature', 'relative_humidity')
GROUP BY time, site_id, site, place, channel
HAVING bool_or(domain = 'air_quality');

CREATE VIEW traffic_hourly AS
SELECT time, site, place, channel,
       max(sum) FILTER (WHERE metric = 'vehicle_count') AS vehicle_count,
       max(sum) FILTER (WHERE metric = 'vehicle_count_cycle') AS vehicle_count_cycle,
       max(sum) FILTER (WHERE metric = 'pedestrian_count') AS pedestrian_count,
       max(mean) FILTER (WHERE metric = 'speed_mean_time') AS speed_mean_time,
       max(mean) FILTER (WHERE metric = 'speed_p85') AS speed_p85,
       max(mean) FILTER (WHERE metric = 'occupancy') AS occupancy,
       sum(n)::int8 AS n, sum(n_all)::int8 AS n_all,
       capture_of(array_agg(series_id), array_agg(n), time, time + interval '1 hour') AS data_capture
FROM metric_hour
WHERE metric IN ('vehicle_count', 'vehicle_count_cycle', 'pedestrian_count', 'speed_mean_time', 'speed_p85', 'occupancy')
GROUP BY time, site_id, site, place, channel;

CREATE VIEW asset_hourly AS
SELECT time, site, place, channel,
       max(mean) FILTER (WHERE metric = 'fill_level') AS fill_level,
       max(mean) FILTER (WHERE metric = 'silt_depth') AS silt_depth,
       max(mean) FILTER (WHERE metric = 'salt_stock') AS salt_stock,
       max(mean) FILTER (WHERE metric = 'water_level') AS water_level,
       max(mean) FILTER (WHERE metric = 'water_flow') AS water_flow,
       max(mean) FILTER (WHERE metric = 'water_temperature') AS water_temperature,
       max(mean) FILTER (WHERE metric = 'soil_moisture_vwc') AS soil_moisture_vwc,
       max(mean) FILTER (WHERE metric = 'tilt_delta') AS tilt_delta,
       max(mean) FILTER (WHERE metric = 'road_surface_temperature') AS road_surface_temperature,
       max(mean) FILTER (WHERE metric = 'battery_level') AS battery_level,
       max(mean) FILTER (WHERE metric = 'battery_voltage') AS battery_voltage,
       sum(n)::int8 AS n, sum(n_all)::int8 AS n_all,
       capture_of(array_agg(series_id), array_agg(n), time, time + interval '1 hour') AS data_capture
FROM metric_hour
WHERE metric IN ('fill_level', 'silt_depth', 'salt_stock', 'water_level', 'water_flow', 'water_temperature', 'soil_moisture_vwc',
                 'tilt_delta', 'road_surface_temperature', 'battery_level', 'battery_voltage')
GROUP BY time, site_id, site, place, channel
HAVING bool_or(domain <> 'power');

-- The view looks with the eyes of whoever asks, who has none of his own here: the owner lends his.
CREATE FUNCTION site_states() RETURNS SETOF site_state
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT * FROM site_state $$;
REVOKE EXECUTE ON FUNCTION site_states FROM PUBLIC;
GRANT EXECUTE ON FUNCTION site_states TO hedgerow_reader;

-- What of the readings that were due in the last 24 whole hours counts, by site: the mean over its series, but for those that tell
-- of the sensor itself. Gathered first, for all sites at once: looked up one by one it takes three times as long.
CREATE VIEW site_capture AS
WITH day AS MATERIALIZED (
    SELECT date_trunc('hour', now(), 'UTC') - interval '24 hours' AS begins, date_trunc('hour', now(), 'UTC') AS ends
), counted AS MATERIALIZED (
    SELECT h.series_id, sum(h.n)::int8 AS n FROM metric_hour h
    WHERE h.time >= (SELECT begins FROM day) AND h.time < (SELECT ends FROM day)
    GROUP BY h.series_id
)
SELECT se.site_id, capture_of(array_agg(se.series_id), array_agg(coalesce(counted.n, 0)), day.begins, day.ends) AS data_capture
FROM day
CROSS JOIN series se
JOIN metric m USING (metric_id)
JOIN latest l USING (series_id)
LEFT JOIN counted USING (series_id)
WHERE m.domain NOT IN ('radio', 'power', 'device', 'location')
GROUP BY se.site_id, day.begins, day.ends;

-- How well each site reports now; where it is; its last reading of the metric that tells most; what came of the last 24 hours.
CREATE VIEW site_status AS
SELECT s.code AS site, s.name AS site_name, coalesce(s.domain, 'mixed') AS domain, s.latitude, s.longitude, st.state, st.since,
       st.last_received_at, main.metric, main.value, main.unit, main.time AS last_reading_at, c.data_capture AS data_capture_day
FROM site s
JOIN site_states() st USING (site_id)
LEFT JOIN site_capture c USING (site_id)
LEFT JOIN LATERAL (
    SELECT m.key AS metric, l.value, m.unit, l.time
    FROM series se
    JOIN latest l USING (series_id)
    JOIN metric m USING (metric_id)
    WHERE se.site_id = s.site_id
    ORDER BY m.domain IN ('radio', 'power', 'device', 'location'), m.domain IS DISTINCT FROM s.domain, m.metric_id, se.channel
    LIMIT 1
) main ON true;

-- How each device is: power, radio, silence; the radio figures of the last 24 hours.
CREATE VIEW device_health AS
SELECT v.uid AS device, v.name AS device_name, p.name AS profile, s.code AS site, s.name AS site_name,
       coalesce(ds.state, 'waiting') AS state, ds.since, a.last_received_at,
       extract(epoch FROM now() - a.last_received_at)::float8 AS silent_s,
       coalesce(ds.expected_interval_s, p.expected_interval_s)::float8 AS expected_interval_s,
       a.messages, power.battery_level, power.battery_voltage, ds.loss, radio.rssi, radio.snr, radio.spreading_factor,
       radio.airtime_s, radio.uplinks, nullif(a.gateway, '') AS gateway
FROM device v
JOIN device_profile p USING (profile_id)
LEFT JOIN deployment d ON d.device_id = v.device_id AND d.during @> now()
LEFT JOIN site s USING (site_id)
LEFT JOIN device_state ds ON ds.device_id = v.device_id
LEFT JOIN device_arrival a ON a.device_id = v.device_id
LEFT JOIN LATERAL (
    SELECT max(l.value) FILTER (WHERE m.key = 'battery_level') AS battery_level,
           max(l.value) FILTER (WHERE m.key = 'battery_voltage') AS battery_voltage
    FROM series se
    JOIN metric m USING (metric_id)
    JOIN latest l USING (series_id)
    WHERE se.site_id = d.site_id AND se.channel = d.channel AND m.key IN ('battery_level', 'battery_voltage')
) power ON true
LEFT JOIN LATERAL (
    SELECT avg(r.rssi) AS rssi, avg(r.snr) AS snr, max(r.spreading_factor) AS spreading_factor, sum(r.airtime)::float8 AS airtime_s,
           nullif(count(*), 0) AS uplinks
    FROM uplink_radio r
    WHERE r.device_id = v.device_id AND r.received_at > now() - interval '24 hours'
) radio ON true
WHERE v.retired_at IS NULL;

-- What charts mark: what was done to sensors, maintenance, what the watch over silence or a network server complained of.
-- Who did it, and what they wrote, is not told.
CREATE VIEW site_annotation AS
SELECT a.at AS time, NULL::timestamptz AS time_end, s.code AS site, s.name AS site_name,
       CASE a.kind
           WHEN 'swap' THEN 'Sensor swapped: ' || coalesce(old.name, '?') || ' for ' || v.name
           WHEN 'move' THEN 'Sensor moved ' || CASE WHEN s.site_id = a.site_id THEN 'here: ' ELSE 'away: ' END || v.name
           WHEN 'install' THEN 'Sensor installed: ' || v.name
           WHEN 'co-locate' THEN 'Sensor set beside another: ' || v.name
           WHEN 'recall' THEN 'Sensor taken back to the store: ' || v.name
           ELSE 'Sensor retired: ' || v.name
       END AS text,
       a.kind AS tags
FROM registry_action a
JOIN site s ON s.site_id IN (a.site_id, a.old_site_id)
JOIN device v ON v.device_id = a.device_id
LEFT JOIN device old ON old.device_id = a.old_device_id
UNION ALL
SELECT lower(w.during), nullif(upper(w.during), 'infinity'), s.code, s.name, 'Maintenance', 'maintenance'
FROM maintenance_window w
JOIN site s USING (site_id)
UNION ALL
SELECT e.time, NULL, s.code, s.name, e.kind || coalesce(': ' || nullif(e.detail, ''), ''), 'alarm,' || lower(e.level)
FROM device_event e
JOIN deployment d ON d.device_id = e.device_id AND d.during @> e.time
JOIN site s USING (site_id)
WHERE e.level <> 'INFO';

CREATE VIEW quarantine_by_reason AS
SELECT reason, count(*) AS rows, count(*) FILTER (WHERE replayed_at IS NULL AND dismissed_at IS NULL) AS waiting,
       min(received_at) AS first_received_at, max(received_at) AS last_received_at
FROM quarantine
GROUP BY reason;

-- When what was quarantined came, without what it says.
CREATE VIEW quarantine_arrival AS SELECT received_at AS time, reason FROM quarantine;

CREATE VIEW ingest_by_minute AS
SELECT minute AS time, worker, messages, readings_stored, lag_ms, queue_messages, sessions_lost, broker_dropped
FROM ingest_minute;

-- As in 0006, and the kind of the metric: not every statistic says something of every kind.
CREATE OR REPLACE VIEW site_latest AS
SELECT l.time, s.code AS site, s.name AS site_name, s.latitude, s.longitude, m.domain, m.key AS metric, m.unit,
       se.channel, l.value, l.flags, m.kind
FROM latest l
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id);

-- As in 0006, and what becomes of each worker: a retired one is silent for ever, which is no fault. And for how long, when it last
-- spoke, the oldest message had waited to be stored.
CREATE OR REPLACE VIEW ingest_health AS
SELECT i.worker, i.started_at, i.updated_at, i.messages, i.messages_redelivered, i.messages_quarantined, i.messages_held, i.readings,
       i.readings_stored, i.readings_duplicate, i.readings_conflicting, i.readings_quarantined, i.connected, i.connections,
       i.sessions_lost, i.queue_messages, i.lag_ms, now() - i.updated_at AS silent_for,
       (SELECT count(*) FROM quarantine) AS quarantine_rows, (SELECT count(*) FROM held) AS held_rows, i.state,
       i.updated_at - i.stored_until AS waiting_for
FROM ingest_status i;

-- The path in the order of its steps: figures of all workers together.
CREATE VIEW ingest_path AS
WITH worker AS (
    SELECT sum(messages) AS messages, sum(messages_redelivered) AS redelivered, sum(messages_held) AS held,
           sum(messages_quarantined) AS messages_quarantined, sum(readings) AS readings, sum(readings_quarantined) AS readings_quarantined,
           sum(readings_stored) AS stored, sum(readings_duplicate) AS duplicate, sum(queue_messages) AS queue,
           sum(sessions_lost) AS sessions_lost, max(broker_dropped) AS broker_dropped,
           max(lag_ms) FILTER (WHERE state <> 'retired') / 1000 AS lag_s,
           max(extract(epoch FROM now() - updated_at)) FILTER (WHERE state = 'working') AS silent_s
    FROM ingest_status
)
SELECT step.*
FROM worker w
CROSS JOIN rollup_state r
CROSS JOIN LATERAL (VALUES
    (1, 'broker dropped', w.broker_dropped::float8, 'messages'),
    (2, 'session lost', w.sessions_lost::float8, 'times'),
    (3, 'received', w.messages::float8, 'messages'),
    (4, 'delivered again', w.redelivered::float8, 'messages'),
    (5, 'waiting', w.queue::float8, 'messages'),
    (6, 'held', w.held::float8, 'messages'),
    (7, 'quarantined whole', w.messages_quarantined::float8, 'messages'),
    (8, 'decoded', w.readings::float8, 'readings'),
    (9, 'quarantined', w.readings_quarantined::float8, 'readings'),
    (10, 'duplicate', w.duplicate::float8, 'readings'),
    (11, 'stored', w.stored::float8, 'readings'),
    (12, 'lag', w.lag_s::float8, 's'),
    (13, 'ingest silent', w.silent_s::float8, 's'),
    (14, 'rollup lag', extract(epoch FROM now() - r.rolled_until)::float8, 's'),
    (15, 'rollup marks', (SELECT count(*) FROM rollup_dirty)::float8, 'marks')
) AS step (position, step, value, unit);

-- How much room things take. Chunks and partitions count with their table; what lies in none of them stands as the rest.
CREATE VIEW storage AS
WITH part AS (
    SELECT c.relname::text AS name,
           pg_total_relation_size(c.oid) + coalesce((SELECT sum(pg_total_relation_size(i.inhrelid)) FROM pg_inherits i
                                                     WHERE i.inhparent = c.oid), 0) AS bytes
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
)
SELECT name, bytes::int8 AS bytes FROM part
UNION ALL
SELECT 'the rest', greatest(0, pg_database_size(current_database()) - sum(bytes))::int8 FROM part;

GRANT SELECT ON air_quality_hourly, traffic_hourly, asset_hourly, site_status, device_health, site_annotation, quarantine_by_reason,
    quarantine_arrival, ingest_by_minute, ingest_path, storage TO hedgerow_reader;

-- Where people reach the console, for links; deploy/grafana_access.sql puts the real address in its place.
CREATE VIEW console_address AS SELECT 'http://127.0.0.1:8080'::text AS address;
GRANT SELECT ON console_address TO hedgerow_reader;

-- Views see all areas: the application, which also speaks for people limited to some, reads none of them.
REVOKE ALL ON metric_hour, air_quality_hourly, traffic_hourly, asset_hourly, site_capture, site_status, device_health, site_annotation,
    quarantine_by_reason, quarantine_arrival, ingest_by_minute, ingest_path, storage, console_address FROM hedgerow_app;

-- Who reads calls nothing that holds, makes or removes. Advisory locks are the superuser's to take away from everybody
-- (deploy/timescaledb/200_locks.sql); where we may hand them on, the application keeps them.
REVOKE EXECUTE ON FUNCTION hold_registry, hold_closed_hours, ensure_partition, drop_partition, use_columnstore, roll_pieces, make_days,
    forget_rows, count_old_rows FROM PUBLIC;
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_(xact_)?lock'
          AND has_function_privilege(oid, 'EXECUTE WITH GRANT OPTION')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hedgerow_app', one);
    END LOOP;
END $$;
