-- name: page_of_quarantine
-- What could not be stored, newest first, from the one before `after` on.
SELECT quarantine_id AS id, received_at, device_uid AS device, topic, payload, reason, detail, replayed_at, replay_result,
       dismissed_at, dismissed_by, dismissed_note
FROM quarantine
WHERE (%(after)s::int8 IS NULL OR quarantine_id < %(after)s::int8)
  AND (%(reason)s::text IS NULL OR reason = %(reason)s::text)
  AND (%(device)s::text IS NULL OR device_uid = %(device)s::text)
  AND (%(start)s::timestamptz IS NULL OR received_at >= %(start)s::timestamptz)
  AND (%(end)s::timestamptz IS NULL OR received_at < %(end)s::timestamptz)
  AND (%(state)s::text IS NULL OR %(state)s::text = CASE WHEN replayed_at IS NOT NULL THEN 'replayed'
                                                          WHEN dismissed_at IS NOT NULL THEN 'dismissed' ELSE 'waiting' END)
ORDER BY quarantine_id DESC
LIMIT %(limit)s::int8 + 1;

-- name: find_quarantined
-- One row of quarantine, with the payload of its message where it has none of its own.
SELECT q.quarantine_id AS id, q.received_at, q.item, q.device_uid AS device, q.topic,
       CASE WHEN q.payload <> '' THEN q.payload
            ELSE coalesce((SELECT w.payload FROM quarantine w WHERE w.received_at = q.received_at AND w.digest = q.digest
                           ORDER BY length(w.payload) DESC LIMIT 1), '') END AS payload,
       q.digest, q.reason, q.detail, q.replayed_at, q.replay_result, q.dismissed_at, q.dismissed_by, q.dismissed_note,
       (SELECT p.key FROM device d JOIN device_profile p USING (profile_id) WHERE d.uid = q.device_uid) AS profile
FROM quarantine q
WHERE q.quarantine_id = %(id)s::int8;

-- name: count_quarantine_by_reason
-- How much stands in quarantine for which reason, most that waits first.
SELECT reason, count(*) AS count, count(*) FILTER (WHERE replayed_at IS NULL AND dismissed_at IS NULL) AS waiting,
       min(received_at) AS first_received_at, max(received_at) AS last_received_at
FROM quarantine
GROUP BY reason
ORDER BY waiting DESC, count DESC, reason;

-- name: dismiss_quarantined
-- Sets aside for good what waits: one row, or the newest ones that fit.
UPDATE quarantine SET dismissed_at = now(), dismissed_by = %(person)s::text, dismissed_note = %(note)s::text
WHERE quarantine_id IN (
    SELECT quarantine_id FROM quarantine
    WHERE replayed_at IS NULL AND dismissed_at IS NULL
      AND (%(id)s::int8 IS NULL OR quarantine_id = %(id)s::int8)
      AND (%(reason)s::text IS NULL OR reason = %(reason)s::text)
      AND (%(device)s::text IS NULL OR device_uid = %(device)s::text)
      AND (%(start)s::timestamptz IS NULL OR received_at >= %(start)s::timestamptz)
      AND (%(end)s::timestamptz IS NULL OR received_at < %(end)s::timestamptz)
    ORDER BY quarantine_id DESC
    LIMIT %(limit)s::int8
)
RETURNING quarantine_id AS id;

-- name: restore_quarantined
-- Takes back that a row was set aside for good.
UPDATE quarantine SET dismissed_at = NULL, dismissed_by = NULL, dismissed_note = NULL
WHERE quarantine_id = %(id)s::int8 AND dismissed_at IS NOT NULL
RETURNING quarantine_id AS id;
