-- Imports of spreadsheets: what was shown to somebody is what is carried out, and what became of each row can be looked at
-- later. No audit of its own: each change an import makes stands there under its name.
CREATE TABLE import_run (
    import_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person          text NOT NULL,              -- who sent the file: nobody else sees it
    request_key     text,                       -- Idempotency-Key of a program: sent twice, carried out once
    file_name       text NOT NULL DEFAULT '',
    content         bytea NOT NULL,             -- the file as it came; at most 5 MiB
    answer          bytea NOT NULL,             -- JSON: what would become, or became, of each row
    made_at         timestamptz NOT NULL DEFAULT now(),
    carried_out_at  timestamptz,                -- null: a dry run
    UNIQUE (person, request_key)
);
CREATE INDEX import_run_made_at ON import_run (made_at);

-- Uids and codes are taken for everybody, also by what somebody who is limited to areas does not see.
CREATE FUNCTION taken_uids(uids text[]) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT uid FROM device WHERE uid = ANY (uids)
$$;
CREATE FUNCTION taken_site_codes() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT code FROM site
$$;
REVOKE EXECUTE ON FUNCTION taken_uids, taken_site_codes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION taken_uids, taken_site_codes TO hedgerow_app;
