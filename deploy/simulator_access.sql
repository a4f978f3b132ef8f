-- Run at every start of the demo profile, by the owner of the database: the key the simulated county registers with.
\getenv api_key SIMULATOR_API_KEY
BEGIN;
INSERT INTO principal (name, role) VALUES ('simulator', 'manager') ON CONFLICT (name) DO UPDATE SET role = 'manager';
DELETE FROM api_key
WHERE label = 'from the environment' AND principal_id = (SELECT principal_id FROM principal WHERE name = 'simulator');
INSERT INTO api_key (principal_id, label, scope, secret_hash)
SELECT principal_id, 'from the environment', 'write', sha256(convert_to(:'api_key', 'UTF8'))
FROM principal WHERE name = 'simulator';
COMMIT;
