-- Review: people take readings of a range out of the statistics, adjust values by scale and offset, and say how far a range is checked.

-- A reading has the flag MANUAL_INVALID as long as an invalidation that is not undone covers it, and no longer. Readings that come
-- later get it from ingest, which knows these ranges.
CREATE TABLE invalidation (
    invalidation_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    series_id int4        NOT NULL REFERENCES series,
    during    tstzrange   NOT NULL CHECK (NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)),
    reason    text        NOT NULL CHECK (reason <> ''),
    person    text        NOT NULL,
    made_at   timestamptz NOT NULL DEFAULT now(),
    readings  int8        NOT NULL,             -- those it made invalid when it was made
    undone_at timestamptz,                      -- null: it holds
    undone_by text,
    CHECK ((undone_at IS NULL) = (undone_by IS NULL))
);
CREATE INDEX invalidation_series ON invalidation (series_id);

-- New value = value * scale + shift, once, of the readings that were stored when it was made.
CREATE TABLE value_adjustment (
    adjustment_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    series_id int4        NOT NULL REFERENCES series,
    during    tstzrange   NOT NULL CHECK (NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)),
    scale     float8      NOT NULL CHECK (scale <> 0),
    shift     float8      NOT NULL,             -- [unit of the metric]
    reason    text        NOT NULL CHECK (reason <> ''),
    person    text        NOT NULL,
    made_at   timestamptz NOT NULL DEFAULT now(),
    readings  int8        NOT NULL,             -- those it changed
    undone_at timestamptz,                      -- null: it holds
    undone_by text,
    CHECK ((undone_at IS NULL) = (undone_by IS NULL))
);
CREATE INDEX value_adjustment_series ON value_adjustment (series_id);

-- What stood in the table reading before an adjustment that holds; it goes when the adjustment is undone.
CREATE TABLE reading_before (
    series_id     int4        NOT NULL,
    time          timestamptz NOT NULL,
    adjustment_id int8        NOT NULL REFERENCES value_adjustment,
    value         float8      NOT NULL,
    flags         int2        NOT NULL,
    PRIMARY KEY (series_id, time, adjustment_id)
);

-- How far readings are checked. What no row covers is provisional; ratified ranges are closed to changes by people.
CREATE TABLE series_status (
    status_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    series_id int4        NOT NULL REFERENCES series,
    during    tstzrange   NOT NULL CHECK (NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)),
    status    text        NOT NULL CHECK (status IN ('verified', 'ratified')),
    note      text        NOT NULL CHECK (note <> ''),
    person    text        NOT NULL,
    made_at   timestamptz NOT NULL DEFAULT now(),
    -- The one-element range stands for equality: no extension needed.
    CONSTRAINT series_status_is_one EXCLUDE USING gist (int4range(series_id, series_id, '[]') WITH &&, during WITH &&)
);
CREATE INDEX series_status_series ON series_status (series_id);

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON invalidation
    FOR EACH ROW EXECUTE FUNCTION write_audit('invalidation_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON value_adjustment
    FOR EACH ROW EXECUTE FUNCTION write_audit('adjustment_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON series_status
    FOR EACH ROW EXECUTE FUNCTION write_audit('status_id');
CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON invalidation
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry();

SELECT keep_to_areas('invalidation', 'series_id IN (SELECT my_series())');
SELECT keep_to_areas('value_adjustment', 'series_id IN (SELECT my_series())');
SELECT keep_to_areas('reading_before', 'series_id IN (SELECT my_series())');
SELECT keep_to_areas('series_status', 'series_id IN (SELECT my_series())');
