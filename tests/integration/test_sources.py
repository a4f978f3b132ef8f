"""Other brokers beside the main one: The Things Stack's way (3.1.1, QoS 0, TLS, a login) and a ChirpStack's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from paho.mqtt import publish

from devices.topics import chirpstack_topic, device_topic, things_stack_topic
from tests.servers.certificates import make_certificates
from tests.servers.path import Program, running_path
from tests.servers.workers import counter, kill_worker, wait_until
from tests.unit.devices.network_examples import APPLICATION, EUI, chirpstack_up, things_stack_up

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.certificates import Certificates
    from tests.servers.mosquitto import MakeMosquitto, Mosquitto

_USER, _PASSWORD = "gullies@county", "NNSXS.a-key"
_SOURCES = """\
[[source]]
name = "gullies"
kind = "things-stack"
url = "{secured}"
user = "{user}"
password_file = "gullies.password"
ca_file = "ca.crt"

[[source]]
name = "weather"
kind = "chirpstack"
url = "{plain}"
"""


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Give a certificate authority and a server's certificate."""
    return make_certificates(tmp_path)


@pytest.fixture
def things_stack(make_mosquitto: MakeMosquitto, certificates: Certificates) -> Mosquitto:
    """Give a broker that speaks TLS and asks for a login."""
    return make_mosquitto(users={_USER: _PASSWORD}, settings=certificates.mosquitto_settings)


def _write_sources(folder: Path, things_stack: Mosquitto, chirpstack: Mosquitto) -> Path:
    (folder / "gullies.password").write_text(f"{_PASSWORD}\n", encoding="utf-8")
    file = folder / "sources.toml"
    secured = things_stack.url.replace("mqtt://", "mqtts://")
    file.write_text(_SOURCES.format(secured=secured, plain=chirpstack.url, user=_USER), encoding="utf-8")
    return file


def _publish(broker: Mosquitto, topic: str, payload: bytes, certificates: Certificates | None = None) -> None:
    """Publish as a network server does: QoS 0."""
    where: dict[str, Any] = {"hostname": broker.host, "port": broker.port}
    if certificates is not None:
        where |= {"auth": {"username": _USER, "password": _PASSWORD}, "tls": {"ca_certs": str(certificates.ca)}}
    publish.single(topic, payload, qos=0, **where)


def _held_topics(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        return [str(row[0]) for row in connection.execute("SELECT topic FROM held ORDER BY received_at").fetchall()]


def _of_workers(database: str, column: str) -> dict[str, object]:
    with psycopg.connect(database) as connection:
        return dict(connection.execute(f"SELECT worker, {column} FROM ingest_status".encode()).fetchall())  # noqa: S608


def test_sources_are_listened_to_each_in_its_own_way(
    plain_database: str, make_mosquitto: MakeMosquitto, things_stack: Mosquitto, certificates: Certificates, tmp_path: Path
) -> None:
    """Uplinks come from both sources and the main broker; what a source is not there for is not read; each has its counters."""
    main, chirpstack = make_mosquitto(), make_mosquitto()
    file = _write_sources(tmp_path, things_stack, chirpstack)
    uplink = json.dumps(things_stack_up()).encode()
    topics = [
        things_stack_topic(_USER, "gully-7", "up"),
        chirpstack_topic(APPLICATION, EUI, "up"),
        device_topic("nobody"),
        things_stack_topic(_USER, "gully-8", "up"),
    ]
    with running_path(plain_database, main, tmp_path, sources_file=str(file)) as path:
        wait_until(lambda: counter(plain_database, "connected::int") == 3, path.ingest.log.read_text(encoding="utf-8"))
        _publish(chirpstack, device_topic("nobody"), b'{"pm2_5": 666}')
        for number, (broker, payload) in enumerate(
            [(things_stack, uplink), (chirpstack, json.dumps(chirpstack_up()).encode()), (main, b'{"pm2_5": 1}')]
        ):
            _publish(broker, topics[number], payload, certificates if broker is things_stack else None)
            wait_until(lambda: _held_topics(plain_database) == topics[: number + 1], f"{topics[number]} is not held")  # noqa: B023
        kill_worker(path.ingest, "hedgerow-source-gullies")
        wait_until(lambda: counter(plain_database, "connections") == 4, "the source's worker does not come back")
        wait_until(lambda: counter(plain_database, "connected::int") == 3, "the source's worker does not come back")
        _publish(things_stack, topics[3], uplink, certificates)
        wait_until(lambda: _held_topics(plain_database) == topics, "the source is not heard")
        messages = _of_workers(plain_database, "messages")

    assert messages == {"hedgerow-ingest-0": 1, "hedgerow-source-gullies": 2, "hedgerow-source-weather": 1}


def test_source_whose_certificate_is_not_trusted_is_not_read_and_stops_nobody(
    plain_database: str, mosquitto: Mosquitto, things_stack: Mosquitto, tmp_path: Path
) -> None:
    """A broker that is not signed by the CA of the file is not spoken to; the main broker's messages go on."""
    file = _write_sources(tmp_path, things_stack, mosquitto)
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "ca.crt").write_bytes(make_certificates(other).ca.read_bytes())
    settings = {"DATABASE_URL": plain_database, "MQTT_URL": mosquitto.url, "SOURCES_FILE": str(file)}
    ingest = Program("ingest", {f"HEDGEROW_{name}": value for name, value in settings.items()}, tmp_path / "ingest.log")
    ingest.start()
    try:
        wait_until(lambda: counter(plain_database, "connected::int") == 2, "no connections")
        _publish(mosquitto, device_topic("nobody"), b'{"pm2_5": 1}')
        wait_until(lambda: _held_topics(plain_database) == [device_topic("nobody")], "the main broker is not heard")
        wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in ingest.log.read_text(encoding="utf-8"), "nothing is said")
        connected = counter(plain_database, "connected::int")
    finally:
        ingest.stop()

    assert connected == 2


def test_source_that_is_left_out_is_retired(
    plain_database: str, make_mosquitto: MakeMosquitto, things_stack: Mosquitto, tmp_path: Path
) -> None:
    """A worker whose source stands in the file no more is shown as retired, with a warning; the others go on."""
    file = _write_sources(tmp_path, things_stack, make_mosquitto())
    with running_path(plain_database, make_mosquitto(), tmp_path, sources_file=str(file)) as path:
        wait_until(lambda: counter(plain_database, "connected::int") == 3, "no connections")
        path.ingest.stop()
        file.write_text("", encoding="utf-8")
        path.ingest.start()
        wait_until(lambda: counter(plain_database, "connected::int") == 1, "no connection")
        states = _of_workers(plain_database, "state")
        log = path.ingest.log.read_text(encoding="utf-8")

    assert states == {
        "hedgerow-ingest-0": "working",
        "hedgerow-source-gullies": "retired",
        "hedgerow-source-weather": "retired",
    }
    assert "hedgerow-source-gullies is in the sources file no more" in log


def test_sources_file_with_a_mistake_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """The file, the source and the mistake are named; nothing has asked for a database or a broker."""
    file = tmp_path / "sources.toml"
    file.write_text('[[source]]\nname = "x"\nkind = "chirpstack"\nurl = "http://x"\n', encoding="utf-8")
    environment = {"HEDGEROW_DATABASE_URL": "postgresql://nowhere.invalid", "HEDGEROW_SOURCES_FILE": str(file)}
    program = Program("ingest", environment, tmp_path / "log")
    program.start()

    assert program.wait(20) == 1
    assert f"hedgerow ingest: {file}: source 1 (x): url: must be mqtt://HOST:PORT" in (tmp_path / "log").read_text("utf-8")
