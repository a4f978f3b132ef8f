-- name: list_device_credentials
-- What a device was given to come in at the broker with, the newest first.
SELECT c.credential_id AS id, c.kind, c.username, c.is_gateway, c.issued_at, c.issued_by, c.revoked_at, c.revoked_by,
       c.withdrawn_at, c.trouble,
       extract(epoch FROM c.withdrawn_at - c.revoked_at)::float8 AS cut_within_s
FROM device_credential c
JOIN device d USING (device_id)
WHERE d.uid = %(uid)s::text AND (%(id)s::int4 IS NULL OR c.credential_id = %(id)s::int4)
ORDER BY c.credential_id DESC;

-- name: lock_device_for_credential
-- A device while it is given a credential: nobody retires it meanwhile.
SELECT device_id, retired_at IS NOT NULL AS is_retired FROM device WHERE uid = %(uid)s::text FOR SHARE;

-- name: find_credential_in_force
-- Whose credential it is that a name at the broker belongs to.
SELECT d.uid FROM device_credential c JOIN device d USING (device_id)
WHERE c.username = %(username)s::text AND c.revoked_at IS NULL;

-- name: add_device_credential
-- A credential in force.
INSERT INTO device_credential (device_id, kind, username, is_gateway, issued_by)
VALUES (%(device_id)s::int4, %(kind)s::text, %(username)s::text, %(is_gateway)s::bool, %(person)s::text)
RETURNING credential_id;

-- name: revoke_device_credential
-- Ends a credential; one that has ended stays as it is.
UPDATE device_credential c SET revoked_at = clock_timestamp(), revoked_by = %(person)s::text
FROM device d
WHERE d.device_id = c.device_id AND d.uid = %(uid)s::text AND c.credential_id = %(id)s::int4 AND c.revoked_at IS NULL;

-- name: list_credentials_in_force
-- Everyone whom the broker should let in as a device.
SELECT c.username, d.uid, c.is_gateway, c.kind = 'password' AS has_password
FROM device_credential c JOIN device d USING (device_id)
WHERE c.revoked_at IS NULL;

-- name: has_credentials
-- Whether any device was ever given a credential.
SELECT EXISTS (SELECT FROM device_credential);

-- name: list_credentials_to_withdraw
-- Names at the broker that have ended, and of which the broker does not know it yet.
SELECT DISTINCT username FROM device_credential WHERE revoked_at IS NOT NULL AND withdrawn_at IS NULL;

-- name: mark_credentials_replaced
-- Whoever is given a name takes it from whom the broker knew by it before.
UPDATE device_credential old SET withdrawn_at = clock_timestamp(), trouble = ''
WHERE revoked_at IS NOT NULL AND withdrawn_at IS NULL
  AND EXISTS (SELECT FROM device_credential new WHERE new.username = old.username AND new.revoked_at IS NULL);

-- name: mark_credentials_withdrawn
-- The broker lets these in no more.
UPDATE device_credential SET withdrawn_at = clock_timestamp(), trouble = ''
WHERE username = ANY(%(usernames)s::text[]) AND revoked_at IS NOT NULL AND withdrawn_at IS NULL;

-- name: note_vain_withdrawal
-- The broker could not be told of ends.
UPDATE device_credential SET attempts = attempts + 1, trouble = %(trouble)s::text
WHERE revoked_at IS NOT NULL AND withdrawn_at IS NULL;

-- name: note_lost_credentials
-- The broker has forgotten the passwords of these; of all others in force it has not.
UPDATE device_credential
SET trouble = CASE WHEN username = ANY(%(usernames)s::text[]) THEN %(trouble)s::text ELSE '' END
WHERE revoked_at IS NULL
  AND trouble IS DISTINCT FROM CASE WHEN username = ANY(%(usernames)s::text[]) THEN %(trouble)s::text ELSE '' END;

-- name: lock_credentials_until_commit
-- One at a time compares credentials with the broker, or adds one.
SELECT pg_advisory_xact_lock(hashtext('hedgerow credentials'));

-- name: lock_credentials
-- The same for longer than a transaction.
SELECT pg_advisory_lock(hashtext('hedgerow credentials'));

-- name: unlock_credentials
-- Lets the next one.
SELECT pg_advisory_unlock(hashtext('hedgerow credentials'));
