-- Run at every start, by the owner of the database: what Grafana comes in with, on both of its ways.
\getenv reader_password READER_PASSWORD
\getenv api_key GRAFANA_API_KEY
\getenv public_url PUBLIC_URL
BEGIN;

-- To the database: views only (migrations 0006_views and 0028_grafana), briefly, and without writing.
ALTER ROLE hedgerow_reader LOGIN PASSWORD :'reader_password' CONNECTION LIMIT 20;
ALTER ROLE hedgerow_reader SET statement_timeout = '15s';
ALTER ROLE hedgerow_reader SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE hedgerow_reader SET default_transaction_read_only = on;
-- The views reach over every chunk: compiling a statement takes longer than carrying it out.
ALTER ROLE hedgerow_reader SET jit = off;

-- Where people reach the console: links of the dashboards lead there.
\if :{?public_url}
CREATE OR REPLACE VIEW console_address AS SELECT :'public_url'::text AS address;
\endif

-- To the API: a viewer's key. Another key in the environment takes the place of the one before.
INSERT INTO principal (name, role) VALUES ('grafana', 'viewer') ON CONFLICT (name) DO NOTHING;
DELETE FROM api_key
WHERE label = 'from the environment' AND principal_id = (SELECT principal_id FROM principal WHERE name = 'grafana');
INSERT INTO api_key (principal_id, label, scope, secret_hash)
SELECT principal_id, 'from the environment', 'read', sha256(convert_to(:'api_key', 'UTF8'))
FROM principal WHERE name = 'grafana';

COMMIT;
