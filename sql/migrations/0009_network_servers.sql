-- What network servers tell besides readings, and which of their webhooks have been taken.
CREATE TABLE device_event (
    event_id    int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id   int4        NOT NULL,
    received_at timestamptz NOT NULL,
    digest      int8        NOT NULL,           -- of the message, as in uplink
    time        timestamptz NOT NULL,           -- when the network server had it
    kind        text        NOT NULL,           -- the network server's word: join, ack, txack, log, down/failed
    level       text        NOT NULL CHECK (level IN ('INFO', 'WARNING', 'ERROR')),
    code        text        NOT NULL,           -- of a log: what went wrong
    detail      text        NOT NULL,
    UNIQUE (device_id, received_at, digest)
);
CREATE INDEX device_event_level ON device_event (level, event_id);

-- Webhooks taken, in the transaction that keeps what they brought: one that is sent again is answered and changes nothing.
CREATE TABLE webhook_delivery (
    digest      int8 PRIMARY KEY,               -- hash of the equivalent MQTT topic and of the body
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_delivery_received_at ON webhook_delivery (received_at);
