-- Run at every start of the demo profile, by the owner of the database: the key the simulated county registers with.
\getenv api_key SIMULATOR_API_KEY
BEGIN;
INSERT INTO principal (name, role) VALUES ('simulator', 'engineer') ON CONFLICT (name) DO NOTHING;
DELETE FROM api_key
WHERE label = 'from the environment' AND principal_id = (SELECT principal_id FROM principal WHERE name = 'simulator');
INSERT INTO api_key (principal_id, label, secret_hash)
SELECT principal_id, 'from the environment', sha256(convert_to(:'api_key', 'UTF8'))
FROM principal WHERE name = 'simulator';
COMMIT;
