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

-- What the rules that set flags go by, one row a metric they look at; filled from devices/metric_quality.csv and then the
-- council's own. The range stands in the table metric.
CREATE TABLE metric_quality (
    metric         text PRIMARY KEY REFERENCES metric (key) ON UPDATE CASCADE ON DELETE CASCADE,
    max_step_per_min float8 CHECK (max_step_per_min > 0),              -- null: as the vocabulary has it
    flat_count     int4 CHECK (flat_count BETWEEN 3 AND 10000),        -- so many identical readings in a row, not zero, …
    flat_for_s     int8 NOT NULL DEFAULT 0 CHECK (flat_for_s >= 0),    -- … over so long [s] are a flatline; null count: never
    spike_least    float8 CHECK (spike_least > 0),                     -- a lone value at least so far from both neighbours; null: never
    sentinels      float8[] NOT NULL DEFAULT '{}' CHECK (cardinality(sentinels) <= 20), -- numbers that say "no value"
    humid_above    float8,                                             -- relative humidity [%] at the site; null: no matter
    not_above      text REFERENCES metric (key) ON UPDATE CASCADE ON DELETE SET NULL, -- never more than this metric …
    not_above_times float8 NOT NULL DEFAULT 1 CHECK (not_above_times > 0),            -- … times this, at one site and time
    low_below      float8,                                             -- of a battery: nearly empty; null: no battery
    CHECK (not_above <> metric)
);

-- What devices of a profile need beyond that; no row: nothing.
CREATE TABLE profile_quality (
    profile   text PRIMARY KEY REFERENCES device_profile (key) ON UPDATE CASCADE ON DELETE CASCADE,
    warm_up_s int8 NOT NULL DEFAULT 0 CHECK (warm_up_s BETWEEN 0 AND 86400 * 30), -- after it is put up, or has been silent
    silence_s int8 CHECK (silence_s > 0),                              -- for longer than this: it was without power; null: never
    sentinels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(sentinels) = 'object')  -- {"distance_to_surface": [0, 65535]}
);

-- Readings whose rules are to be run again, for they came past the path in their order: decoded again, replayed, moved.
CREATE TABLE quality_due (
    series_id int4        NOT NULL,
    from_at   timestamptz NOT NULL,
    to_at     timestamptz NOT NULL,                                    -- included
    not_before timestamptz NOT NULL DEFAULT now(),                     -- later, where it went wrong: others go on
    due_id    int8        GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON metric_quality FOR EACH ROW EXECUTE FUNCTION write_audit('metric');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON profile_quality FOR EACH ROW EXECUTE FUNCTION write_audit('profile');
CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON metric_quality
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry();
CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON profile_quality
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry();

-- Rules are everybody's: who is limited to areas changes none.
SELECT keep_to_areas(limited, 'true') FROM unnest('{quality_flag,metric_quality,profile_quality}'::regclass[]) AS limited;
DO $$ DECLARE limited text; BEGIN
    FOREACH limited IN ARRAY '{quality_flag,metric_quality,profile_quality}'::text[] LOOP
        EXECUTE format('CREATE POLICY nobody_adds ON %I AS RESTRICTIVE FOR INSERT TO hedgerow_limited WITH CHECK (false)', limited);
        EXECUTE format('CREATE POLICY nobody_changes ON %I AS RESTRICTIVE FOR UPDATE TO hedgerow_limited USING (false)', limited);
        EXECUTE format('CREATE POLICY nobody_removes ON %I AS RESTRICTIVE FOR DELETE TO hedgerow_limited USING (false)', limited);
    END LOOP;
END $$;
SELECT keep_to_areas('quality_due', 'series_id IN (SELECT my_series())');
