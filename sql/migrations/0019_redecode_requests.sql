-- What people ask of ingest beside the path: to decode again, to replay quarantine; and what of quarantine is set aside for good.
CREATE TABLE errand (
    errand_id     int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('redecode', 'replay')),
    profile       text CHECK ((kind = 'redecode') = (profile IS NOT NULL)),   -- redecode: key of the device profile
    quarantine_id int8,                                -- replay: this row alone
    reason        text,                                -- replay: rows with this reason alone
    newest        int8 CHECK ((kind = 'replay') = (newest IS NOT NULL)),      -- replay: the last row there was when it was asked for
    device_uid    text,                                -- null: every device
    from_at       timestamptz,                         -- arrival of the messages, half open; null: unbounded
    to_at         timestamptz,
    remove        boolean NOT NULL DEFAULT false,      -- redecode: take away what is no longer given
    dry_run       boolean NOT NULL DEFAULT false,
    requested_by  text NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    state         text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'running', 'done', 'failed')),
    tries         int4 NOT NULL DEFAULT 0,             -- how often a process has begun it
    started_at    timestamptz,
    finished_at   timestamptz,
    progress      float8 NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    counts        jsonb,                               -- so far, and in the end
    examples      jsonb,                               -- of readings that change, or would
    run_id        int8 REFERENCES redecode_run,        -- whose corrections are its own; null: dry run, or replay
    error         text,
    CHECK (kind = 'replay' OR (from_at IS NOT NULL AND to_at IS NOT NULL AND from_at < to_at))
);
CREATE INDEX errand_waiting ON errand (errand_id) WHERE state IN ('requested', 'running');
CREATE TRIGGER audit AFTER INSERT ON errand FOR EACH ROW
    EXECUTE FUNCTION write_audit('errand_id', 'state', 'tries', 'started_at', 'finished_at', 'progress', 'counts', 'examples', 'run_id', 'error');

ALTER TABLE quarantine
    ADD COLUMN dismissed_at   timestamptz,             -- null: it waits, or was replayed
    ADD COLUMN dismissed_by   text,
    ADD COLUMN dismissed_note text;
CREATE TRIGGER audit AFTER UPDATE OF dismissed_at ON quarantine FOR EACH ROW
    EXECUTE FUNCTION write_audit('quarantine_id', 'payload', 'digest', 'detail', 'received_at', 'item', 'replayed_at', 'replay_result');
-- Who is limited asks for what is theirs alone: ingest, which does it, is limited by nothing.
SELECT keep_to_areas('errand', 'device_uid IN (SELECT my_device_uids()) OR quarantine_id IN (SELECT q.quarantine_id FROM quarantine q)');
