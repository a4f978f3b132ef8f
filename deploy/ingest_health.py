# ruff: noqa: INP001 - a script, mounted into the container of ingest by itself
"""Tells Docker whether ingest is well: every worker connected to the broker and heard of within the last half minute."""

import sys

import psycopg
from psycopg.rows import dict_row

from ingest.assignment import worker_names
from ingest.settings import IngestSettings
from sql.queries import query

_SILENT_S = 30

settings = IngestSettings()
with psycopg.connect(settings.database_url, row_factory=dict_row) as connection:
    workers = connection.execute(query("list_ingest_workers")).fetchall()
well = {worker["worker"] for worker in workers if worker["connected"] and worker["silent_s"] < _SILENT_S}
ill = [name for name in worker_names(settings) if name not in well]
if ill:
    sys.exit(f"not connected, or have said nothing for {_SILENT_S} s: {', '.join(ill)}")
