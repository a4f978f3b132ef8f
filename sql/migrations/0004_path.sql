-- What stands beside the readings: last values, what could not be stored yet, and what the path remembers of itself.
CREATE TABLE latest (
    series_id   int4 PRIMARY KEY,
    time        timestamptz NOT NULL,
    value       float8      NOT NULL,
    flags       int2        NOT NULL,
    received_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE quarantine (
    quarantine_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at   timestamptz NOT NULL,
    digest        int8  NOT NULL,               -- hash of the message's topic and payload
    item          int4  NOT NULL,               -- 0: the whole message; n: the n-th reading refused in it; -1: and more
    device_uid    text,
    topic         text  NOT NULL,
    payload       bytea NOT NULL,               -- what a replay publishes again; empty: another row of the message has it
    reason        text  NOT NULL,
    detail        text  NOT NULL,
    replayed_at   timestamptz,
    replay_result text,
    UNIQUE (received_at, digest, item)
);
CREATE INDEX quarantine_reason ON quarantine (reason, quarantine_id);

CREATE TABLE held (
    device_uid  text  NOT NULL,
    received_at timestamptz NOT NULL,
    digest      int8  NOT NULL,
    topic       text  NOT NULL,
    payload     bytea NOT NULL,
    PRIMARY KEY (device_uid, received_at, digest)
);

-- The last deliveries of each worker: a message the broker sends again keeps the time of its first coming.
CREATE TABLE delivery (
    worker      text  NOT NULL,
    batch       int8  NOT NULL,
    digests     bytea NOT NULL,                 -- int64, little-endian
    packet_ids  bytea NOT NULL,                 -- uint16, little-endian
    received_us bytea NOT NULL,                 -- int64, little-endian, microseconds since 1970
    PRIMARY KEY (worker, batch)
);

-- Hashes and moments do not compress: trying costs more than it saves.
ALTER TABLE delivery
    ALTER COLUMN digests SET STORAGE EXTERNAL, ALTER COLUMN packet_ids SET STORAGE EXTERNAL, ALTER COLUMN received_us SET STORAGE EXTERNAL;

-- Counters of the path, moved in the same transaction as the data they count.
CREATE TABLE ingest_status (
    worker              text PRIMARY KEY,
    started_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    messages            int8 NOT NULL DEFAULT 0,
    messages_redelivered int8 NOT NULL DEFAULT 0,
    messages_quarantined int8 NOT NULL DEFAULT 0,
    messages_held       int8 NOT NULL DEFAULT 0,
    readings            int8 NOT NULL DEFAULT 0,  -- = stored + duplicate + quarantined
    readings_stored     int8 NOT NULL DEFAULT 0,
    readings_duplicate  int8 NOT NULL DEFAULT 0,
    readings_conflicting int8 NOT NULL DEFAULT 0, -- of the duplicates, those with another value
    readings_quarantined int8 NOT NULL DEFAULT 0,
    connected           boolean NOT NULL DEFAULT false,
    connections         int8 NOT NULL DEFAULT 0,
    sessions_lost       int8 NOT NULL DEFAULT 0,
    queue_messages      int4 NOT NULL DEFAULT 0,  -- received and not acknowledged yet
    lag_ms              float8 NOT NULL DEFAULT 0 -- received to committed, of the last batch
) WITH (fillfactor = 50);
