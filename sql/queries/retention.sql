-- name: lead_retention
-- One process at a time sees to what is kept; it leads as long as its connection lasts.
SELECT pg_try_advisory_lock(hashtext('hedgerow retention'));

-- name: be_brief
-- Whoever stores or asks must hardly notice: what cannot be locked in this time is tried again later.
SELECT set_config('lock_timeout', %(patience)s::text, false);

-- name: last_retention_run
-- How long ago the last run ended [s], and what stood in its way.
SELECT extract(epoch FROM clock_timestamp() - finished_at)::float8, postponed FROM retention_run ORDER BY run_id DESC LIMIT 1;

-- name: note_retention_run
-- What a run did.
INSERT INTO retention_run (started_at, counts, postponed)
VALUES (%(started_at)s::timestamptz, %(counts)s::jsonb, %(postponed)s::text);

-- name: list_retention_policies
-- How long raw readings are kept: for all, by domain, by metric.
SELECT domain, metric, keep_months FROM retention_policy ORDER BY metric NULLS FIRST, domain NULLS FIRST;

-- name: list_retention_tables
-- Every table that grows with time, and how long its rows are kept.
SELECT name, what, keep_days, aged_by IS NOT NULL OR goes_by_partition AS is_settable FROM retention_table ORDER BY name;

-- name: list_what_ages
-- Tables whose old rows are deleted one by one, and from when on rows are kept.
SELECT name, %(now)s::timestamptz - make_interval(days => keep_days) AS kept_from
FROM retention_table
WHERE aged_by IS NOT NULL AND keep_days IS NOT NULL
ORDER BY name;

-- name: find_kept_from
-- From when on the rows of one table are kept; null: for ever.
SELECT %(now)s::timestamptz - make_interval(days => keep_days) FROM retention_table WHERE name = %(name)s::text;

-- name: put_retention_policy
-- How long raw readings of a metric, of a domain, or of all that have no policy of their own are kept; null months: for ever.
-- No row where there is no such metric or domain.
INSERT INTO retention_policy (domain, metric, keep_months)
SELECT %(domain)s::text, %(metric)s::text, %(keep_months)s::int4
WHERE (%(domain)s::text IS NULL OR EXISTS (SELECT FROM metric WHERE domain = %(domain)s::text))
  AND (%(metric)s::text IS NULL OR EXISTS (SELECT FROM metric WHERE key = %(metric)s::text))
ON CONFLICT (domain, metric) DO UPDATE SET keep_months = excluded.keep_months
RETURNING name;

-- name: remove_retention_policy
-- From here on the less specific one counts; the one for all stays.
DELETE FROM retention_policy
WHERE domain IS NOT DISTINCT FROM %(domain)s::text AND metric IS NOT DISTINCT FROM %(metric)s::text
  AND num_nonnulls(domain, metric) > 0
RETURNING name;

-- name: keep_table
-- How long the rows of a table are kept; null days: for ever. No row where that is not to be set.
UPDATE retention_table SET keep_days = %(keep_days)s::int4
WHERE name = %(name)s::text AND (aged_by IS NOT NULL OR goes_by_partition)
RETURNING name;

-- name: keep_readings_as_they_are
-- Nobody stores or changes readings until the transaction ends: every mark there will be is there.
LOCK TABLE ONLY reading IN SHARE ROW EXCLUSIVE MODE;

-- name: raise_raw_from
-- Readings of series before these times are no longer kept: all of them are in rollups, and no mark waits. Gives how many series
-- it is of. The caller sees to it that nobody stores readings meanwhile.
WITH raised AS (
    UPDATE series s SET raw_from = k.since
    FROM kept_from(%(now)s::timestamptz) k, rollup_state st
    WHERE k.series_id = s.series_id AND k.since > coalesce(s.raw_from, '-infinity') AND k.since <= st.rolled_until
      AND NOT EXISTS (SELECT FROM rollup_dirty d WHERE d.series_id = s.series_id AND (d.hour IS NULL OR d.hour < k.since))
      AND NOT EXISTS (SELECT FROM rollup_dirty d WHERE d.series_id IS NULL AND d.hour < k.since)
    RETURNING 1
)
SELECT count(*) FROM raised;

-- name: count_series_due
-- Of how many series readings are older than they are to be kept, by the policies and not yet by `raw_from`.
SELECT count(*)
FROM kept_from(%(now)s::timestamptz) k JOIN series s USING (series_id)
WHERE k.since > coalesce(s.raw_from, '-infinity');

-- name: count_readings_due
-- About how many readings these are, by their rollups.
SELECT coalesce(sum(h.n_all), 0)::int8
FROM kept_from(%(now)s::timestamptz) k
JOIN series s USING (series_id)
JOIN rollup_hour h ON h.series_id = s.series_id AND h.hour >= coalesce(s.raw_from, '-infinity') AND h.hour < k.since;

-- name: find_horizon
-- Before this no reading of any series is kept; the same after the next run, where nothing stands in the way. Null: all are kept.
SELECT nullif(min(coalesce(s.raw_from, '-infinity')), '-infinity'), nullif(min(greatest(s.raw_from, k.since, '-infinity')), '-infinity')
FROM series s JOIN kept_from(%(now)s::timestamptz) k USING (series_id);

-- name: list_old_partitions
-- Partitions that end before a time: all of them, or the one of a name.
SELECT name, rows, bytes FROM partitions_of(%(parent)s::text)
WHERE upper <= %(before)s::timestamptz AND (%(name)s::text IS NULL OR name = %(name)s::text);

-- name: list_empty_partitions
-- Partitions of readings of times long past that hold nothing: all of them, or the one of a name. Asked of the whole table, for a
-- chunk that is compressed looks empty itself.
SELECT name FROM partitions_of('reading') p
WHERE upper <= %(before)s::timestamptz AND (%(name)s::text IS NULL OR name = %(name)s::text)
  AND NOT EXISTS (SELECT FROM reading r WHERE r.time >= p.lower AND r.time < p.upper);

-- name: drop_partition
-- Takes a partition away with all it holds.
SELECT drop_partition(%(parent)s::text, %(name)s::text);

-- name: ensure_partitions_ahead
-- Makes the partitions of the time to come, where the flavour needs it.
SELECT ensure_partition('reading', %(now)s::timestamptz + make_interval(days => day)) FROM generate_series(0, 31, 7) day
UNION ALL
SELECT ensure_partition('uplink', %(now)s::timestamptz + make_interval(days => day)) FROM generate_series(0, 3) day;

-- name: find_unkept_readings
-- The next series, from one on, that still has readings which are no longer kept and will not go with a partition soon; and
-- until when the oldest of them, `most` at once, lie.
SELECT s.series_id, coalesce(
    (SELECT time FROM reading r WHERE r.series_id = s.series_id AND r.time < s.raw_from ORDER BY time OFFSET %(most)s::int8 LIMIT 1),
    s.raw_from
) AS until
FROM series s
WHERE s.series_id >= %(from_series)s::int4 AND s.raw_from > coalesce(%(horizon)s::timestamptz, '-infinity')
  AND EXISTS (SELECT FROM reading r WHERE r.series_id = s.series_id AND r.time < s.raw_from)
ORDER BY s.series_id
LIMIT 1;

-- name: delete_unkept_readings
-- Deletes readings of a series that are no longer kept.
DELETE FROM reading WHERE series_id = %(series)s::int4 AND time < %(until)s::timestamptz;

-- name: forget_rows
-- Deletes old rows of a table, a bounded number at once, and gives how many.
SELECT forget_rows(%(name)s::text, %(before)s::timestamptz, %(most)s::int8);

-- name: count_old_rows
-- How many rows of a table are older.
SELECT count_old_rows(%(name)s::text, %(before)s::timestamptz);

-- name: use_columnstore
-- Lets the server compress old partitions where it offers that, and tells whether it does.
SELECT name, CASE name WHEN 'reading' THEN use_columnstore('reading', 'series_id', 'time', make_interval(days => compress_after_days))
                       ELSE use_columnstore('uplink', 'device_id', 'received_at', make_interval(days => compress_after_days)) END
FROM retention_table
WHERE name IN ('reading', 'uplink')
ORDER BY name;
