-- What a telephone asked for when it registered a device: the same request comes again when its answer was lost.
ALTER TABLE device ADD COLUMN request jsonb;

-- What an action changed, so that it can be undone, and what became of the readings stored by then.
ALTER TABLE registry_action
    ADD COLUMN before jsonb NOT NULL DEFAULT '[]',        -- deployments of its devices: api/stays.py
    ADD COLUMN after  jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN readings_unplaced  int8 NOT NULL DEFAULT 0, -- came out of a line and belong to no site
    ADD COLUMN readings_ambiguous int8 NOT NULL DEFAULT 0, -- stayed: another device stored into the same series at that time
    ADD COLUMN undone_at timestamptz,
    ADD COLUMN undone_by text;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON registry_action
    FOR EACH ROW EXECUTE FUNCTION write_audit('action_id', 'before', 'after');

-- Readings that were stored and belong to no line: their device was at no site then, or the key was taken.
-- They come back when an action gives the device a place at that time.
CREATE TABLE unplaced_reading (
    unplaced_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id   int4        NOT NULL,
    metric_id   int4        NOT NULL,
    time        timestamptz NOT NULL,
    value       float8      NOT NULL,
    flags       int2        NOT NULL,
    is_noted    boolean     NOT NULL DEFAULT false       -- as a conflict
);
CREATE INDEX unplaced_reading_device ON unplaced_reading (device_id, time);

-- Times at which the series of a place hold readings of several devices that nothing tells apart: they move with none of them.
CREATE TABLE shared_time (
    site_id int4      NOT NULL REFERENCES site,
    channel text      NOT NULL,
    during  tstzrange NOT NULL,
    UNIQUE (site_id, channel, during)
);

-- Who stores readings by an older registry than this asks again: deployments have changed in times that have passed.
CREATE TABLE registry_version (
    version  int8 NOT NULL,
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only)
);
INSERT INTO registry_version (version) VALUES (0);

-- The version by which readings may be stored until the transaction ends: changes of deployments wait for it, and it for them.
-- Volatile on purpose: the second statement sees what was committed while the first one waited.
CREATE FUNCTION hold_registry() RETURNS int8 LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('hedgerow registry'));
    RETURN (SELECT version FROM registry_version);
END $$;
