"""A17: webhooks through kills of API, ingest and store; whoever gets no answer sends again, and all is stored once."""

from __future__ import annotations

import json
import ssl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import psycopg

from devices.vocabulary import fill_vocabulary
from sql.migrate import migrate
from tests.faults.harness import report, sized
from tests.servers.path import running_path
from tests.unit.devices.network_examples import EUI, chirpstack_up

if TYPE_CHECKING:
    from tests.servers.databases import MakePostgres
    from tests.servers.mosquitto import Mosquitto
    from tests.servers.path import WholePath

_TLS = ssl.create_default_context()
"""Made once: every client would read all certificates, for no use here."""

_METRICS = 6
_DEADLY = 40
_BEGIN = np.datetime64("2026-11-21T08:00:00", "s")


def bodies(count: int) -> list[bytes]:
    """Write uplinks of one device, a second apart."""
    times = [f"{_BEGIN + np.timedelta64(i, 's')}Z" for i in range(count)]
    return [json.dumps(chirpstack_up(fCnt=i, time=time, deduplicationId=str(i))).encode() for i, time in enumerate(times)]


def deliver(path: WholePath, body: bytes) -> tuple[float, int]:
    """Send a body until it is answered with 200, as a network server does; gives the last answer's time [s] and the tries."""
    give_up = time.monotonic() + 60
    tries = 0
    while time.monotonic() < give_up:
        tries += 1
        began = time.monotonic()
        try:
            with httpx.Client(headers={"Authorization": f"Bearer {path.api_key}"}, timeout=5, verify=_TLS) as client:
                answer = client.post(f"{path.http_url}/api/v1/webhooks/chirpstack?event=up", content=body)
        except httpx.TransportError:
            if not path.api.running:
                path.api.start()
            time.sleep(0.1)
            continue
        if answer.status_code == 200:
            return time.monotonic() - began, tries
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        time.sleep(0.1)
    raise AssertionError("never answered")


def counts(path: WholePath) -> dict[str, int]:
    """Count what became of the webhooks."""
    tables = ("reading", "uplink", "uplink_radio", "held", "quarantine")
    with psycopg.connect(path.database) as connection:
        distinct = connection.execute("SELECT count(DISTINCT f_cnt) FROM uplink_radio").fetchone()
    assert distinct is not None
    return {table: path.count(table) for table in tables} | {"distinct": distinct[0]}


def test_webhooks_through_kills_between_commit_and_answer_are_stored_once(
    make_postgres: MakePostgres, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """The API dies after every 40th commit, ingest and PostgreSQL once each: 0 lost, 0 twice, answers within a second."""
    server = make_postgres("plain")
    migrate(server.url())
    with psycopg.connect(server.url()) as connection:
        fill_vocabulary(connection)
    sent = sized(130, 5_000)
    with running_path(server.url(), mosquitto, tmp_path) as path:
        with path.client as client:
            client.post("/devices", json={"uid": EUI, "name": "Gully", "latitude": 50.7, "longitude": -2.4}).raise_for_status()
        path.api.stop()
        path.api.command = [sys.executable, str(Path(__file__).parent / "dying_api.py"), str(_DEADLY)]
        path.api.start()
        answers_s, tries = [], 0
        for i, body in enumerate(bodies(sent)):
            if i == sent // 3:
                path.ingest.kill()
                path.ingest.start()
            if i == sent // 2:
                server.kill()
                server.start()
            took_s, tried = deliver(path, body)
            answers_s.append(took_s)
            tries += tried
        give_up = time.monotonic() + 60
        while counts(path)["distinct"] < sent or path.count("held"):
            assert time.monotonic() < give_up, counts(path)
            time.sleep(0.1)
        found = counts(path)

    p99_s = float(np.quantile(answers_s, 0.99))
    report(test="A17", sent=sent, tries=tries, **found, lost=sent - found["distinct"], p99_ms=round(p99_s * 1e3, 1))
    assert tries >= sent + sent // _DEADLY - 1
    assert (found["distinct"], found["uplink_radio"], found["uplink"]) == (sent, sent, sent)
    assert found["reading"] == sent * _METRICS
    assert found["quarantine"] == found["held"] == 0
    assert p99_s < 1.0
