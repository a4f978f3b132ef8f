-- Who measures where: sites own series, devices are deployed at sites from one time to another.
CREATE TABLE site (
    site_id    int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9_-]*$'),
    name       text NOT NULL,
    domain     text,                            -- what the site is mainly for; null where it is mixed
    latitude   float8 CHECK (latitude BETWEEN -90 AND 90),
    longitude  float8 CHECK (longitude BETWEEN -180 AND 180),
    time_zone  text NOT NULL DEFAULT 'Europe/London',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE device_profile (
    profile_id          int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key                 text NOT NULL UNIQUE CHECK (key ~ '^[a-z0-9][a-z0-9_-]*$'),
    name                text NOT NULL,
    vendor              text NOT NULL DEFAULT '',
    model               text NOT NULL DEFAULT '',
    codec               text NOT NULL DEFAULT 'auto',
    battery             text NOT NULL DEFAULT '',
    expected_interval_s int4 NOT NULL DEFAULT 900 CHECK (expected_interval_s > 0),
    clock_back_s        int8 NOT NULL DEFAULT 400 * 86400 CHECK (clock_back_s BETWEEN 0 AND 4000000000),
    clock_ahead_s       int8 NOT NULL DEFAULT 600 CHECK (clock_ahead_s BETWEEN 0 AND 86400),
    created_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN device_profile.clock_back_s IS 'How far back [s] a device''s own time is believed';
COMMENT ON COLUMN device_profile.clock_ahead_s IS 'How far ahead [s] a device''s own time is believed';

INSERT INTO device_profile (key, name, clock_back_s) VALUES
    ('generic', 'Any device that speaks SenML or flat JSON', DEFAULT),
    ('historical', 'Replay of historical records (times of the last 100 years are believed)', 36525::int8 * 86400);

CREATE TABLE device (
    device_id  int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid        text NOT NULL UNIQUE CHECK (uid ~ '^[a-z0-9][a-z0-9._:-]{0,127}$'),
    name       text NOT NULL,
    profile_id int4 NOT NULL REFERENCES device_profile,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE deployment (
    deployment_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id     int4 NOT NULL REFERENCES device,
    site_id       int4 NOT NULL REFERENCES site,
    channel       text NOT NULL DEFAULT '',     -- tells two devices with the same metric at one site apart
    during        tstzrange NOT NULL CHECK (NOT isempty(during)),
    note          text NOT NULL DEFAULT '',
    -- A device is at one place at a time. The one-element range stands for equality: no extension needed.
    CONSTRAINT deployment_no_overlap
        EXCLUDE USING gist (int4range(device_id, device_id, '[]') WITH &&, during WITH &&)
);
CREATE INDEX deployment_site ON deployment (site_id);

CREATE TABLE series (
    series_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id   int4 NOT NULL REFERENCES site,
    metric_id int4 NOT NULL REFERENCES metric,
    channel   text NOT NULL DEFAULT '',
    UNIQUE (site_id, metric_id, channel)
);

-- Programs that keep the registry in memory listen on this channel and read it again.
CREATE FUNCTION notify_registry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('hedgerow_registry', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON metric
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry();
CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON metric_alias
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry();
CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON device_profile
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry();
CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON device
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry();
CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON deployment
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry();
