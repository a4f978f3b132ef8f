-- name: note_clocks
-- Adds what messages told of the clocks of devices, one row a device and day (days since 1970).
INSERT INTO device_clock AS c (device_id, day, messages, least_delay, greatest_delay, unbelievable, last_offset)
SELECT device_id, date '1970-01-01' + day, messages, least_delay, greatest_delay, unbelievable, last_offset
FROM unnest(%(devices)s::int4[], %(days)s::int4[], %(messages)s::int8[], %(least)s::float8[], %(greatest)s::float8[],
            %(unbelievable)s::int8[], %(offsets)s::float8[])
    AS seen (device_id, day, messages, least_delay, greatest_delay, unbelievable, last_offset)
ORDER BY device_id
ON CONFLICT (device_id, day) DO UPDATE
SET messages = c.messages + excluded.messages,
    least_delay = least(c.least_delay, excluded.least_delay),
    greatest_delay = greatest(c.greatest_delay, excluded.greatest_delay),
    unbelievable = c.unbelievable + excluded.unbelievable,
    last_offset = CASE WHEN excluded.unbelievable > 0 THEN excluded.last_offset ELSE c.last_offset END,
    updated_at = now();

-- name: page_of_device_clocks
-- Clocks of devices, the most wrong first, from the one after `after` on. A device is judged by the last of its days on which
-- it was heard five times, or else by its last day. Transport only ever adds to the delay: where even the least of five is longer
-- than 5 minutes, the clock is behind (or the device never sends at once); where one is below -1 minute, the clock is ahead.
WITH judged_day AS (
    SELECT DISTINCT ON (device_id) *
    FROM device_clock
    WHERE day > (now() AT TIME ZONE 'UTC')::date - %(days)s::int4
    ORDER BY device_id, messages + unbelievable >= 5 DESC, day DESC
), judged AS (
    SELECT v.uid AS device, v.name, p.key AS profile, j.day, j.messages, j.least_delay AS least_delay_s,
           j.greatest_delay AS greatest_delay_s, j.unbelievable, j.last_offset AS last_offset_s,
           CASE WHEN j.unbelievable > 0 THEN 'unbelievable'
                WHEN j.least_delay < -60 THEN 'ahead'
                WHEN j.least_delay > 300 AND j.messages >= 5 THEN 'behind'
                ELSE 'good' END AS state
    FROM judged_day j
    JOIN device v USING (device_id)
    JOIN device_profile p USING (profile_id)
), ranked AS (
    SELECT *, row_number() OVER (ORDER BY abs(offset_s) DESC NULLS FIRST, device) AS place
    FROM judged
    CROSS JOIN LATERAL (SELECT CASE state WHEN 'unbelievable' THEN last_offset_s ELSE -least_delay_s END AS offset_s) o
    WHERE state = ANY(%(state)s::text[]) AND (%(device)s::text IS NULL OR device = %(device)s::text)
)
SELECT device, name, profile, day, state, offset_s, messages, least_delay_s, greatest_delay_s, unbelievable, last_offset_s
FROM ranked
WHERE %(after)s::text IS NULL OR place > (SELECT place FROM ranked WHERE device = %(after)s::text)
ORDER BY place
LIMIT %(limit)s::int8 + 1;
