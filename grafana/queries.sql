-- Queries of the dashboards, over the views of migrations 0006 and 0028. Words in braces are filled in when the dashboards are
-- built; $site and the $__ macros when Grafana asks. ARRAY[$site] also holds where no site is there to choose. date_bin and no
-- $__timeGroup: it is there without TimescaleDB too.

-- name: choose_sites
-- The sites that have measured any of the dashboard's metrics.
SELECT DISTINCT site_name AS __text, site AS __value
FROM site_latest
WHERE metric = ANY({metrics}::text[])
ORDER BY 1

-- name: choose_site
-- Every site that has ever sent a reading.
SELECT DISTINCT site_name AS __text, site AS __value
FROM site_latest
ORDER BY 1

-- name: choose_metric
-- Everything the chosen site measures, with its unit, but states, which have no mean; what tells of the sensor itself comes last.
SELECT metric || ' [' || unit || ']' AS __text, metric AS __value
FROM site_latest
WHERE site = ${{site:sqlstring}} AND kind <> 'state'
GROUP BY metric, unit, domain
ORDER BY domain IN ('radio', 'power', 'device', 'location'), 1

-- name: console_address
-- Where the console is.
SELECT address FROM console_address

-- name: mean_of_hours
-- Means of hours, a line a place; of several hours where the interval is longer.
SELECT date_bin('$__interval', time, '1970-01-01T00:00:00Z') AS time, site, place, avg({metric}) AS value
FROM {view}
WHERE $__timeFilter(time) AND site = ANY(ARRAY[$site]::text[]) AND {metric} IS NOT NULL
GROUP BY 1, site, place
ORDER BY 1

-- name: sum_of_hours
-- Sums of hours, a line a place.
SELECT date_bin('$__interval', time, '1970-01-01T00:00:00Z') AS time, site, place, sum({metric}) AS value
FROM {view}
WHERE $__timeFilter(time) AND site = ANY(ARRAY[$site]::text[]) AND {metric} IS NOT NULL
GROUP BY 1, site, place
ORDER BY 1

-- name: count_sites
-- How many of the chosen sites have readings.
SELECT count(DISTINCT site) AS sites
FROM {view}
WHERE $__timeFilter(time) AND site = ANY(ARRAY[$site]::text[])

-- name: share_set_aside
-- The share of readings that statistics leave out.
SELECT coalesce(1 - sum(n) / nullif(sum(n_all), 0), 0)::float8 AS set_aside
FROM {view}
WHERE $__timeFilter(time) AND site = ANY(ARRAY[$site]::text[])

-- name: newest_hour
-- The last hour with readings [ms since 1970].
SELECT extract(epoch FROM max(time))::float8 * 1000 AS newest
FROM {view}
WHERE $__timeFilter(time) AND site = ANY(ARRAY[$site]::text[])

-- name: capture_of_sites
-- Data capture of the chosen sites in the last 24 whole hours.
SELECT avg(data_capture_day) AS data_capture
FROM site_status
WHERE site = ANY(ARRAY[$site]::text[])

-- name: list_sites_of_domain
-- The chosen sites, what came of them, and how they report.
SELECT s.site_name AS "Site", s.site AS "Code", s.state AS "State", s.last_reading_at AS "Last reading", s.data_capture_day AS "Data capture",
       h.n AS "Readings that count", h.n_all - h.n AS "Set aside"
FROM site_status s
JOIN (
    SELECT site, sum(n) AS n, sum(n_all) AS n_all
    FROM {view}
    WHERE $__timeFilter(time) AND site = ANY(ARRAY[$site]::text[])
    GROUP BY site
) h USING (site)
ORDER BY s.data_capture_day NULLS FIRST, 1

-- name: count_sites_in_state
-- How many sites are in one state.
SELECT count(*) AS sites FROM site_status WHERE state = {state}

-- name: capture_of_county
-- Data capture of all sites in the last 24 whole hours.
SELECT avg(data_capture_day) AS data_capture FROM site_status

-- name: capture_by_domain
-- Data capture of the last 24 whole hours, by what sites are mainly for.
SELECT replace(domain, '_', ' ') AS domain, avg(data_capture_day) AS data_capture
FROM site_status
WHERE data_capture_day IS NOT NULL
GROUP BY domain
ORDER BY domain

-- name: newest_reading
-- When the newest reading of all was measured [ms since 1970], whatever time the dashboard shows.
SELECT extract(epoch FROM max(time))::float8 * 1000 AS newest FROM site_latest

-- name: map_sites
-- Every site that has a position.
SELECT site_name AS "Site", site AS "Code", state AS "State", CASE WHEN state = 'ok' THEN '' ELSE state END AS "Label",
       latitude AS "Latitude", longitude AS "Longitude", replace(domain, '_', ' ') AS "Domain",
       coalesce(round(value::numeric, 2) || ' ' || unit || ' (' || metric || ')', 'nothing yet') AS "Last reading"
FROM site_status
WHERE latitude IS NOT NULL AND longitude IS NOT NULL

-- name: list_alarms
-- What the watch over silence or a network server complained of, newest first; that there is nothing is said too.
WITH alarm AS (
    SELECT time, site_name, site, text FROM site_annotation
    WHERE $__timeFilter(time) AND tags LIKE 'alarm%'
    ORDER BY time DESC
    LIMIT 100
)
SELECT time AS "Time", site_name AS "Site", site AS "Code", text AS "Alarm" FROM alarm
UNION ALL
SELECT NULL, '', '', 'None in the time shown' WHERE NOT EXISTS (SELECT FROM alarm)
ORDER BY 1 DESC

-- name: list_sites
-- Every site: those that need a look first.
SELECT site_name AS "Site", site AS "Code", state AS "State", replace(domain, '_', ' ') AS "Domain", last_received_at AS "Last heard",
       coalesce(metric, '') AS "Metric", value AS "Last value", unit AS "Unit", data_capture_day AS "Data capture, 24 h"
FROM site_status
ORDER BY array_position('{{offline,stale,late,maintenance,waiting,ok,retired}}', state), 1

-- name: site_state
-- How the chosen site reports.
SELECT state FROM site_status WHERE site = ${{site:sqlstring}}

-- name: site_heard
-- When something last came from the chosen site [ms since 1970].
SELECT extract(epoch FROM last_received_at)::float8 * 1000 AS heard FROM site_status WHERE site = ${{site:sqlstring}}

-- name: site_capture
-- Data capture of the chosen site in the last 24 whole hours.
SELECT data_capture_day AS data_capture FROM site_status WHERE site = ${{site:sqlstring}}

-- name: site_devices
-- The sensors at the chosen site.
SELECT device_name AS "Sensor", device AS "Device", profile AS "Profile", state AS "State", since AS "Since",
       last_received_at AS "Last heard", battery_level AS "Battery", battery_voltage AS "Voltage"
FROM device_health
WHERE site = ${{site:sqlstring}}
ORDER BY 1

-- name: site_marks
-- What was done to the sensors of the chosen site.
SELECT time, time_end AS "timeEnd", text, tags
FROM site_annotation
WHERE site = ${{site:sqlstring}} AND tags NOT LIKE 'alarm%'
  AND time <= $__timeTo() AND coalesce(time_end, time) >= $__timeFrom()

-- name: site_alarms
-- What the chosen site's sensors were complained of for.
SELECT time, time_end AS "timeEnd", text, tags
FROM site_annotation
WHERE site = ${{site:sqlstring}} AND tags LIKE 'alarm%' AND $__timeFilter(time)

-- name: site_history
-- The same as a list, whatever time the dashboard shows.
WITH known AS (
    SELECT time, time_end, text, tags FROM site_annotation
    WHERE site = ${{site:sqlstring}}
    ORDER BY time DESC
    LIMIT 100
)
SELECT time AS "Time", time_end AS "Until", text AS "What", tags AS "Kind" FROM known
UNION ALL
SELECT NULL, NULL, 'Nothing yet', '' WHERE NOT EXISTS (SELECT FROM known)
ORDER BY 1 DESC

-- name: devices_by_state
-- How many devices are in which state.
SELECT state, count(*) AS devices FROM device_health GROUP BY state ORDER BY devices DESC

-- name: low_batteries
-- The devices whose batteries have the least left.
SELECT device_name AS device, battery_level FROM device_health
WHERE battery_level IS NOT NULL
ORDER BY battery_level, device
LIMIT 20

-- name: batteries_of_hours
-- Battery level of devices, a line a place.
SELECT date_bin('$__interval', time, '1970-01-01T00:00:00Z') AS time, site, place, avg(battery_level) AS value
FROM asset_hourly
WHERE $__timeFilter(time) AND battery_level IS NOT NULL
GROUP BY 1, site, place
ORDER BY 1

-- name: longest_silences
-- The devices that have been silent for longest, in intervals they were expected to send in.
SELECT device_name AS device, silent_s / expected_interval_s AS intervals FROM device_health
WHERE silent_s IS NOT NULL AND state NOT IN ('retired', 'maintenance')
ORDER BY intervals DESC, device
LIMIT 20

-- name: fleet
-- Every device: those that need a look first.
SELECT device_name AS "Sensor", device AS "Device", site_name AS "Site", site AS "Code", profile AS "Profile", state AS "State",
       silent_s AS "Silent for", expected_interval_s AS "Expected every", battery_level AS "Battery", battery_voltage AS "Voltage"
FROM device_health
ORDER BY array_position('{{offline,stale,late,maintenance,waiting,ok,retired}}', state), silent_s DESC NULLS LAST, 1

-- name: fleet_radio
-- Signal, loss and airtime of the last 24 hours, of every device; empty where no network server says.
SELECT device_name AS "Sensor", site_name AS "Site", site AS "Code", loss AS "Loss", rssi AS "RSSI", snr AS "SNR",
       spreading_factor AS "Spreading factor", airtime_s AS "Airtime", uplinks AS "Uplinks", gateway AS "Gateway"
FROM device_health
ORDER BY loss DESC NULLS LAST, rssi NULLS LAST, 1

-- name: path_figure
-- One figure of the path.
SELECT value FROM ingest_path WHERE step = {step}

-- name: broker_dropped
-- Messages the broker says it has dropped; -1: it does not say.
SELECT coalesce(max(value), -1) AS dropped FROM ingest_path WHERE step = 'broker dropped'

-- name: path_steps
-- The steps of the path in their order.
SELECT step AS "Step", value AS "Count", unit AS "Of" FROM ingest_path WHERE position BETWEEN 1 AND 11 ORDER BY position

-- name: messages_by_minute
-- Messages that came and readings that were stored.
SELECT date_bin('$__interval', time, '1970-01-01T00:00:00Z') AS time, sum(messages) AS "Messages received", sum(readings_stored) AS "Readings stored"
FROM ingest_by_minute
WHERE $__timeFilter(time)
GROUP BY 1
ORDER BY 1

-- name: lag_by_minute
-- The longest time from received to committed [s], a line a worker.
SELECT date_bin('$__interval', time, '1970-01-01T00:00:00Z') AS time, worker AS metric, max(lag_ms) / 1000 AS value
FROM ingest_by_minute
WHERE $__timeFilter(time)
GROUP BY 1, worker
ORDER BY 1

-- name: queue_by_minute
-- The most messages that were received and not acknowledged yet, a line a worker.
SELECT date_bin('$__interval', time, '1970-01-01T00:00:00Z') AS time, worker AS metric, max(queue_messages) AS value
FROM ingest_by_minute
WHERE $__timeFilter(time)
GROUP BY 1, worker
ORDER BY 1

-- name: quarantine_over_time
-- What went to quarantine, by reason; a nought where nothing did.
WITH found AS (
    SELECT date_bin('$__interval', time, '1970-01-01T00:00:00Z') AS time, reason AS metric, count(*) AS value
    FROM quarantine_arrival
    WHERE $__timeFilter(time)
    GROUP BY 1, reason
)
SELECT time, metric, value FROM found
UNION ALL
SELECT $__timeTo()::timestamptz, 'none', 0 WHERE NOT EXISTS (SELECT FROM found)
ORDER BY 1

-- name: quarantine_reasons
-- What stands in quarantine, by reason.
SELECT reason AS "Reason", waiting AS "Waiting", rows AS "In all", last_received_at AS "Last" FROM quarantine_by_reason
UNION ALL
SELECT 'Nothing is there', 0, 0, NULL WHERE NOT EXISTS (SELECT FROM quarantine_by_reason)
ORDER BY 2 DESC, 3 DESC, 1

-- name: workers
-- What each worker of ingest last said of itself.
SELECT worker AS "Worker", CASE WHEN connected THEN 'connected' ELSE 'not connected' END AS "Broker",
       extract(epoch FROM silent_for)::float8 AS "Silent for", messages AS "Messages", messages_redelivered AS "Delivered again",
       readings_stored AS "Stored", readings_duplicate AS "Duplicate", queue_messages AS "Waiting", lag_ms / 1000 AS "Lag",
       sessions_lost AS "Sessions lost"
FROM ingest_health
ORDER BY worker

-- name: database_size
-- What the whole database takes [bytes].
SELECT sum(bytes) AS bytes FROM storage

-- name: biggest_tables
-- What takes the most room [bytes].
SELECT name, bytes FROM storage ORDER BY bytes DESC LIMIT 12
