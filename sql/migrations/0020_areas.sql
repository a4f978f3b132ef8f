-- What came beside the registry since 0014_access is kept to areas too.
SELECT keep_to_areas('device_credential', 'device_id IN (SELECT my_devices())');
SELECT keep_to_areas('unplaced_reading', 'device_id IN (SELECT my_devices())');
SELECT keep_to_areas('shared_time', 'site_id IN (SELECT my_sites())');

-- Device profiles are everybody's: who is limited changes none.
SELECT keep_to_areas('device_profile', 'true');
CREATE POLICY nobody_changes ON device_profile AS RESTRICTIVE FOR UPDATE TO hedgerow_limited USING (false);
CREATE POLICY nobody_removes ON device_profile AS RESTRICTIVE FOR DELETE TO hedgerow_limited USING (false);

-- A device may have been elsewhere before: what it measured there is not decoded again by who does not see that place.
CREATE FUNCTION was_only_at_my_sites(device_uid text, since timestamptz, until timestamptz) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT NOT EXISTS (
        SELECT FROM deployment JOIN device USING (device_id)
        WHERE uid = was_only_at_my_sites.device_uid AND during && tstzrange(since, until)
          AND site_id NOT IN (SELECT my_sites())
    )
$$;
REVOKE EXECUTE ON FUNCTION was_only_at_my_sites FROM PUBLIC;
GRANT EXECUTE ON FUNCTION was_only_at_my_sites TO hedgerow_app;
CREATE POLICY only_my_places ON errand AS RESTRICTIVE FOR INSERT TO hedgerow_limited
    WITH CHECK (kind <> 'redecode' OR was_only_at_my_sites(device_uid, from_at, to_at));
