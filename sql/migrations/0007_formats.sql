-- What the payload formats need: definitions of codecs, names of states, and what a network server says of the radio.
ALTER TABLE device_profile
    ADD COLUMN definition text NOT NULL DEFAULT '',     -- TOML: binary layout, or how a codec's output becomes metrics
    ADD COLUMN script     text NOT NULL DEFAULT '';     -- JavaScript that the owner of the device pasted (TS013 or older)
COMMENT ON COLUMN device_profile.codec IS
    'auto: SenML, flat JSON or what the network server decoded; cayenne_lpp; layout: see definition; javascript: see script';

-- Names of the codes of a state metric: "ice" is stored as 4.
CREATE TABLE metric_state (
    metric_id int4 NOT NULL REFERENCES metric ON DELETE CASCADE,
    code      int2 NOT NULL,
    label     text NOT NULL,
    PRIMARY KEY (metric_id, code),
    UNIQUE (metric_id, label)
);
CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON metric_state
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry();

-- How an uplink came through the air, one row a message that says so; kept as long as the uplink.
CREATE TABLE uplink_radio (
    device_id    int4        NOT NULL,
    received_at  timestamptz NOT NULL,
    digest       int8        NOT NULL,          -- of the message, as in uplink
    time         timestamptz NOT NULL,          -- when the network server had it
    session      text        NOT NULL,          -- frame counters count within it: device address or session key id
    f_cnt        int8        NOT NULL,
    f_port       int2        NOT NULL,
    gateway      text        NOT NULL,          -- the one that heard it best
    gateways     int2        NOT NULL,          -- how many heard it
    rssi         float4,                        -- dBm
    snr          float4,                        -- dB
    spreading_factor int2,
    frequency    int8,                          -- Hz
    airtime      float4,                        -- s
    PRIMARY KEY (device_id, received_at, digest)
);
