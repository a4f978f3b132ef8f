# ruff: noqa: INP001 - a script, mounted into the container of ingest by itself
"""Tells Docker whether ingest is well: every worker connected to the broker and heard of within the last half minute."""

import sys

import psycopg
from psycopg.rows import dict_row

from ingest.assignment import SOURCE_PREFIX
from ingest.settings import IngestSettings
from sql.queries import query

_SILENT_S = 30

settings = IngestSettings()
with psycopg.connect(settings.database_url, row_factory=dict_row) as connection:
    workers = connection.execute(query("list_ingest_workers")).fetchall()
# A source's broker is another's affair: starting our container again would not bring it back.
working = [one for one in workers if one["state"] == "working" and not one["worker"].startswith(SOURCE_PREFIX)]
ill = [worker["worker"] for worker in working if not worker["connected"] or worker["silent_s"] > _SILENT_S]
if ill:
    sys.exit(f"not connected, or have said nothing for {_SILENT_S} s: {', '.join(ill)}")
if len(working) < settings.workers:
    sys.exit(f"{len(working)} of {settings.workers} workers have begun")
