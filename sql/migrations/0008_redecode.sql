-- What corrects readings afterwards, and what tells whom to believe: corrections, conflicts, the clocks of devices.
CREATE TABLE redecode_run (
    run_id      int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    profile     text        NOT NULL,           -- key of the device profile
    device_uid  text,                           -- null: every device of the profile
    from_at     timestamptz NOT NULL,           -- arrival of the messages that were decoded again
    to_at       timestamptz NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,                    -- null: at work still, or interrupted
    counts      jsonb
);

-- What stood in the table reading before a correction.
CREATE TABLE reading_correction (
    correction_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    series_id    int4        NOT NULL,
    time         timestamptz NOT NULL,
    old_value    float8      NOT NULL,
    old_flags    int2        NOT NULL,
    new_value    float8,                        -- null: the reading was removed
    new_flags    int2,
    corrected_at timestamptz NOT NULL DEFAULT now(),
    run_id       int8        NOT NULL REFERENCES redecode_run,
    CHECK ((new_value IS NULL) = (new_flags IS NULL))
);
CREATE INDEX reading_correction_series ON reading_correction (series_id, time);

-- Readings refused because their key was stored with another value: how many a series and day, and the last of them.
CREATE TABLE reading_conflict (
    conflict_id   int8 GENERATED ALWAYS AS IDENTITY UNIQUE,
    series_id     int4        NOT NULL,
    day           date        NOT NULL,         -- UTC, of the refusal
    conflicts     int8        NOT NULL,
    time          timestamptz NOT NULL,
    kept_value    float8      NOT NULL,
    refused_value float8      NOT NULL,
    noted_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (series_id, day)
) WITH (fillfactor = 50);

-- What the messages of a device tell of its clock. Delay: arrival minus the newest believable time in the message [s].
CREATE TABLE device_clock (
    device_id      int4 NOT NULL,
    day            date NOT NULL,               -- UTC, of arrival
    messages       int8 NOT NULL,               -- that have a delay
    least_delay    float8,                      -- null: no message has one
    greatest_delay float8,
    unbelievable   int8 NOT NULL,               -- readings whose time was replaced by that of arrival
    last_offset    float8,                      -- the last such time minus arrival [s]; null: it was no time at all
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, day)
) WITH (fillfactor = 50);
