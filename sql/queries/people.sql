-- name: add_principal
-- A person or program that may ask; a name that is taken gives no row.
INSERT INTO principal (name, role, password_hash)
VALUES (%(name)s::text, %(role)s::text, %(password_hash)s::text)
ON CONFLICT (name) DO NOTHING
RETURNING principal_id;

-- name: add_first_principal
-- The first administrator, only where nobody is known yet.
INSERT INTO principal (name, role, password_hash)
SELECT %(name)s::text, 'admin', %(password_hash)s::text
WHERE NOT EXISTS (SELECT FROM principal)
ON CONFLICT (name) DO NOTHING
RETURNING principal_id;

-- name: add_api_key
-- An API key of a principal; only the hash of its secret is kept.
INSERT INTO api_key (principal_id, label, secret_hash, expires_at)
VALUES (%(principal_id)s::int4, %(label)s::text, %(secret_hash)s::bytea, %(expires_at)s::timestamptz);

-- name: find_person_of_key
-- Whose API key this is, unless it has expired.
SELECT p.principal_id, p.name, p.role
FROM api_key k
JOIN principal p USING (principal_id)
WHERE k.secret_hash = %(secret_hash)s::bytea AND (k.expires_at IS NULL OR k.expires_at > now());

-- name: find_password
-- The principal who logs in under a name, and the hash to hold the password against.
SELECT principal_id, password_hash FROM principal WHERE name = %(name)s::text;

-- name: add_session
-- A login; only the hash of its token is kept.
INSERT INTO session (token_hash, principal_id, expires_at)
VALUES (%(token_hash)s::bytea, %(principal_id)s::int4, now() + %(lasts)s::interval);

-- name: drop_expired_sessions
-- Logins that have run out.
DELETE FROM session WHERE expires_at <= now();

-- name: find_person_of_session
-- Whose login this is, unless it has run out.
SELECT p.principal_id, p.name, p.role
FROM session s
JOIN principal p USING (principal_id)
WHERE s.token_hash = %(token_hash)s::bytea AND s.expires_at > now();

-- name: drop_session
-- Ends one login.
DELETE FROM session WHERE token_hash = %(token_hash)s::bytea;
