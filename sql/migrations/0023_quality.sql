-- Which flags keep a reading out of statistics: each bit of devices/flags.py, changed by administrators.
CREATE TABLE quality_flag (
    bit         int2 PRIMARY KEY CHECK (bit > 0 AND bit & (bit - 1) = 0),
    key         text    NOT NULL UNIQUE,
    description text    NOT NULL,
    excluding   boolean NOT NULL
);
INSERT INTO quality_flag (bit, key, description, excluding) VALUES
    (1, 'out_of_range', 'outside the range that is possible for this metric', true),
    (2, 'step', 'changed faster than is plausible', true),
    (4, 'flatline', 'stuck at one value', true),
    (8, 'spike', 'a lone value far from its neighbours', true),
    (16, 'humidity', 'measured in very damp air', false),
    (32, 'warm_up', 'measured while the sensor was warming up', true),
    (64, 'calibration', 'measured during calibration', true),
    (128, 'late', 'arrived more than an hour after it was measured', false),
    (256, 'duplicate', 'sent more than once', false),
    (512, 'clock', 'the device''s clock was wrong; the time of arrival stands instead', false),
    (1024, 'cross_check', 'does not fit a related metric', false),
    (2048, 'battery_low', 'measured with a nearly empty battery', false),
    (4096, 'manual_invalid', 'marked as invalid by a person', true),
    (8192, 'estimated', 'estimated, not measured', false),
    (16384, 'sentinel', 'a number by which the device says that it has no value', true);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_flag FOR EACH ROW EXECUTE FUNCTION write_audit('key');

-- What keeps readings out of aggregates, as one number. Where a row is looked at: (SELECT excluding_flags()), asked once.
CREATE FUNCTION excluding_flags() RETURNS int2
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(bit_or(bit) FILTER (WHERE excluding), 0::int2) FROM quality_flag
$$;
REVOKE EXECUTE ON FUNCTION excluding_flags FROM PUBLIC;
GRANT EXECUTE ON FUNCTION excluding_flags TO hedgerow_app, hedgerow_reader;
