"""Addresses to listen on: the usual ones where they are free, others where they are taken."""

from __future__ import annotations

import socket

from api import settings


class AddressError(ValueError):
    """An address that cannot be listened on."""


def split_address(address: str) -> tuple[str, int]:
    """Split `HOST:PORT`; port 0 stands for any free one.

    Raises
    ------
    AddressError
        When it is no such thing.
    """
    try:
        return settings.split_address(address)
    except ValueError as error:
        raise AddressError(f"{address!r} is no HOST:PORT, such as 127.0.0.1:8080") from error


def free_port(host: str = "127.0.0.1", *, wanted: int = 0) -> int:
    """Give the wanted port if it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except PermissionError as error:
                raise AddressError(f"{host}:{port} needs root's rights: choose a port above 1023") from error
            except OSError as error:
                if not port:
                    raise AddressError(f"{host} is no address of this machine: {error.strerror}") from error
                continue
            return int(probe.getsockname()[1])
    raise AddressError(f"no free port at {host}")


def choose_address(given: str | None, usual: str) -> tuple[str, int]:
    """Choose where to listen: where the user said, or the usual place, or beside it where that is taken.

    Raises
    ------
    AddressError
        When the user named an address that is taken.
    """
    host, wanted = split_address(given or usual)
    port = free_port(host, wanted=wanted)
    if given and wanted not in (0, port):
        raise AddressError(f"{given} is taken by another program: choose another port, or leave the option out")
    return host, port
