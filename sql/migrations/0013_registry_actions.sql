-- What happens to sensors and places: actions with a time, windows of maintenance, and where a site is, as councils say it.
ALTER TABLE site
    ADD COLUMN uprn                int8 CHECK (uprn BETWEEN 1 AND 999999999999),   -- Unique Property Reference Number, GeoPlace
    ADD COLUMN usrn                int8 CHECK (usrn BETWEEN 1 AND 99999999),       -- Unique Street Reference Number, GeoPlace
    ADD COLUMN position_accuracy_m float8 CHECK (position_accuracy_m >= 0),        -- of a telephone's position, 95 % radius [m]
    ADD COLUMN note                text NOT NULL DEFAULT '';

ALTER TABLE device
    ADD COLUMN serial     text NOT NULL DEFAULT '',   -- the maker's serial number
    ADD COLUMN note       text NOT NULL DEFAULT '',
    ADD COLUMN request_id uuid UNIQUE,                -- made by the telephone: sent twice, registered once
    ADD COLUMN retired_at timestamptz;                -- null: in use, or in the store

ALTER TABLE device_profile
    ADD COLUMN version        int4 NOT NULL DEFAULT 1,
    ADD COLUMN accuracy_class text NOT NULL DEFAULT '' CHECK (accuracy_class IN ('', 'reference', 'indicative'));

-- What a profile was, version by version; the present one is in device_profile.
CREATE TABLE device_profile_version (
    profile_id int4 NOT NULL REFERENCES device_profile ON DELETE CASCADE,
    version    int4 NOT NULL,
    codec      text NOT NULL,
    definition text NOT NULL,
    script     text NOT NULL,
    until_at   timestamptz NOT NULL DEFAULT now(),    -- when the next version took its place
    PRIMARY KEY (profile_id, version)
);

CREATE FUNCTION keep_profile_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.codec, OLD.definition, OLD.script) IS DISTINCT FROM (NEW.codec, NEW.definition, NEW.script) THEN
        INSERT INTO device_profile_version (profile_id, version, codec, definition, script)
        VALUES (OLD.profile_id, OLD.version, OLD.codec, OLD.definition, OLD.script);
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_version BEFORE UPDATE ON device_profile FOR EACH ROW EXECUTE FUNCTION keep_profile_version();

-- One row an action, for the histories of sites and devices and for the markers of charts. Deployments say what is true;
-- this says what was done.
CREATE TABLE registry_action (
    action_id     int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('install', 'move', 'swap', 'co-locate', 'recall', 'retire')),
    at            timestamptz NOT NULL,               -- when it happened at the roadside; may be long past
    device_id     int4 NOT NULL REFERENCES device,
    old_device_id int4 REFERENCES device,             -- swap: the one taken away
    site_id       int4 REFERENCES site,               -- where to; null: recall and retire
    old_site_id   int4 REFERENCES site,               -- where from
    channel       text NOT NULL DEFAULT '',
    note          text NOT NULL DEFAULT '',
    person        text NOT NULL,
    made_at       timestamptz NOT NULL DEFAULT now(),
    readings_moved int8 NOT NULL DEFAULT 0            -- stored readings that came to another series by it
);
CREATE INDEX registry_action_device ON registry_action (device_id, at);
CREATE INDEX registry_action_old_device ON registry_action (old_device_id, at);
CREATE INDEX registry_action_site ON registry_action (site_id, at);
CREATE INDEX registry_action_old_site ON registry_action (old_site_id, at);

-- When a site is being worked at: silence is no fault then, and readings do not count against data capture.
CREATE TABLE maintenance_window (
    window_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id   int4 NOT NULL REFERENCES site,
    during    tstzrange NOT NULL CHECK (NOT isempty(during) AND lower(during) IS NOT NULL),
    note      text NOT NULL DEFAULT '',
    person    text NOT NULL,
    made_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX maintenance_window_site ON maintenance_window (site_id);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON maintenance_window
    FOR EACH ROW EXECUTE FUNCTION write_audit('window_id');
