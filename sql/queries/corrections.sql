-- name: page_of_corrections
-- Readings that were corrected or removed, the last ones first, from the one before `after` on.
SELECT c.correction_id AS id, s.code AS site, se.channel, m.key AS metric, m.unit, c.time, c.old_value, c.old_flags, c.new_value,
       c.new_flags, c.corrected_at, c.run_id AS run, r.profile
FROM reading_correction c
JOIN redecode_run r USING (run_id)
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE (%(after)s::int8 IS NULL OR c.correction_id < %(after)s::int8)
  AND (%(site)s::text IS NULL OR s.code = %(site)s::text)
  AND (%(metric)s::text IS NULL OR m.key = %(metric)s::text)
ORDER BY c.correction_id DESC
LIMIT %(limit)s::int8 + 1;

-- name: page_of_conflicts
-- Series and days on which readings were refused because another value was stored already, the last ones first.
SELECT c.conflict_id AS id, s.code AS site, se.channel, m.key AS metric, m.unit, c.day, c.conflicts, c.time, c.kept_value,
       c.refused_value, c.noted_at
FROM reading_conflict c
JOIN series se USING (series_id)
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
WHERE (%(after)s::int8 IS NULL OR c.conflict_id < %(after)s::int8)
  AND (%(site)s::text IS NULL OR s.code = %(site)s::text)
  AND (%(metric)s::text IS NULL OR m.key = %(metric)s::text)
ORDER BY c.conflict_id DESC
LIMIT %(limit)s::int8 + 1;
