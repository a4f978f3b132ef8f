-- name: put_metric
-- Adds a metric of the vocabulary or brings its row up to date; an unchanged row is left alone.
INSERT INTO metric AS m (key, domain, unit, unit_senml, kind, valid_min, valid_max, max_step_per_min, description)
VALUES (%(key)s, %(domain)s, %(unit)s, %(unit_senml)s, %(kind)s, %(valid_min)s, %(valid_max)s,
        %(max_step_per_min)s, %(description)s)
ON CONFLICT (key) DO UPDATE
SET domain = excluded.domain, unit = excluded.unit, unit_senml = excluded.unit_senml, kind = excluded.kind,
    valid_min = excluded.valid_min, valid_max = excluded.valid_max,
    max_step_per_min = excluded.max_step_per_min, description = excluded.description
WHERE (m.domain, m.unit, m.unit_senml, m.kind, m.valid_min, m.valid_max, m.max_step_per_min, m.description)
    IS DISTINCT FROM (excluded.domain, excluded.unit, excluded.unit_senml, excluded.kind, excluded.valid_min,
                      excluded.valid_max, excluded.max_step_per_min, excluded.description);

-- name: put_metric_alias
-- Another spelling under which devices send a metric.
INSERT INTO metric_alias (alias, metric_id)
SELECT %(alias)s, metric_id FROM metric WHERE key = %(key)s
ON CONFLICT (alias) DO UPDATE SET metric_id = excluded.metric_id
WHERE metric_alias.metric_id <> excluded.metric_id;

-- name: put_metric_state
-- The label of a code of a state metric; a code that a council gave that label stays, and this one has none.
INSERT INTO metric_state (metric_id, code, label)
SELECT metric_id, %(code)s, %(label)s FROM metric AS m
WHERE m.key = %(key)s AND NOT EXISTS (
    SELECT FROM metric_state AS other
    WHERE other.metric_id = m.metric_id AND other.label = %(label)s AND other.code <> %(code)s)
ON CONFLICT (metric_id, code) DO UPDATE SET label = excluded.label
WHERE metric_state.label <> excluded.label;

-- name: list_metric_names
-- Every name under which a metric may be sent, as one row.
SELECT array_agg(name) AS names FROM (SELECT key AS name FROM metric UNION SELECT alias FROM metric_alias) named;
