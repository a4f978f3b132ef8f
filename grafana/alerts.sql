-- What the alert rules ask, over the views of migrations 0006 and 0028: each gives one row, a time and one number.
-- A question that gives no row, or cannot be asked, is a case of its own in grafana/alerts.py.

-- name: workers_stalled
-- Ingest workers that have said nothing for a minute, have no broker, or with which a message has waited to be stored for more than
-- five minutes, which is longer than any lock is waited for; 1 where there is no worker at all.
SELECT now() AS time,
       (count(*) FILTER (WHERE silent_for > interval '1 minute' OR NOT connected OR waiting_for > interval '5 minutes')
        + (count(*) = 0)::int)::float8 AS value
FROM ingest_health
WHERE state <> 'retired'

-- name: lag_of_ingest
-- From received to committed, the longest of the last five minutes, and of what waits still [s].
SELECT now() AS time,
       greatest((SELECT max(lag_ms) / 1000 FROM ingest_by_minute WHERE time > now() - interval '5 minutes'),
                (SELECT extract(epoch FROM max(waiting_for))::float8 FROM ingest_health WHERE state <> 'retired'), 0) AS value

-- name: messages_dropped
-- Messages the broker says it has dropped within the last quarter of an hour.
SELECT now() AS time, coalesce(sum(broker_dropped), 0)::float8 AS value
FROM ingest_by_minute
WHERE time > now() - interval '15 minutes'

-- name: sessions_lost
-- Sessions the broker had forgotten when ingest came back, within the last quarter of an hour.
SELECT now() AS time, coalesce(sum(sessions_lost), 0)::float8 AS value
FROM ingest_by_minute
WHERE time > now() - interval '15 minutes'

-- name: share_quarantined
-- Rows of quarantine in a hundred messages, within the last hour; a handful is no alarm however few messages there are.
SELECT now() AS time,
       CASE WHEN q.rows < 10 THEN 0 ELSE 100.0 * q.rows / greatest(m.messages, q.rows) END::float8 AS value
FROM (SELECT count(*) AS rows FROM quarantine_arrival WHERE time > now() - interval '1 hour') q,
     (SELECT coalesce(sum(messages), 0) AS messages FROM ingest_by_minute WHERE time > now() - interval '1 hour') m

-- name: sites_offline
-- Sites that are offline.
SELECT now() AS time, count(*)::float8 AS value
FROM site_status
WHERE state = 'offline'

-- name: size_of_database
-- How much room the database takes [GB].
SELECT now() AS time, sum(bytes)::float8 / 1e9 AS value
FROM storage
