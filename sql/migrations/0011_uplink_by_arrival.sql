-- The archive of raw messages is read by time, and a message goes in once because its delivery is known (docs/adr/0006):
-- keeping a key over every message cost more than the rest of archiving it.
ALTER TABLE uplink DROP CONSTRAINT uplink_pkey;
CREATE INDEX uplink_received_at ON uplink USING brin (received_at);
