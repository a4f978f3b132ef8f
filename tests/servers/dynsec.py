"""Mosquitto with dynamic security as `hedgerow credentials init` makes it, and devices that come in there."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hedgerow.addresses import free_port
from hedgerow.dynsec_file import empty, with_programs
from tests.servers.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.mosquitto import MakeMosquitto, Mosquitto

PASSWORDS = {"hedgerow-api": "a" * 43, "ingest": "i" * 43}
PLUGIN = next((path for path in Path("/usr/lib").rglob("mosquitto_dynamic_security.so")), None)
"""Debian's package mosquitto brings it along."""

_WAIT_S = 10.0


class Secured:
    """A broker that lets in whom its dynamic security knows; `certificates` are for its second port, which speaks TLS."""

    def __init__(self, make_mosquitto: MakeMosquitto, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "dynamic-security.json"
        self.file.write_text(json.dumps(with_programs(empty(), PASSWORDS)), encoding="utf-8")
        self.certificate_port = free_port()
        self.certificates = make_certificates(folder)
        self.broker: Mosquitto = make_mosquitto(settings=self._settings())

    @property
    def settings(self) -> dict[str, str]:
        """Settings of an API that keeps this broker's credentials."""
        return {
            "dynsec_url": self.broker.url,
            "dynsec_password": PASSWORDS["hedgerow-api"],
            "device_certificate_url": f"mqtts://127.0.0.1:{self.certificate_port}",
        }

    def device(self, username: str | None, password: str | None = None, **how: Any) -> Device:  # noqa: ANN401 - passed on
        """Connect as a device does."""
        return Device(self, username, password, **how)

    def answer_to(self, topic: str, username: str | None, password: str | None = None, **how: Any) -> str:  # noqa: ANN401
        """Connect, publish once and give the answer. One connection each: Mosquitto 2.0 cuts off who was refused."""
        device = self.device(username, password, **how)
        try:
            return device.publish(topic)
        finally:
            device.close()

    def _settings(self) -> str:
        return (
            "allow_anonymous false\n"
            f"plugin {PLUGIN}\nplugin_opt_config_file {self.file}\n"
            f"listener {self.certificate_port} 127.0.0.1\n{self.certificates.mosquitto_settings}"
            f"cafile {self.certificates.ca}\nrequire_certificate true\nuse_identity_as_username true\n"
        )


class Device:
    """An MQTT 5 client that remembers what it was told; one that is cut off does not come again."""

    def __init__(
        self,
        secured: Secured,
        username: str | None,
        password: str | None,
        *,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.answers: list[str] = []
        self.cut_at: float | None = None
        self.received: list[bytes] = []
        self._mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
        if username is not None:
            self._mqtt.username_pw_set(username, password)
        if certificate is not None:
            context = ssl.create_default_context(cafile=str(secured.certificates.ca))
            context.load_cert_chain(*certificate)
            self._mqtt.tls_set_context(context)
        self._mqtt.on_connect = lambda _c, _u, _f, reason, _p: self.answers.append(str(reason))
        self._mqtt.on_disconnect = lambda *_: self._cut()
        self._mqtt.on_publish = lambda _c, _u, _m, reason, _p: self.answers.append(str(reason))
        self._mqtt.on_subscribe = lambda _c, _u, _m, reasons, _p: self.answers.extend(map(str, reasons))
        self._mqtt.on_message = lambda _c, _u, message: self.received.append(bytes(message.payload))
        self._mqtt.connect(secured.broker.host, secured.certificate_port if certificate else secured.broker.port)
        self._mqtt.loop_start()
        self.admission = self._next_answer(0)

    def publish(self, topic: str, payload: str = "{}") -> str:
        """Publish with QoS 1 and give the broker's answer."""
        known = len(self.answers)
        self._mqtt.publish(topic, payload, qos=1)
        return self._next_answer(known)

    def subscribe(self, topic: str) -> str:
        """Subscribe and give the broker's answer."""
        known = len(self.answers)
        self._mqtt.subscribe(topic, qos=1)
        return self._next_answer(known)

    def cut_within(self, seconds: float) -> float:
        """Wait until the broker has ended the session; gives the moment [s, monotonic]."""
        wait_until(lambda: self.cut_at is not None, seconds)
        assert self.cut_at is not None
        return self.cut_at

    def close(self) -> None:
        """Leave."""
        self._mqtt.disconnect()
        self._mqtt.loop_stop()

    def _cut(self) -> None:
        self.cut_at = time.monotonic()

    def _next_answer(self, known: int) -> str:
        wait_until(lambda: len(self.answers) > known, _WAIT_S)
        return self.answers[known]


@pytest.fixture
def secured(make_mosquitto: MakeMosquitto, tmp_path: Path) -> Secured:
    """Give a fresh broker with dynamic security: `.broker`, `.settings` of an API that keeps it, `.device(user, password)`."""
    return Secured(make_mosquitto, tmp_path)


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds."""
    give_up = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up, f"waited {seconds} s in vain"
        time.sleep(0.005)
