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

-- name: page_of_people
-- People and services by name, from the one after `after` on; null stands for all.
SELECT p.principal_id AS id, p.name, p.kind, p.role, p.disabled_at IS NOT NULL AS disabled,
       p.sso_subject IS NOT NULL AS single_sign_on, p.is_limited AS limited, p.created_at, p.last_login_at,
       ARRAY(SELECT a.code FROM principal_area JOIN area a USING (area_id)
             WHERE principal_id = p.principal_id ORDER BY a.code) AS areas,
       (SELECT count(*) FROM api_key k
        WHERE k.principal_id = p.principal_id AND (k.expires_at IS NULL OR k.expires_at > now())) AS keys
FROM principal p
WHERE (%(after)s::text IS NULL OR p.name > %(after)s::text)
  AND (%(id)s::int4 IS NULL OR p.principal_id = %(id)s::int4)
ORDER BY p.name
LIMIT %(limit)s::int8 + 1;

-- name: add_account
-- A person with a one-time password, or a service without one; a name that is taken gives no row.
INSERT INTO principal (name, kind, role, is_limited, password_hash, password_is_due, password_set_at)
VALUES (%(name)s::text, %(kind)s::text, %(role)s::text, %(limited)s::boolean, %(password_hash)s::text,
        %(password_hash)s::text IS NOT NULL, CASE WHEN %(password_hash)s::text IS NOT NULL THEN now() END)
ON CONFLICT (name) DO NOTHING
RETURNING principal_id;

-- name: change_account
-- What an administrator may change of a person or service; null leaves a thing as it is.
UPDATE principal
SET role = coalesce(%(role)s::text, role),
    is_limited = coalesce(%(limited)s::boolean, is_limited),
    disabled_at = CASE %(disabled)s::boolean WHEN true THEN coalesce(disabled_at, now()) WHEN false THEN NULL ELSE disabled_at END
WHERE principal_id = %(id)s::int4
RETURNING principal_id;

-- name: leave_areas
-- Takes a person out of the areas not named.
DELETE FROM principal_area
WHERE principal_id = %(id)s::int4
  AND area_id NOT IN (SELECT area_id FROM area WHERE code = ANY (%(areas)s::text[]));

-- name: join_areas
-- Puts a person into the areas named.
INSERT INTO principal_area (principal_id, area_id)
SELECT %(id)s::int4, area_id FROM area WHERE code = ANY (%(areas)s::text[])
ON CONFLICT DO NOTHING;

-- name: find_missing_areas
-- Those of the areas named that are not there.
SELECT named.code FROM unnest(%(areas)s::text[]) AS named(code)
WHERE NOT EXISTS (SELECT FROM area WHERE area.code = named.code);

-- name: set_password
-- Another password of a person; `is_due`: a one-time one, which its owner must change first.
UPDATE principal
SET password_hash = %(password_hash)s::text, password_is_due = %(is_due)s::boolean, password_set_at = now()
WHERE principal_id = %(id)s::int4 AND kind = 'person' AND sso_subject IS NULL
RETURNING principal_id;

-- name: find_password_of
-- What a person's password is held against.
SELECT password_hash FROM principal WHERE principal_id = %(id)s::int4;

-- name: drop_sessions
-- Ends the logins of a person, but for one that may go on.
DELETE FROM session
WHERE principal_id = %(id)s::int4 AND (%(but)s::bytea IS NULL OR token_hash <> %(but)s::bytea);

-- name: add_api_key
-- An API key of a principal; only the hash of its secret is kept.
INSERT INTO api_key (principal_id, label, secret_hash, expires_at, scope, prefix)
VALUES (%(principal_id)s::int4, %(label)s::text, %(secret_hash)s::bytea, %(expires_at)s::timestamptz, %(scope)s::text,
        %(prefix)s::text)
RETURNING api_key_id;

-- name: list_api_keys
-- Keys as lists show them, newest first; null stands for all.
SELECT k.api_key_id AS id, p.name AS owner, k.label, k.scope, k.prefix, k.created_at, k.expires_at, k.last_used_at,
       coalesce(k.expires_at <= now(), false) AS has_expired
FROM api_key k
JOIN principal p USING (principal_id)
WHERE (%(principal_id)s::int4 IS NULL OR k.principal_id = %(principal_id)s::int4)
  AND (%(id)s::int4 IS NULL OR k.api_key_id = %(id)s::int4)
ORDER BY k.api_key_id DESC;

-- name: drop_api_key
-- Ends a key; of one owner only, unless that is null.
DELETE FROM api_key
WHERE api_key_id = %(id)s::int4 AND (%(principal_id)s::int4 IS NULL OR principal_id = %(principal_id)s::int4)
RETURNING api_key_id;

-- name: find_person_of_key
-- Whose API key this is, unless it has expired or its owner may not come in; and whether its use is news.
SELECT k.api_key_id, coalesce(k.last_used_at < now() - interval '1 minute', true) AS use_is_news,
       p.principal_id, p.name, p.role, p.is_limited, k.scope
FROM api_key k
JOIN principal p USING (principal_id)
WHERE k.secret_hash = %(secret_hash)s::bytea AND (k.expires_at IS NULL OR k.expires_at > now()) AND p.disabled_at IS NULL;

-- name: note_use_of_key
-- When a key was last used, to the minute: many requests are one write. Requests at once do not wait for each other.
UPDATE api_key SET last_used_at = now()
WHERE api_key_id = (SELECT api_key_id FROM api_key
                    WHERE api_key_id = %(id)s::int4 AND coalesce(last_used_at < now() - interval '1 minute', true)
                    FOR UPDATE SKIP LOCKED);

-- name: find_password
-- The principal who logs in under a name, and the hash to hold the password against.
SELECT principal_id, password_hash, disabled_at IS NOT NULL AS is_disabled FROM principal WHERE name = %(name)s::text;

-- name: add_session
-- A login; only the hash of its token is kept.
WITH came AS (
    UPDATE principal SET last_login_at = now() WHERE principal_id = %(principal_id)s::int4
)
INSERT INTO session (token_hash, principal_id, expires_at)
VALUES (%(token_hash)s::bytea, %(principal_id)s::int4, now() + %(lasts)s::interval);

-- name: drop_expired_sessions
-- Logins that have run out.
DELETE FROM session WHERE expires_at <= now();

-- name: find_person_of_session
-- Whose login this is, unless it has run out or its owner may not come in any more.
SELECT p.principal_id, p.name, p.role, p.is_limited, p.password_is_due
FROM session s
JOIN principal p USING (principal_id)
WHERE s.token_hash = %(token_hash)s::bytea AND s.expires_at > now() AND p.disabled_at IS NULL;

-- name: drop_session
-- Ends one login.
DELETE FROM session WHERE token_hash = %(token_hash)s::bytea;

-- name: limit_connection
-- From here on this connection sees only what lies in the areas of a person; of nobody: nothing.
SELECT set_config('role', 'hedgerow_limited', false), set_config('hedgerow.principal', %(principal_id)s::text, false);

-- name: lift_limit
-- The connection is for anyone again.
SELECT set_config('role', 'hedgerow_app', false), set_config('hedgerow.principal', '', false);

-- name: write_login
-- Notes in the audit who came in, or was turned away, and how.
SELECT write_login(%(name)s::text, %(succeeded)s::boolean, %(told)s::text);

-- name: page_of_audit
-- Entries of the audit, newest first, from the one before `after` on; null stands for all.
SELECT audit_id AS id, made_at AS at, person, note, kind, key, action, before, after
FROM audit_entry
WHERE (%(after)s::int8 IS NULL OR audit_id < %(after)s::int8)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s::text)
  AND (%(key)s::text IS NULL OR key = %(key)s::text)
  AND (%(person)s::text IS NULL OR person = %(person)s::text)
  AND (%(start)s::timestamptz IS NULL OR made_at >= %(start)s::timestamptz)
  AND (%(end)s::timestamptz IS NULL OR made_at < %(end)s::timestamptz)
ORDER BY audit_id DESC
LIMIT %(limit)s::int8 + 1;

-- name: list_audit_kinds
-- What kinds of things the audit has entries of.
SELECT DISTINCT kind FROM audit_entry ORDER BY kind;

-- name: find_account_by_name
-- A person or service by name.
SELECT p.principal_id AS id, p.name, p.kind, p.role, p.disabled_at IS NOT NULL AS disabled,
       p.sso_subject IS NOT NULL AS single_sign_on, p.is_limited AS limited, p.created_at, p.last_login_at,
       '{}'::text[] AS areas, 0 AS keys
FROM principal p
WHERE p.name = %(name)s::text;

-- name: find_sso_account
-- Whose account belongs to a subject of single sign-on.
SELECT principal_id, disabled_at IS NOT NULL AS is_disabled FROM principal WHERE sso_subject = %(subject)s::text;

-- name: add_sso_account
-- An account made by single sign-on; a name that is taken gives no row.
INSERT INTO principal (name, role, sso_subject)
VALUES (%(name)s::text, %(role)s::text, %(subject)s::text)
ON CONFLICT (name) DO NOTHING
RETURNING principal_id;

-- name: set_sso_role
-- The role the provider says now; an administrator is not limited to areas, and is again when they are none any more.
UPDATE principal p SET role = %(role)s::text,
    is_limited = %(role)s::text <> 'admin'
                 AND (is_limited OR EXISTS (SELECT FROM principal_area a WHERE a.principal_id = p.principal_id))
WHERE principal_id = %(id)s::int4;
