-- What devices show the broker: who may come in, as it should be. Secrets are never here: the broker keeps their hashes.
CREATE TABLE device_credential (
    credential_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id     int4 NOT NULL REFERENCES device,
    kind          text NOT NULL CHECK (kind IN ('password', 'certificate')),
    username      text NOT NULL,                      -- at the broker: the device's uid, or its certificate's common name
    is_gateway    bool NOT NULL DEFAULT false,        -- may also speak for other devices, on a gateway's topic
    issued_at     timestamptz NOT NULL DEFAULT now(),
    issued_by     text NOT NULL,
    revoked_at    timestamptz,                        -- null: in force
    revoked_by    text,
    withdrawn_at  timestamptz,                        -- when the broker knew of the end
    attempts      int4 NOT NULL DEFAULT 0,            -- vain ones to tell the broker
    trouble       text NOT NULL DEFAULT '',           -- what the broker should know and does not; empty: all is well
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CHECK (withdrawn_at IS NULL OR revoked_at IS NOT NULL)
);
CREATE UNIQUE INDEX device_credential_in_force ON device_credential (username) WHERE revoked_at IS NULL;
CREATE INDEX device_credential_to_withdraw ON device_credential (username) WHERE revoked_at IS NOT NULL AND withdrawn_at IS NULL;
CREATE INDEX device_credential_device ON device_credential (device_id);

-- Attempts and their outcome are no changes anybody made.
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF device_id, kind, username, is_gateway, revoked_at ON device_credential
    FOR EACH ROW EXECUTE FUNCTION write_audit('username', 'withdrawn_at', 'attempts', 'trouble');

-- A device that is retired speaks no more: its credentials end with it, in the same transaction and under the same name.
CREATE FUNCTION revoke_credentials_of_retired() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE device_credential
    SET revoked_at = clock_timestamp(), revoked_by = coalesce(nullif(current_setting('hedgerow.person', true), ''), session_user)
    WHERE device_id = NEW.device_id AND revoked_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER revoke_credentials AFTER UPDATE OF retired_at ON device
    FOR EACH ROW WHEN (NEW.retired_at IS NOT NULL) EXECUTE FUNCTION revoke_credentials_of_retired();
