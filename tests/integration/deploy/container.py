"""The broker of docker-compose.yml without Docker, and a client that counts what it gets."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hedgerow.addresses import free_port
from hedgerow.credentials_command import init
from tests.integration.deploy.prepared import environment
from tests.servers.dynsec import PLUGIN as DYNSEC
from tests.servers.places import mosquitto_program

if TYPE_CHECKING:
    from collections.abc import Callable

BROKER_USER = 1883
PLUGIN = next((str(path) for path in Path("/usr/lib").rglob("mosquitto_persist_sqlite.so")), None)
"""Keeps queues on disk; part of Mosquitto since 2.1."""


class Broker:
    """The real Mosquitto with our configuration; only addresses and folders are those of this machine.

    A broker older than 2.1 has no plugin to keep queues on disk: it runs without those lines.
    """

    def __init__(self, prepared: Path) -> None:
        self.port, self.certificate_port = free_port(), free_port()
        self.authority = prepared / "deploy/secrets/ca.crt"
        self._passwords = environment(prepared)
        self._user = BROKER_USER if os.geteuid() == 0 else None
        self._folder = Path(mkdtemp(prefix="hedgerow-deploy-"))
        self._folder.chmod(0o755)
        self._take("secrets", prepared / "deploy/secrets", "server.crt", "server.key", "ca.crt")
        self._take("config", prepared / "deploy", "mosquitto/mosquitto.conf")
        for name in ("data", "security"):
            (self._folder / name).mkdir()
            if self._user:
                os.chown(self._folder / name, self._user, self._user)
        self._let_programs_in()
        self._configure()

    def __enter__(self) -> Self:
        """Start, and give itself."""
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and clean up."""
        self.end(signal.SIGTERM)
        shutil.rmtree(self._folder)

    @property
    def log(self) -> str:
        """What the broker has said."""
        return (self._folder / "broker.log").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start the broker as its own user and wait until it listens."""
        command = [mosquitto_program() or "mosquitto", "-c", str(self._folder / "config/mosquitto.conf")]
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, user=self._user, group=self._user, extra_groups=[] if self._user else None
            )
        give_up = time.monotonic() + 10
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert self._process.poll() is None, self.log
            assert time.monotonic() < give_up, self.log
            time.sleep(0.02)

    def end(self, number: signal.Signals) -> None:
        """End the broker with a signal."""
        self._process.send_signal(number)
        self._process.wait(timeout=10)

    def local(self, text: str) -> str:
        """Put this machine's folders and port where the text has those of the container."""
        for name in ("secrets", "config", "data", "security"):
            text = text.replace(f"/mosquitto/{name}", str(self._folder / name))
        return text.replace("8883", str(self.port)).replace("8884", str(self.certificate_port))

    def password(self, program: str) -> str:
        """Give the password of one of our programs."""
        return self._passwords[f"MQTT_{program.upper()}_PASSWORD"]

    def client(self, user: str = "", password: str | None = None, **how: Any) -> Client:  # noqa: ANN401 - passed on
        """Connect; the passwords of ingest and simulator are known."""
        known = self._passwords.get(f"MQTT_{user.upper()}_PASSWORD", "")
        return Client(self, user, known if password is None else password, **how)

    def _take(self, name: str, source: Path, *files: str) -> None:
        """Mount files the way Docker does: they keep owner and mode, whatever folder they lie in."""
        (self._folder / name).mkdir()
        for file in files:
            copy = Path(shutil.copy2(source / file, self._folder / name))
            if self._user:
                owner = (source / file).stat()
                os.chown(copy, owner.st_uid, owner.st_gid)

    def _configure(self) -> None:
        path = self._folder / "config/mosquitto.conf"
        text = self.local(path.read_text(encoding="utf-8"))
        if PLUGIN is None:
            text = re.sub(r"^plugin \S+persist_sqlite.so\n(plugin_opt_.*\n)*", "", text, flags=re.MULTILINE)
        text = text.replace("/usr/lib/mosquitto_persist_sqlite.so", PLUGIN or "")
        text = text.replace("/usr/lib/mosquitto_dynamic_security.so", str(DYNSEC))
        path.write_text(re.sub(r"^(listener \d+)$", r"\1 127.0.0.1", text, flags=re.MULTILINE), encoding="utf-8")

    def _let_programs_in(self) -> None:
        """Do what the service broker-access does."""
        api, ingest, simulator = (self._passwords[f"MQTT_{name}_PASSWORD"] for name in ("API", "INGEST", "SIMULATOR"))
        file = self._folder / "security/dynamic-security.json"
        init(file, api_password=api, ingest_password=ingest, simulator_password=simulator)


class Client:
    """An MQTT client that counts what it gets."""

    def __init__(
        self,
        broker: Broker,
        user: str,
        password: str,
        *,
        name: str = "",
        clean: bool = True,
        version: int = 5,
    ) -> None:
        self.received: list[bytes] = []
        self.reasons: list[Any] = []
        self.disconnects = 0
        self._mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion(version))
        self._mqtt.tls_set_context(ssl.create_default_context(cafile=str(broker.authority)))
        if user:
            self._mqtt.username_pw_set(user, password)
        self._mqtt.on_message = lambda _c, _u, message: self.received.append(bytes(message.payload))
        self._mqtt.on_connect = lambda _c, _u, _f, reason, _p: self.reasons.append(reason)
        self._mqtt.on_disconnect = lambda *_: self._lost()
        # Not "localhost": the certificate must hold for the address that is used.
        self._mqtt.connect("127.0.0.1", broker.port, **self._session(version, clean=clean))
        self._mqtt.loop_start()
        self.wait(lambda: bool(self.reasons))

    @staticmethod
    def _session(version: int, *, clean: bool) -> dict[str, Any]:
        if version != mqtt.MQTTv5:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0 if clean else 3600
        return {"clean_start": clean, "properties": properties}

    def _lost(self) -> None:
        self.disconnects += 1

    def subscribe(self, topic: str) -> list[str]:
        """Subscribe with QoS 1, wait for the answer and give it."""
        answers: list[str] = []
        self._mqtt.on_subscribe = lambda _c, _u, _m, reasons, _p: answers.extend(map(str, reasons))
        self._mqtt.subscribe(topic, qos=1)
        self.wait(lambda: bool(answers))
        return answers

    def publish(self, topic: str, payload: bytes | str, qos: int = 1) -> mqtt.MQTTMessageInfo:
        """Publish, without waiting."""
        return self._mqtt.publish(topic, payload, qos=qos)

    def wait(self, is_done: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until something holds."""
        give_up = time.monotonic() + seconds
        while not is_done():
            assert time.monotonic() < give_up, "waited in vain"
            time.sleep(0.005)

    def close(self) -> None:
        """Disconnect."""
        self._mqtt.disconnect()
        self._mqtt.loop_stop()
