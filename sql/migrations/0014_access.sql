-- People and what they may see: services and persons, keys with a scope, single sign-on, areas, and logins in the audit.
ALTER TABLE principal
    ADD COLUMN kind            text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'service')),
    ADD COLUMN is_limited      boolean NOT NULL DEFAULT false, -- sees and changes only what lies in their areas
    ADD COLUMN disabled_at     timestamptz,                    -- null: may come in
    ADD COLUMN password_set_at timestamptz,                    -- so that the audit shows a new password
    ADD COLUMN password_is_due boolean NOT NULL DEFAULT false, -- a one-time password: its owner must choose another first
    ADD COLUMN sso_subject     text UNIQUE,                    -- issuer and subject of single sign-on; null: a local account
    ADD COLUMN last_login_at   timestamptz,
    ADD CONSTRAINT principal_service_has_no_password CHECK (kind = 'person' OR (password_hash IS NULL AND sso_subject IS NULL)),
    ADD CONSTRAINT principal_admin_is_not_limited CHECK (NOT (role = 'admin' AND is_limited));

ALTER TABLE api_key
    ADD COLUMN scope        text NOT NULL DEFAULT 'admin' CHECK (scope IN ('read', 'write', 'admin')),
    ADD COLUMN prefix       text NOT NULL DEFAULT '',          -- the key's first characters, to know it by
    ADD COLUMN last_used_at timestamptz;                       -- to the minute
COMMENT ON COLUMN api_key.scope IS 'What of its owner''s role the key may: read; write: all but people; admin: everything';

-- When somebody last came in, or a key was last used, is no change of the registry: it leaves no entry.
DROP TRIGGER audit ON api_key;
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF label, scope, expires_at, principal_id ON api_key
    FOR EACH ROW EXECUTE FUNCTION write_audit('label', 'secret_hash', 'last_used_at');
DROP TRIGGER audit ON principal;
CREATE TRIGGER audit AFTER INSERT OR DELETE
    OR UPDATE OF name, role, kind, is_limited, disabled_at, password_hash, password_set_at, password_is_due, sso_subject ON principal
    FOR EACH ROW EXECUTE FUNCTION write_audit('name', 'password_hash', 'last_login_at');

-- Somebody must always be able to let others in.
CREATE FUNCTION keep_an_admin() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7433002); -- two who take each other's role at once go one after the other
    IF NOT EXISTS (SELECT FROM principal WHERE role = 'admin' AND kind = 'person' AND disabled_at IS NULL) THEN
        RAISE EXCEPTION 'the last administrator must stay one' USING ERRCODE = 'HR001';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_an_admin AFTER UPDATE OR DELETE ON principal
    FOR EACH ROW WHEN (OLD.role = 'admin' AND OLD.kind = 'person' AND OLD.disabled_at IS NULL)
    EXECUTE FUNCTION keep_an_admin();

-- Logins stand in the audit; the application can add one, and nothing else.
ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_action_check;
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_action_check
    CHECK (action IN ('added', 'changed', 'removed', 'signed in', 'refused'));
CREATE INDEX audit_entry_made_at ON audit_entry (made_at);
CREATE FUNCTION write_login(name text, succeeded boolean, told text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO audit_entry (person, note, kind, key, action)
    VALUES (write_login.name, told, 'login', write_login.name, CASE WHEN succeeded THEN 'signed in' ELSE 'refused' END);
$$;

-- Areas: sets of sites. Who is limited sees the sites of their areas, and what hangs on them.
CREATE TABLE area (
    area_id    int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9_-]*$'),
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE area_site (
    area_id int4 NOT NULL REFERENCES area ON DELETE CASCADE,
    site_id int4 NOT NULL REFERENCES site ON DELETE CASCADE,
    PRIMARY KEY (area_id, site_id)
);
CREATE INDEX area_site_site ON area_site (site_id);
CREATE TABLE principal_area (
    principal_id int4 NOT NULL REFERENCES principal ON DELETE CASCADE,
    area_id      int4 NOT NULL REFERENCES area ON DELETE CASCADE,
    PRIMARY KEY (principal_id, area_id)
);
CREATE INDEX principal_area_area ON principal_area (area_id);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON area FOR EACH ROW EXECUTE FUNCTION write_audit('code');

-- The audit names areas, sites and people as people know them.
CREATE FUNCTION write_audit_of_area() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    link jsonb := to_jsonb(coalesce(NEW, OLD));
    told jsonb := jsonb_strip_nulls(jsonb_build_object(
        'area', (SELECT code FROM area WHERE area_id = (link ->> 'area_id')::int4),
        'site', (SELECT code FROM site WHERE site_id = (link ->> 'site_id')::int4),
        'person', (SELECT name FROM principal WHERE principal_id = (link ->> 'principal_id')::int4)));
BEGIN
    IF told ? 'area' THEN -- an area that goes as a whole has an entry of its own
        INSERT INTO audit_entry (person, note, kind, key, action, before, after)
        VALUES (
            coalesce(nullif(current_setting('hedgerow.person', true), ''), session_user),
            coalesce(current_setting('hedgerow.note', true), ''),
            TG_TABLE_NAME, told ->> 'area',
            CASE TG_OP WHEN 'INSERT' THEN 'added' ELSE 'removed' END,
            CASE TG_OP WHEN 'DELETE' THEN told END,
            CASE TG_OP WHEN 'INSERT' THEN told END
        );
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR DELETE ON area_site FOR EACH ROW EXECUTE FUNCTION write_audit_of_area();
CREATE TRIGGER audit AFTER INSERT OR DELETE ON principal_area FOR EACH ROW EXECUTE FUNCTION write_audit_of_area();

-- Who made a site or device: its maker sees it while it lies in no area.
ALTER TABLE site ADD COLUMN made_by int4 DEFAULT nullif(current_setting('hedgerow.principal', true), '')::int4
    REFERENCES principal ON DELETE SET NULL;
ALTER TABLE device ADD COLUMN made_by int4 DEFAULT nullif(current_setting('hedgerow.principal', true), '')::int4
    REFERENCES principal ON DELETE SET NULL;

-- Whoever is not limited works as hedgerow_app, whose policy is no condition at all: the planner drops it, it costs nothing.
-- Who is limited works as hedgerow_limited: the same rights, and every row must also pass the policies below.
DO $$ BEGIN
    CREATE ROLE hedgerow_limited NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles belong to the server: another database of it may have made this one
END $$;
COMMENT ON ROLE hedgerow_limited IS 'hedgerow_app for a person who sees only the sites of their areas';
DO $$ BEGIN
    GRANT hedgerow_app TO hedgerow_limited;
EXCEPTION WHEN unique_violation OR object_in_use THEN
    NULL; -- two databases of one server may migrate at once
END $$;
DO $$ BEGIN
    EXECUTE format('GRANT hedgerow_limited TO %I', current_user);
EXCEPTION WHEN invalid_grant_operation OR unique_violation OR object_in_use THEN
    NULL; -- a superuser needs no grant; two databases of one server may migrate at once
END $$;

-- These look behind the policies, for whoever asks.
CREATE FUNCTION my_id() RETURNS int4 LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('hedgerow.principal', true), '')::int4
$$;
CREATE FUNCTION is_in_an_area(site_id int4) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM area_site a WHERE a.site_id = is_in_an_area.site_id)
$$;
CREATE FUNCTION is_deployed(device_id int4) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM deployment d WHERE d.device_id = is_deployed.device_id)
$$;
CREATE FUNCTION my_sites() RETURNS SETOF int4
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT site_id FROM area_site JOIN principal_area USING (area_id) WHERE principal_id = my_id()
    UNION
    SELECT site_id FROM site WHERE made_by = my_id() AND NOT is_in_an_area(site_id)
$$;
-- A device lies where it is now, or else where it was last.
CREATE FUNCTION my_devices() RETURNS SETOF int4
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT device_id FROM (
        SELECT DISTINCT ON (device_id) device_id, site_id FROM deployment
        ORDER BY device_id, during @> now() DESC, lower(during) DESC
    ) place WHERE site_id IN (SELECT my_sites())
    UNION
    SELECT device_id FROM device WHERE made_by = my_id() AND NOT is_deployed(device_id)
$$;
CREATE FUNCTION my_device_uids() RETURNS SETOF text
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT uid FROM device WHERE device_id IN (SELECT my_devices())
$$;
CREATE FUNCTION my_series() RETURNS SETOF int4
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT series_id FROM series WHERE site_id IN (SELECT my_sites())
$$;

-- Limits a table: keep_to_areas('device_event', 'device_id IN (SELECT my_devices())'). Later migrations use it too.
CREATE FUNCTION keep_to_areas(limited regclass, condition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', limited);
    EXECUTE format('CREATE POLICY everyone ON %s TO hedgerow_app USING (true)', limited);
    EXECUTE format('CREATE POLICY areas ON %s AS RESTRICTIVE TO hedgerow_limited USING (%s)', limited, condition);
END $$;
REVOKE EXECUTE ON FUNCTION keep_to_areas FROM PUBLIC;

SELECT keep_to_areas('site', 'site_id IN (SELECT my_sites()) OR (made_by = my_id() AND NOT is_in_an_area(site_id))');
SELECT keep_to_areas('device', 'device_id IN (SELECT my_devices()) OR (made_by = my_id() AND NOT is_deployed(device_id))');
SELECT keep_to_areas('deployment', 'site_id IN (SELECT my_sites())');
SELECT keep_to_areas('series', 'site_id IN (SELECT my_sites())');
SELECT keep_to_areas('maintenance_window', 'site_id IN (SELECT my_sites())');
SELECT keep_to_areas('registry_action', 'site_id IN (SELECT my_sites()) OR old_site_id IN (SELECT my_sites())
    OR (site_id IS NULL AND old_site_id IS NULL AND device_id IN (SELECT my_devices()))');
SELECT keep_to_areas('quarantine', 'device_uid IN (SELECT my_device_uids())');
SELECT keep_to_areas('held', 'device_uid IN (SELECT my_device_uids())');
SELECT keep_to_areas('device_event', 'device_id IN (SELECT my_devices())');
SELECT keep_to_areas('device_clock', 'device_id IN (SELECT my_devices())');
SELECT keep_to_areas('reading_correction', 'series_id IN (SELECT my_series())');
SELECT keep_to_areas('reading_conflict', 'series_id IN (SELECT my_series())');
SELECT keep_to_areas('redecode_run', 'device_uid IN (SELECT my_device_uids())');
-- Nobody widens their own limits.
SELECT keep_to_areas('area', 'area_id IN (SELECT area_id FROM principal_area WHERE principal_id = my_id())');
SELECT keep_to_areas('area_site', 'area_id IN (SELECT area_id FROM principal_area WHERE principal_id = my_id())');
SELECT keep_to_areas('principal_area', 'principal_id = my_id()');
CREATE POLICY nobody_adds ON area AS RESTRICTIVE FOR INSERT TO hedgerow_limited WITH CHECK (false);
CREATE POLICY nobody_adds ON area_site AS RESTRICTIVE FOR INSERT TO hedgerow_limited WITH CHECK (false);
CREATE POLICY nobody_adds ON principal_area AS RESTRICTIVE FOR INSERT TO hedgerow_limited WITH CHECK (false);
CREATE POLICY nobody_changes ON area AS RESTRICTIVE FOR UPDATE TO hedgerow_limited USING (false);
CREATE POLICY nobody_changes ON area_site AS RESTRICTIVE FOR UPDATE TO hedgerow_limited USING (false);
CREATE POLICY nobody_changes ON principal_area AS RESTRICTIVE FOR UPDATE TO hedgerow_limited USING (false);
CREATE POLICY nobody_removes ON area AS RESTRICTIVE FOR DELETE TO hedgerow_limited USING (false);
CREATE POLICY nobody_removes ON area_site AS RESTRICTIVE FOR DELETE TO hedgerow_limited USING (false);
CREATE POLICY nobody_removes ON principal_area AS RESTRICTIVE FOR DELETE TO hedgerow_limited USING (false);

-- What a limited person makes lies in their areas: else it would be gone the moment somebody else is to see to it.
CREATE FUNCTION put_in_areas_of_maker() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO area_site (area_id, site_id)
    SELECT area_id, NEW.site_id FROM principal_area JOIN principal USING (principal_id)
    WHERE principal_id = NEW.made_by AND is_limited;
    RETURN NULL;
END $$;
CREATE TRIGGER put_in_areas_of_maker AFTER INSERT ON site FOR EACH ROW EXECUTE FUNCTION put_in_areas_of_maker();

-- Codes are taken by sites of all areas.
CREATE FUNCTION free_site_code(slug text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM site WHERE code = slug) THEN slug
        ELSE slug || '-' || (
            SELECT 1 + greatest(1, max(substring(code FROM length(slug) + 2)::int8))
            FROM site
            WHERE starts_with(code, slug || '-') AND substring(code FROM length(slug) + 2) ~ '^[0-9]{1,9}$'
        )
    END
$$;

REVOKE EXECUTE ON FUNCTION write_login, is_in_an_area, is_deployed, my_sites, my_devices, my_device_uids, my_series, free_site_code
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION write_login, is_in_an_area, is_deployed, my_sites, my_devices, my_device_uids, my_series, free_site_code
    TO hedgerow_app;
