-- name: read_registry_version
-- Which registry this is: deployments of times that have passed have changed so often.
SELECT version FROM registry_version;

-- name: hold_registry_version
-- The same, and it stays so until the transaction ends.
SELECT hold_registry();

-- name: list_metrics
-- Every metric with what ingest needs to know of it, by metric_id.
SELECT metric_id, key, unit, unit_senml, valid_min, valid_max FROM metric ORDER BY metric_id;

-- name: list_metric_aliases
-- Every other spelling of a metric.
SELECT alias, metric_id FROM metric_alias;

-- name: list_metric_rules
-- What the rules that set flags go by, of every metric, by metric_id.
SELECT m.key, coalesce(q.max_step_per_min, m.max_step_per_min), q.flat_count, coalesce(q.flat_for_s, 0), q.spike_least, coalesce(q.sentinels, '{}'),
       q.humid_above, q.not_above, coalesce(q.not_above_times, 1), q.low_below
FROM metric m
LEFT JOIN metric_quality q ON q.metric = m.key
ORDER BY m.metric_id;

-- name: list_profile_rules
-- What devices of a profile need beyond that.
SELECT profile, warm_up_s, silence_s, sentinels FROM profile_quality ORDER BY profile;

-- name: list_metric_states
-- The named codes of state metrics.
SELECT metric_id, label, code FROM metric_state;

-- name: list_profiles
-- What ingest needs to know of every device profile, by profile_id.
SELECT profile_id, key, codec, definition, script, clock_back_s, clock_ahead_s FROM device_profile ORDER BY profile_id;

-- name: list_devices
-- Every device with its device profile, by device_id.
SELECT device_id, uid, profile_id FROM device ORDER BY device_id;

-- name: list_deployments
-- Every deployment as microseconds since 1970, by device and start; null stands for an open end.
SELECT deployment_id, device_id, site_id, channel,
       CASE WHEN lower_inf(during) OR lower(during) = '-infinity' THEN NULL
            ELSE (extract(epoch FROM lower(during)) * 1000000)::int8 END AS from_us,
       CASE WHEN upper_inf(during) OR upper(during) = 'infinity' THEN NULL
            ELSE (extract(epoch FROM upper(during)) * 1000000)::int8 END AS to_us
FROM deployment
ORDER BY device_id, lower(during) NULLS FIRST;

-- name: list_series
-- Every series.
SELECT series_id, site_id, metric_id, channel FROM series;

-- name: list_invalidations
-- Ranges that people have taken out of the statistics, as microseconds since 1970, by series and start; they do not overlap.
SELECT series_id, (extract(epoch FROM lower(piece)) * 1000000)::int8 AS from_us,
       (extract(epoch FROM upper(piece)) * 1000000)::int8 AS to_us
FROM (
    SELECT series_id, unnest(range_agg(during)) AS piece FROM invalidation WHERE undone_at IS NULL GROUP BY series_id
) whole
ORDER BY series_id, lower(piece);

-- name: list_kept_from
-- Series of which old readings are no longer kept, and from when on they are [µs since 1970].
SELECT series_id, (extract(epoch FROM raw_from) * 1000000)::int8 FROM series WHERE raw_from IS NOT NULL;

-- name: add_series
-- Makes the series that first readings call for; another worker may have been quicker. In key order: workers never deadlock.
INSERT INTO series (site_id, metric_id, channel)
SELECT * FROM unnest(%(sites)s::int4[], %(metrics)s::int4[], %(channels)s::text[]) ORDER BY 1, 2, 3
ON CONFLICT (site_id, metric_id, channel) DO NOTHING;
