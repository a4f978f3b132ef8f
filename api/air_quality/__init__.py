"""Air quality by the year: the statistics that limit values are held against."""
