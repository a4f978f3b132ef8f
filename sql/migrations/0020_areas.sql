-- What came beside the registry since 0014_access is kept to areas too.
SELECT keep_to_areas('device_credential', 'device_id IN (SELECT my_devices())');
SELECT keep_to_areas('unplaced_reading', 'device_id IN (SELECT my_devices())');
SELECT keep_to_areas('shared_time', 'site_id IN (SELECT my_sites())');
