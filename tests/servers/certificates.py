"""A certificate authority of the tests and a server's certificate, made with the openssl program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_EXTENSIONS = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM: whom clients believe, and what a server at 127.0.0.1 shows."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def mosquitto_settings(self) -> str:
        """Lines that make the last listener of a Mosquitto speak TLS."""
        return f"certfile {self.certificate}\nkeyfile {self.key}\n"


def make_certificates(folder: Path) -> Certificates:
    """Make them, good for a day."""
    ca, ca_key, request = folder / "ca.crt", folder / "ca.key", folder / "server.csr"
    made = Certificates(ca, folder / "server.crt", folder / "server.key")
    extensions = folder / "server.ext"
    extensions.write_text(_EXTENSIONS, encoding="utf-8")
    _openssl(
        *("req", "-x509", *_KEY, "-keyout", ca_key, "-out", ca, "-days", "1", "-subj", "/CN=test CA"),
        *("-addext", "keyUsage=critical,keyCertSign"),
    )
    _openssl("req", *_KEY, "-keyout", made.key, "-out", request, "-subj", "/CN=127.0.0.1")
    _openssl(
        *("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", made.certificate),
        *("-days", "1", "-extfile", extensions),
    )
    return made


def make_client_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a client's certificate with this common name, and its key; the authority of `make_certificates` signs it."""
    certificate, key, request = (folder / f"{name}.{suffix}" for suffix in ("crt", "key", "csr"))
    _openssl("req", *_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    _openssl(
        *("x509", "-req", "-in", request, "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial"),
        *("-out", certificate, "-days", "1"),
    )
    return certificate, key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
