-- name: lead_errands
-- Whether there is an errand to do and we are the one worker that sees to them; we lead as long as the connection lasts.
SELECT CASE WHEN EXISTS (SELECT FROM errand WHERE state IN ('requested', 'running'))
            THEN pg_try_advisory_lock(hashtext('hedgerow errands')) ELSE false END;

-- name: lock_errands
-- One process at a time does errands; the lock lasts as long as the connection.
SELECT pg_try_advisory_lock(hashtext('hedgerow errand'));

-- name: take_errand
-- The oldest errand that is not done, begun once more: what is running already was left behind by a process that died.
UPDATE errand SET state = 'running', tries = tries + 1, started_at = now(), progress = 0, counts = NULL, examples = NULL
WHERE errand_id = (
    SELECT errand_id FROM errand WHERE state IN ('requested', 'running') ORDER BY errand_id LIMIT 1 FOR UPDATE
)
RETURNING errand_id, kind, profile, quarantine_id, reason, newest, device_uid, from_at, to_at, remove, dry_run, tries;

-- name: note_errand
-- How far an errand is.
UPDATE errand SET progress = %(progress)s, counts = %(counts)s WHERE errand_id = %(errand_id)s;

-- name: finish_errand
-- What came of an errand.
UPDATE errand
SET state = 'done', finished_at = now(), progress = 1, counts = %(counts)s, examples = %(examples)s, run_id = %(run_id)s
WHERE errand_id = %(errand_id)s;

-- name: fail_errand
-- Why an errand could not be done.
UPDATE errand SET state = 'failed', finished_at = now(), error = %(error)s WHERE errand_id = %(errand_id)s;

-- name: list_replayable
-- What of quarantine is to be replayed, oldest first, from the one after `after` on, up to a count and a number of payload bytes;
-- a row without a payload of its own is told by the largest one of its message.
SELECT quarantine_id, received_us, digest, item, device_uid, topic, payload, is_borrowed FROM (
    SELECT *, sum(length(payload)) OVER (ORDER BY quarantine_id) - length(payload) AS bytes_before FROM (
        SELECT q.quarantine_id, (extract(epoch FROM q.received_at) * 1000000)::int8 AS received_us, q.digest, q.item, q.device_uid,
               q.topic, q.payload = '' AS is_borrowed,
               CASE WHEN q.payload <> '' THEN q.payload
                    ELSE coalesce((SELECT w.payload FROM quarantine w WHERE w.received_at = q.received_at AND w.digest = q.digest
                                   ORDER BY length(w.payload) DESC LIMIT 1), '') END AS payload
        FROM quarantine q
        WHERE q.quarantine_id > %(after)s AND q.quarantine_id <= %(newest)s
          AND q.replayed_at IS NULL AND q.dismissed_at IS NULL
          AND (%(quarantine_id)s::int8 IS NULL OR q.quarantine_id = %(quarantine_id)s::int8)
          AND (%(reason)s::text IS NULL OR q.reason = %(reason)s::text)
          AND (%(device_uid)s::text IS NULL OR q.device_uid = %(device_uid)s::text)
          AND (%(from_at)s::timestamptz IS NULL OR q.received_at >= %(from_at)s::timestamptz)
          AND (%(to_at)s::timestamptz IS NULL OR q.received_at < %(to_at)s::timestamptz)
        ORDER BY q.quarantine_id
        LIMIT %(most)s
    ) first_ones
) replayable
WHERE bytes_before < %(most_bytes)s
ORDER BY quarantine_id;

-- name: mark_replayed
-- What became of rows of quarantine when they were replayed; only what was stored is done with.
UPDATE quarantine q
SET replayed_at = CASE WHEN found.is_stored THEN now() END, replay_result = found.result, reason = coalesce(found.reason, q.reason),
    detail = coalesce(found.detail, q.detail)
FROM unnest(%(ids)s::int8[], %(are_stored)s::bool[], %(results)s::text[], %(reasons)s::text[], %(details)s::text[])
    AS found (id, is_stored, result, reason, detail)
WHERE q.quarantine_id = found.id AND q.replayed_at IS NULL;

-- name: put_errand_back
-- Lets an errand wait that could not begin.
UPDATE errand SET state = 'requested', tries = tries - 1, started_at = NULL WHERE errand_id = %(errand_id)s;

-- name: ask_redecode
-- Asks ingest to decode messages again.
INSERT INTO errand (kind, profile, device_uid, from_at, to_at, remove, dry_run, requested_by)
VALUES ('redecode', %(profile)s::text, %(device)s::text, %(start)s::timestamptz, %(end)s::timestamptz, %(remove)s::bool,
        %(dry_run)s::bool, %(person)s::text)
RETURNING errand_id AS id;

-- name: ask_replay
-- Asks ingest to replay what waits in quarantine by now.
INSERT INTO errand (kind, quarantine_id, reason, device_uid, from_at, to_at, newest, requested_by)
SELECT 'replay', %(id)s::int8, %(reason)s::text, %(device)s::text, %(start)s::timestamptz, %(end)s::timestamptz,
       coalesce(max(quarantine_id), 0), %(person)s::text
FROM quarantine
RETURNING errand_id AS id;

-- name: page_of_errands
-- What was asked of ingest, the last ones first, from the one before `after` on.
SELECT e.errand_id AS id, e.kind, e.profile, e.quarantine_id AS quarantined, e.reason, e.device_uid AS device,
       e.from_at AS "from", e.to_at AS "to", e.remove, e.dry_run, e.requested_by, e.requested_at, e.state, e.started_at,
       e.finished_at, e.progress, e.counts, e.examples, e.run_id AS run, e.error,
       (SELECT count(*) FROM errand b WHERE b.state IN ('requested', 'running') AND b.errand_id < e.errand_id) AS before
FROM errand e
WHERE (%(id)s::int8 IS NULL OR e.errand_id = %(id)s::int8)
  AND e.kind = %(kind)s::text
  AND (%(profile)s::text IS NULL OR e.profile = %(profile)s::text)
  AND (%(after)s::int8 IS NULL OR e.errand_id < %(after)s::int8)
ORDER BY e.errand_id DESC
LIMIT %(limit)s::int8 + 1;
