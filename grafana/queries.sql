-- Queries of the dashboards, over the views of migration 0006. Words in braces are filled in when the dashboards are
-- built; $site and the $__ macros when Grafana asks. ARRAY[$site] also holds where no site is there to choose.

-- name: choose_site
-- The sites that have measured any of the dashboard's metrics.
SELECT DISTINCT site_name AS __text, site AS __value
FROM site_latest
WHERE metric = ANY({metrics}::text[])
ORDER BY 1

-- name: choose_metric
-- Everything the chosen sites measure, with its unit.
SELECT DISTINCT metric || ' [' || unit || ']' AS __text, metric AS __value
FROM site_latest
WHERE site = ANY(ARRAY[$site]::text[])
ORDER BY 1

-- name: mean_by_site
-- Mean of one metric, a line a site; readings with an excluding flag are left out.
SELECT $__timeGroupAlias(time, $__interval), site_name AS metric, avg(value) AS value
FROM site_reading
WHERE $__timeFilter(time) AND metric = {metric} AND site = ANY(ARRAY[$site]::text[]) AND flags & {excluding} = 0
GROUP BY 1, site_name
ORDER BY 1

-- name: sum_by_site
-- Sum of one metric in each interval, a line a site; readings with an excluding flag are left out.
SELECT $__timeGroupAlias(time, $__interval), site_name AS metric, sum(value) AS value
FROM site_reading
WHERE $__timeFilter(time) AND metric = {metric} AND site = ANY(ARRAY[$site]::text[]) AND flags & {excluding} = 0
GROUP BY 1, site_name
ORDER BY 1

-- name: count_sites
-- How many of the chosen sites have sent something.
SELECT count(DISTINCT site) AS sites
FROM site_reading
WHERE $__timeFilter(time) AND metric = ANY({metrics}::text[]) AND site = ANY(ARRAY[$site]::text[])

-- name: count_readings
-- How many readings are stored.
SELECT count(*) AS readings
FROM site_reading
WHERE $__timeFilter(time) AND metric = ANY({metrics}::text[]) AND site = ANY(ARRAY[$site]::text[])

-- name: share_set_aside
-- The share of readings that aggregates leave out [%].
SELECT 100.0 * count(*) FILTER (WHERE flags & {excluding} <> 0) / greatest(count(*), 1) AS set_aside
FROM site_reading
WHERE $__timeFilter(time) AND metric = ANY({metrics}::text[]) AND site = ANY(ARRAY[$site]::text[])

-- name: newest_reading
-- When the newest reading was measured [ms since 1970], whatever time the dashboard shows.
SELECT extract(epoch FROM max(time)) * 1000 AS newest
FROM site_latest
WHERE metric = ANY({metrics}::text[]) AND site = ANY(ARRAY[$site]::text[])

-- name: count_by_metric
-- What was stored of each metric.
SELECT metric AS "Metric", unit AS "Unit", count(DISTINCT site) AS "Sites", count(*) AS "Readings",
       count(*) FILTER (WHERE flags & {excluding} <> 0) AS "Set aside", min(time) AS "First", max(time) AS "Last"
FROM site_reading
WHERE $__timeFilter(time) AND metric = ANY({metrics}::text[]) AND site = ANY(ARRAY[$site]::text[])
GROUP BY metric, unit
ORDER BY metric
