-- Readings and raw messages as hypertables. Nothing here needs more than the Apache edition.
CREATE TABLE reading (
    series_id int4        NOT NULL,
    time      timestamptz NOT NULL,
    value     float8      NOT NULL,
    flags     int2        NOT NULL,
    PRIMARY KEY (series_id, time)
);
SELECT create_hypertable('reading', by_range('time', interval '30 days'), create_default_indexes => false);

CREATE TABLE uplink (
    device_id   int4        NOT NULL,
    received_at timestamptz NOT NULL,
    digest      int8        NOT NULL,           -- hash of topic and payload
    topic       text        NOT NULL,
    payload     bytea       NOT NULL,
    PRIMARY KEY (device_id, received_at, digest)
);
SELECT create_hypertable('uplink', by_range('received_at', interval '1 day'), create_default_indexes => false);

-- TimescaleDB makes its chunks by itself: the same call as on plain PostgreSQL has nothing to do.
CREATE FUNCTION ensure_partition(parent text, at timestamptz) RETURNS void LANGUAGE sql AS $$ $$;
