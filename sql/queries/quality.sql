-- name: read_excluding_flags
-- The flags that keep a reading out of aggregates, as one number.
SELECT excluding_flags();

-- name: list_quality_flags
-- Every flag with whether it keeps readings out.
SELECT bit, key, description, excluding FROM quality_flag ORDER BY bit;

-- name: set_excluding
-- Says whether a flag keeps readings out; no row where there is no such flag.
UPDATE quality_flag SET excluding = %(excluding)s WHERE key = %(key)s RETURNING bit;
