-- Who may ask: people with passwords and sessions, programs with keys. Secrets are kept only as hashes.
CREATE TABLE principal (
    principal_id  int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE,
    role          text NOT NULL CHECK (role IN ('viewer', 'engineer', 'manager', 'admin')),
    password_hash text,                         -- argon2id; null: no login by password
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_key (
    api_key_id   int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    principal_id int4 NOT NULL REFERENCES principal ON DELETE CASCADE,
    label        text NOT NULL,
    secret_hash  bytea NOT NULL UNIQUE,         -- SHA-256 of 32 random bytes: random input needs no slow hash
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz
);

CREATE TABLE session (
    token_hash   bytea PRIMARY KEY,             -- SHA-256 of the cookie's 32 random bytes
    principal_id int4 NOT NULL REFERENCES principal ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
