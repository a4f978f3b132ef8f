-- Which devices speak, which fell silent, and why that may be no fault of theirs.

-- Written by ingest every few seconds: a message that is refused proves that its device lives as well as one that is stored.
CREATE TABLE device_arrival (
    device_id        int4 PRIMARY KEY,
    last_received_at timestamptz NOT NULL,
    messages         int8 NOT NULL,             -- counted since this table was made
    gateway          text NOT NULL DEFAULT '',  -- the one that heard the last message best, or sent it in a pack of its own
    gateways         int2 NOT NULL DEFAULT 0    -- how many heard it; 0: nobody said so
) WITH (fillfactor = 50);

INSERT INTO device_arrival (device_id, last_received_at, messages)
SELECT device_id, max(heard_at), 1
FROM (
    SELECT d.device_id, l.received_at AS heard_at
    FROM deployment d JOIN series s USING (site_id, channel) JOIN latest l USING (series_id)
    WHERE d.during @> l.time
    UNION ALL
    SELECT device_id, updated_at FROM device_clock
) heard
JOIN device USING (device_id)
GROUP BY device_id;

-- A lifebuoy without its sensor is unsafe: such a site is called offline sooner.
ALTER TABLE site ADD COLUMN is_safety boolean NOT NULL DEFAULT false;

-- Written by the watch in the API: one row a device that it has judged.
CREATE TABLE device_state (
    device_id           int4 PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    state               text NOT NULL
        CHECK (state IN ('ok', 'late', 'stale', 'offline', 'waiting', 'maintenance', 'retired')),
    since               timestamptz NOT NULL,
    last_received_at    timestamptz,
    messages            int8 NOT NULL DEFAULT 0,        -- device_arrival.messages, when it was judged last
    messages_before     int8 NOT NULL DEFAULT 0,        -- the same, when its state last became worse
    expected_interval_s float8 NOT NULL,
    gaps_s              float4[] NOT NULL DEFAULT '{}', -- the last 50 between messages, where the interval has to be learned
    loss                float8 CHECK (loss BETWEEN 0 AND 1),   -- of the last day; null: not known
    loss_at             timestamptz,
    suppressed_by       text,                           -- the silent gateway that explains its silence
    told                text NOT NULL DEFAULT 'ok'      -- what the last event said: ok, stale, offline
) WITH (fillfactor = 50);
CREATE INDEX device_state_state ON device_state (state, device_id);

CREATE TABLE gateway_state (
    gateway          text PRIMARY KEY,
    state            text NOT NULL CHECK (state IN ('ok', 'silent')),
    since            timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,              -- by way of it
    silent_from      timestamptz,                       -- the last it brought before it fell silent, the last time it did
    messages         int8 NOT NULL,                     -- of the devices it heard best, when it was judged last
    messages_before  int8 NOT NULL,                     -- the same, when it fell silent
    devices          int4 NOT NULL,                     -- heard by no other
    devices_late     int4 NOT NULL                      -- of those
);

-- The last refusals of one device, for its page.
CREATE INDEX quarantine_device ON quarantine (device_uid, received_at);

-- When Hedgerow itself could not hear: silence is not counted then.
CREATE TABLE hearing_outage (
    began_at timestamptz PRIMARY KEY,
    ended_at timestamptz,                               -- null: it lasts
    reason   text NOT NULL
);

-- One row: the last look of the watch at all devices.
CREATE TABLE silence_watch (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    looked_at    timestamptz NOT NULL,
    took_s       float8 NOT NULL
);

-- Events of gateways stand in the same list as those of devices.
ALTER TABLE device_event
    ALTER COLUMN device_id DROP NOT NULL,
    ADD COLUMN gateway text,
    ADD CONSTRAINT device_event_of_something CHECK (device_id IS NOT NULL OR gateway IS NOT NULL);
COMMENT ON COLUMN device_event.kind IS
    'The network server''s word (join, ack, txack, log, down/failed), or the watch''s: first_message, silent, offline, back';

SELECT keep_to_areas('device_arrival', 'device_id IN (SELECT my_devices())');
SELECT keep_to_areas('device_state', 'device_id IN (SELECT my_devices())');

-- A site is as well as the worst of the devices that are there now; one that nobody is at any more is retired.
CREATE VIEW site_state WITH (security_invoker = true) AS
SELECT s.site_id,
       coalesce(here.state, CASE WHEN EXISTS (SELECT FROM deployment d WHERE d.site_id = s.site_id)
                                 THEN 'retired' ELSE 'waiting' END) AS state,
       here.since, here.last_received_at
FROM site s
LEFT JOIN (
    SELECT site_id, (array_agg(state ORDER BY badness, since))[1] AS state,
           (array_agg(since ORDER BY badness, since))[1] AS since, max(last_received_at) AS last_received_at
    FROM (
        SELECT d.site_id, coalesce(ds.state, 'waiting') AS state, coalesce(ds.since, v.created_at) AS since, a.last_received_at,
               array_position('{offline,stale,late,maintenance,ok,waiting,retired}', coalesce(ds.state, 'waiting')) AS badness
        FROM deployment d
        JOIN device v USING (device_id)
        LEFT JOIN device_state ds USING (device_id)
        LEFT JOIN device_arrival a USING (device_id)
        WHERE d.during @> now()
    ) device_here
    GROUP BY site_id
) here USING (site_id);
