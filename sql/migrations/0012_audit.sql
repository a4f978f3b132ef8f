-- Who changed what: every change of the registry and of people leaves an entry that the application cannot alter.
DO $$ BEGIN
    CREATE ROLE hedgerow_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles belong to the server: another database of it may have made this one
END $$;
COMMENT ON ROLE hedgerow_app IS 'What the API of Hedgerow may do: read and write data, never the schema or the audit';
DO $$ BEGIN
    EXECUTE format('GRANT hedgerow_app TO %I', current_user);  -- so that whoever owns the tables can also be the application
EXCEPTION WHEN invalid_grant_operation OR unique_violation OR object_in_use THEN
    NULL; -- a superuser needs no grant; two databases of one server may migrate at once
END $$;

CREATE TABLE audit_entry (
    audit_id   int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    person     text  NOT NULL,                  -- name of the principal; of the database user where nobody is named
    note       text  NOT NULL DEFAULT '',       -- why, where the person said so
    kind       text  NOT NULL,                  -- the table: device, site, deployment, …
    key        text  NOT NULL,                  -- what people know the thing by: uid, code, name
    action     text  NOT NULL CHECK (action IN ('added', 'changed', 'removed')),
    before     jsonb,                           -- null where it was added
    after      jsonb                            -- null where it was removed
);
CREATE INDEX audit_entry_thing ON audit_entry (kind, key, audit_id);
CREATE INDEX audit_entry_person ON audit_entry (person, audit_id);

-- Arguments: the column that people know the row by, then columns never written down (secrets and their hashes) or not worth it.
CREATE FUNCTION write_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - TG_ARGV[1:] END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - TG_ARGV[1:] END;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN
        RETURN NULL;
    END IF;
    INSERT INTO audit_entry (person, note, kind, key, action, before, after)
    VALUES (
        coalesce(nullif(current_setting('hedgerow.person', true), ''), session_user),
        coalesce(current_setting('hedgerow.note', true), ''),
        TG_TABLE_NAME,
        coalesce(new_row, old_row) ->> TG_ARGV[0],
        CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'changed' ELSE 'removed' END,
        old_row,
        new_row
    );
    RETURN NULL;
END $$;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON site FOR EACH ROW EXECUTE FUNCTION write_audit('code');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON device FOR EACH ROW EXECUTE FUNCTION write_audit('uid');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON device_profile FOR EACH ROW EXECUTE FUNCTION write_audit('key');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON deployment FOR EACH ROW EXECUTE FUNCTION write_audit('deployment_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON principal
    FOR EACH ROW EXECUTE FUNCTION write_audit('name', 'password_hash');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON api_key
    FOR EACH ROW EXECUTE FUNCTION write_audit('label', 'secret_hash');

GRANT USAGE ON SCHEMA public TO hedgerow_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO hedgerow_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO hedgerow_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO hedgerow_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO hedgerow_app;
REVOKE INSERT, UPDATE, DELETE ON audit_entry, migration FROM hedgerow_app;
