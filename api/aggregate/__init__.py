"""Aggregates: from a question over series and time to statistics in buckets, as JSON, CSV or Arrow."""
