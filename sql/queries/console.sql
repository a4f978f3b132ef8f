-- name: read_overview
-- One page of sites with state, last heard and main values; the counts of all sites stand on every row.
WITH expected AS (
    SELECT d.site_id, min(p.expected_interval_s) AS interval_s
    FROM deployment d
    JOIN device USING (device_id)
    JOIN device_profile p USING (profile_id)
    WHERE d.during @> now()
    GROUP BY d.site_id
), state AS (
    SELECT s.*, st.state AS status, coalesce(e.interval_s, 900) AS interval_s,
           coalesce(st.last_received_at, (SELECT max(l.received_at) FROM series se JOIN latest l USING (series_id)
                                          WHERE se.site_id = s.site_id)) AS heard_at
    FROM site s
    JOIN site_state st USING (site_id)
    LEFT JOIN expected e USING (site_id)
), matching AS (
    -- Numbers in names padded with zeros: gully 14 stands before gully 101.
    SELECT *, regexp_replace(regexp_replace(lower(name), '\d+', '0000000\&', 'g'), '\d*(\d{8})', '\1', 'g') AS place
    FROM state
    WHERE (%(code)s::text IS NULL OR code = %(code)s)
      AND (%(domain)s::text IS NULL OR coalesce(domain, 'mixed') = %(domain)s)
      AND (%(status)s::text IS NULL OR status = %(status)s)
      AND (%(q)s::text IS NULL
           OR position(lower(%(q)s) IN lower(name || ' ' || code)) > 0
           OR EXISTS (SELECT FROM deployment d JOIN device v USING (device_id)
                      WHERE d.site_id = state.site_id
                        AND position(lower(%(q)s) IN lower(v.uid || ' ' || v.name)) > 0))
), counts AS (
    SELECT count(*) AS sites,
           count(*) FILTER (WHERE status = 'ok') AS sites_ok,
           count(*) FILTER (WHERE status = 'late') AS sites_late,
           count(*) FILTER (WHERE status = 'stale') AS sites_stale,
           count(*) FILTER (WHERE status = 'offline') AS sites_offline,
           (SELECT count(*) FROM matching) AS sites_matching,
           coalesce(array_agg(DISTINCT coalesce(domain, 'mixed')), '{}') AS domains
    FROM state
), page AS (
    SELECT *
    FROM matching
    ORDER BY place, code
    LIMIT %(limit)s OFFSET %(offset)s
)
SELECT counts.*, page.site_id, page.code, page.name, page.domain, page.latitude, page.longitude, page.time_zone,
       page.heard_at, page.interval_s, page.status, coalesce(main.readings, '[]') AS readings
FROM counts
LEFT JOIN page ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(to_jsonb(last_value) ORDER BY last_value.rank) AS readings
    FROM (
        SELECT m.key AS metric, m.unit, m.kind, se.channel, l.value, l.flags, row_number() OVER (
                   ORDER BY array_position(%(main_metrics)s::text[], m.key),
                            m.domain IN ('radio', 'power', 'device', 'location'), m.metric_id, se.channel) AS rank
        FROM series se
        JOIN latest l USING (series_id)
        JOIN metric m USING (metric_id)
        WHERE se.site_id = page.site_id
        ORDER BY rank
        LIMIT 3
    ) last_value
) main ON true
ORDER BY page.place, page.code;

-- name: count_set_aside
-- How many messages wait for their device to be registered, and how many rows stand in quarantine unreplayed.
SELECT (SELECT count(*) FROM held) AS held,
       (SELECT count(*) FROM quarantine WHERE replayed_at IS NULL AND dismissed_at IS NULL) AS quarantined;

-- name: list_devices_of_site
-- The devices at a site, now and before, latest first.
SELECT v.uid, v.name, d.channel, p.name AS profile, p.expected_interval_s AS interval_s, p.battery,
       nullif(lower(d.during), '-infinity') AS since, nullif(upper(d.during), 'infinity') AS until,
       d.during @> now() AS is_here
FROM deployment d
JOIN device v USING (device_id)
JOIN device_profile p USING (profile_id)
JOIN site s USING (site_id)
WHERE s.code = %(code)s
ORDER BY is_here DESC, upper(d.during) DESC NULLS FIRST, v.uid;

-- name: list_latest_of_site
-- The last value of every series of a site, the main metrics first.
SELECT se.series_id, m.key AS metric, m.unit, m.kind, se.channel, l.time, l.value, l.flags
FROM series se
JOIN site s USING (site_id)
JOIN metric m USING (metric_id)
LEFT JOIN latest l USING (series_id)
WHERE s.code = %(code)s
ORDER BY array_position(%(main_metrics)s::text[], m.key), m.domain IN ('radio', 'power', 'device', 'location'),
         m.metric_id, se.channel;

-- name: list_profile_choices
-- Every device profile, as a form offers it: the one for any device first, then by name.
SELECT key, name FROM device_profile ORDER BY key <> 'generic', lower(name), key;

-- name: list_sites_for_map
-- Every site that fits the filters, with its state as in the overview and the last value of its main metric.
WITH state AS (
    SELECT s.*, st.state, st.since FROM site s JOIN site_state st USING (site_id)
), ranked AS (
    -- Once for each metric: looked up in the list for each series it would take most of the time.
    SELECT metric_id, key, unit,
           row_number() OVER (ORDER BY array_position(%(main_metrics)s::text[], key),
                              domain IN ('radio', 'power', 'device', 'location'), metric_id) AS rank
    FROM metric
), main AS (
    SELECT DISTINCT ON (se.site_id) se.site_id, m.key AS metric, m.unit, l.value
    FROM latest l
    JOIN series se USING (series_id)
    JOIN ranked m USING (metric_id)
    ORDER BY se.site_id, m.rank, se.channel
)
SELECT state.code, state.name, state.domain, state.latitude, state.longitude, state.state, state.since,
       main.metric, main.value, main.unit
FROM state
LEFT JOIN main USING (site_id)
WHERE (%(domain)s::text IS NULL OR coalesce(state.domain, 'mixed') = %(domain)s)
  AND (%(status)s::text IS NULL OR state.state = %(status)s)
  AND (%(q)s::text IS NULL
       OR position(lower(%(q)s) IN lower(state.name || ' ' || state.code)) > 0
       OR EXISTS (SELECT FROM deployment d JOIN device v USING (device_id)
                  WHERE d.site_id = state.site_id
                    AND position(lower(%(q)s) IN lower(v.uid || ' ' || v.name)) > 0))
ORDER BY state.code;
