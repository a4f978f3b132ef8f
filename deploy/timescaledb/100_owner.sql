-- Run once, by the database container when its volume is empty: the owner of Hedgerow's database.
-- No superuser: it may make the role that Grafana reads with (CREATEROLE reaches only roles it made itself).
\getenv password DATABASE_PASSWORD
CREATE ROLE hedgerow LOGIN CREATEROLE PASSWORD :'password';
-- The migrations ask whether TimescaleDB is preloaded.
GRANT pg_read_all_settings TO hedgerow;
ALTER DATABASE hedgerow OWNER TO hedgerow;
REVOKE TEMPORARY ON DATABASE hedgerow FROM PUBLIC;
