-- name: claim_worker
-- One process at a time is a worker: it holds this lock as long as its connection lasts.
SELECT pg_try_advisory_lock(hashtext('hedgerow worker'), hashtext(%(worker)s::text));

-- name: end_leftovers
-- Ends what a dead process of this worker has left running, a COMMIT perhaps: what it stored is certain from here on.
SELECT pg_terminate_backend(pid, 5000)
FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
  AND (application_name = left(%(name)s::text, 63) OR starts_with(application_name, %(name)s::text || ' '));

-- name: start_worker
-- A worker's row of counters; they go on from where they were.
INSERT INTO ingest_status (worker, state) VALUES (%(worker)s, %(state)s)
ON CONFLICT (worker) DO UPDATE SET
    started_at = now(), updated_at = now(), connected = false, stored_until = NULL, state = excluded.state,
    restarts = ingest_status.restarts + %(restarted)s::boolean::int;

-- name: announce_worker
-- A worker has a session at the broker from here on, whatever becomes of us: a later start knows that somebody must empty it.
INSERT INTO ingest_status (worker, state) VALUES (%(worker)s, 'working')
ON CONFLICT (worker) DO UPDATE SET state = excluded.state WHERE ingest_status.state = 'retired';

-- name: wait_for_own_commit
-- Waits until a transaction of this worker whose answer was lost has ended: it moved the counters last.
SELECT FROM ingest_status WHERE worker = %(worker)s FOR UPDATE;

-- name: count_identity_conflict
-- Another process is this worker; there may be no row yet, or it is the other's.
UPDATE ingest_status SET identity_conflicts = identity_conflicts + 1 WHERE worker = %(worker)s;

-- name: list_worker_names
-- Workers that have a session at a broker, as far as this database knows.
SELECT worker FROM ingest_status WHERE state <> 'retired' ORDER BY worker;

-- name: retire_worker
-- Its session at the broker is ended: nothing can come again, so there is nothing to recognise.
WITH forgotten AS (DELETE FROM delivery WHERE worker = %(worker)s)
UPDATE ingest_status SET state = 'retired', connected = false, queue_messages = 0, updated_at = now() WHERE worker = %(worker)s;
