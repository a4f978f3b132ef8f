-- Run by the superuser: by the database container when its volume is empty, by hand on a volume of before. Again does no harm.
-- Advisory locks keep our programs out of each other's way. Who reads may take none: one of them would stop ingest.
DO $$
DECLARE
    owner name := (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database());
    one   regprocedure;
BEGIN
    FOR one IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_(xact_)?lock' LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        -- Migration 0028_grafana hands it on to the application's role, which is not there yet on a new volume.
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I WITH GRANT OPTION', one, owner);
        IF to_regrole('hedgerow_app') IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hedgerow_app', one);
        END IF;
    END LOOP;
END $$;
