"""Runs the real Mosquitto with the configuration of deploy/: who comes in, and what it keeps."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
from contextlib import suppress

import pytest
import yaml

from api.credentials.access import Access, grant
from api.credentials.control import BrokerAddress, control
from tests.integration.deploy.container import PLUGIN, Broker
from tests.integration.deploy.prepared import ROOT
from tests.servers.places import mosquitto_program

pytestmark = pytest.mark.mosquitto


def test_broker_over_tls_with_password_carries_a_message_to_ingest(broker: Broker) -> None:
    """What the simulator publishes comes to ingest, and nothing in the configuration is complained about."""
    ingest, simulator = broker.client("ingest"), broker.client("simulator")
    ingest.subscribe("hedgerow/v1/#")
    simulator.publish("hedgerow/v1/a840/up", "hello").wait_for_publish(5)
    ingest.wait(lambda: ingest.received == [b"hello"])
    ingest.close()
    simulator.close()
    assert not re.search(r"Error:|Warning:|Note:|Unknown|receive-maximum", broker.log), broker.log


@pytest.mark.parametrize(("user", "password"), [("", ""), ("ingest", "wrong"), ("nobody", "x")])
def test_broker_without_the_right_password_refuses(broker: Broker, user: str, password: str) -> None:
    """Nobody comes in without a name and its password."""
    client = broker.client(user, password)
    assert [str(reason) for reason in client.reasons[:1]] == ["Not authorized"]
    client.close()


def test_broker_without_tls_refuses(broker: Broker) -> None:
    """An open line is closed before it has a conversation: the first byte that comes back is no CONNACK."""
    with socket.create_connection(("127.0.0.1", broker.port), timeout=5) as line:
        line.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")
        with suppress(ConnectionResetError):
            assert line.recv(1) != b"\x20"


def test_device_let_in_over_tls_writes_only_under_its_own_name(broker: Broker) -> None:
    """Who is let in as the API does it is heard on its own topic and on no other."""
    address = BrokerAddress(f"mqtts://127.0.0.1:{broker.port}", "hedgerow-api", broker.password("api"), broker.authority)

    async def let_in() -> None:
        async with control(address) as conversation:
            await conversation.carry_out(grant(Access("a840", "a840", is_gateway=False, has_password=True), "secret"))

    asyncio.run(let_in())
    ingest = broker.client("ingest")
    ingest.subscribe("hedgerow/v1/#")
    for topic in ("hedgerow/v1/b950/up", "hedgerow/v1/gw/a840/up", "application/a840", "hedgerow/v1/a840/up"):
        device = broker.client("a840", "secret")  # one each: Debian's 2.0 cuts off who writes where it may not
        device.publish(topic, topic)
        device.close()
    ingest.wait(lambda: ingest.received == [b"hedgerow/v1/a840/up"])
    ingest.close()


def test_workers_may_share_what_ingest_may_read(broker: Broker) -> None:
    """Shared subscriptions, which several workers make, are allowed to ingest as plain ones are."""
    ingest, simulator = broker.client("ingest"), broker.client("simulator")
    for topic in ("hedgerow/v1/#", "application/#", "v3/#"):
        assert ingest.subscribe(f"$share/hedgerow/{topic}") == ["Granted QoS 1"]
    simulator.publish("hedgerow/v1/a840/up", "hello").wait_for_publish(5)
    ingest.wait(lambda: ingest.received == [b"hello"])
    ingest.close()
    simulator.close()


@pytest.mark.parametrize("qos", [0, 1])
def test_broker_keeps_everything_while_ingest_is_away(broker: Broker, qos: int) -> None:
    """More than Mosquitto's usual 1,000 messages wait for ingest, those of QoS 0 too."""
    ingest = broker.client("ingest", name="ingest", clean=False)
    ingest.subscribe("hedgerow/v1/#")
    ingest.close()
    simulator = broker.client("simulator")
    sent = [str(number).encode() for number in range(3000)]
    last = [simulator.publish("hedgerow/v1/a840/up", payload, qos) for payload in sent][-1]
    last.wait_for_publish(10)
    simulator.publish("hedgerow/v1/a840/up", b"end").wait_for_publish(10)
    simulator.close()
    ingest = broker.client("ingest", name="ingest", clean=False)
    ingest.wait(lambda: b"end" in ingest.received)
    assert ingest.received == [*sent, b"end"]
    ingest.close()


@pytest.mark.parametrize("version", [4, 5])
def test_broker_never_acknowledges_a_message_that_is_too_large(broker: Broker, version: int) -> None:
    """A publisher of 300 kB is cut off, whatever its version: it is not told that all went well."""
    simulator = broker.client("simulator", version=version)
    info = simulator.publish("hedgerow/v1/a840/up", b"x" * 300_000)
    simulator.wait(lambda: simulator.disconnects > 0)
    assert not info.is_published()
    simulator.close()


@pytest.mark.skipif(PLUGIN is None, reason="Mosquitto here is older than 2.1: it has no plugin that keeps queues on disk")
def test_broker_killed_keeps_what_it_acknowledged(broker: Broker) -> None:
    """After kill -9, right after the last acknowledgement, every acknowledged message still comes to ingest."""
    ingest = broker.client("ingest", name="ingest", clean=False)
    ingest.subscribe("hedgerow/v1/#")
    ingest.close()
    simulator = broker.client("simulator")
    for info in [simulator.publish("hedgerow/v1/a840/up", str(number)) for number in range(2000)]:
        info.wait_for_publish(10)
    broker.end(signal.SIGKILL)
    simulator.close()
    broker.start()
    ingest = broker.client("ingest", name="ingest", clean=False)
    ingest.wait(lambda: len(ingest.received) >= 2000)
    assert {int(payload) for payload in ingest.received} == set(range(2000))
    ingest.close()


@pytest.mark.skipif(mosquitto_program("mosquitto_sub") is None, reason="Debian's package mosquitto-clients is not installed")
def test_broker_health_check_tells_running_from_stopped(broker: Broker) -> None:
    """The command in docker-compose.yml is content with a running broker and with nothing else."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    command = broker.local(services["mosquitto"]["healthcheck"]["test"][1].replace("$$", "$"))
    assert subprocess.run(["sh", "-c", command], check=False, capture_output=True).returncode == 0
    broker.end(signal.SIGTERM)
    assert subprocess.run(["sh", "-c", command], check=False, capture_output=True).returncode != 0
    broker.start()
