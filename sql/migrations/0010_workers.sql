-- Several ingest workers: what becomes of each, how often one died, and whether two processes claim to be the same one.
ALTER TABLE ingest_status
    ADD COLUMN state text NOT NULL DEFAULT 'working' CHECK (state IN ('working', 'draining', 'retired')),
    ADD COLUMN restarts int8 NOT NULL DEFAULT 0,           -- times it was started again after it had died
    ADD COLUMN identity_conflicts int8 NOT NULL DEFAULT 0; -- times another process was found to use its identity
COMMENT ON COLUMN ingest_status.state IS
    'working; draining: no longer wanted, empties its session at the broker; retired: has done so, its session is ended';
