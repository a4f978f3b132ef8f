# ruff: noqa: INP001 - a script, mounted into the container of ingest by itself
"""Tells Docker whether ingest is well: connected to the broker and heard of within the last half minute."""

import sys

import psycopg
from psycopg.rows import dict_row

from ingest.settings import IngestSettings
from sql.queries import query

_SILENT_S = 30

settings = IngestSettings()
with psycopg.connect(settings.database_url, row_factory=dict_row) as connection:
    workers = connection.execute(query("list_ingest_workers")).fetchall()
for worker in workers:
    if worker["worker"] == settings.mqtt_client_id and worker["connected"] and worker["silent_s"] < _SILENT_S:
        sys.exit(0)
sys.exit(f"{settings.mqtt_client_id} is not connected, or has said nothing for {_SILENT_S} s")
