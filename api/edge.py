"""The outermost layer of every answer: security headers, the limit on bodies, the end of faults, and counting requests."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from api.errors import problem, problem_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client import Counter, Histogram
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The one inline script is GOV.UK Frontend's page template telling the styles that JavaScript runs.
_GOVUK_SCRIPT = "'sha256-GUQ5ad8JK5KmEWmROf3LZd9ge94daqNvd8xy9YS1iDw='"

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=()",
}


def content_security_policy(map_tiles: str) -> str:
    """Say what pages may load: our own things and, where there are map tiles, pictures from their host and no other."""
    parts = urlsplit(map_tiles)
    tiles = f" {parts.scheme}://{parts.netloc}" if map_tiles else ""
    rules = (
        "default-src 'self'",
        f"script-src 'self' {_GOVUK_SCRIPT}",
        "worker-src 'self' blob:",  # MapLibre makes its worker of its own text
        f"img-src 'self' data: blob:{tiles}",
        f"connect-src 'self'{tiles}",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
    return "; ".join(rules)


class SecurityHeaders:
    """Adds to every answer what keeps a browser from misusing it.

    Parameters
    ----------
    map_tiles
        Address of the map's tiles; empty where there are none.
    """

    def __init__(self, app: ASGIApp, map_tiles: str) -> None:
        self._app = app
        self._headers = {"Content-Security-Policy": content_security_policy(map_tiles), **_HEADERS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                # What is asked with a key or a session is nobody else's to keep.
                headers.setdefault("Cache-Control", "no-store")
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimit:
    """Refuses bodies that are too large: announced ones unread, others as soon as too much has come.

    Parameters
    ----------
    larger
        Most bytes at some paths, where these are more than `most_bytes`: files are sent there.
    """

    def __init__(self, app: ASGIApp, most_bytes: int, larger: Mapping[str, int]) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most_bytes = max(self._most_bytes, self._larger.get(scope["path"], 0))
        text = f"The body may have at most {most_bytes:,} bytes. Send less at a time."
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced) > most_bytes:
            await problem_answer(problem(413, text))(scope, receive, send)
            return
        come = 0

        async def receive_limited() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > most_bytes:
                raise HTTPException(413, text)
            return message

        await self._app(scope, receive_limited, send)


class FaultsEndHere:
    """Keeps a fault that was answered and logged from the server, which would log it again and drop the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        is_answered = False

        async def send_noting_end(message: Message) -> None:
            nonlocal is_answered
            await send(message)
            is_answered = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self._app(scope, receive, send_noting_end)
        except Exception:
            if not is_answered:
                raise


class CountRequests:
    """Counts and times requests by the route they took.

    Parameters
    ----------
    addresses
        Address of each route by its function. Others count as one: nobody can make new labels by asking.
    """

    def __init__(
        self, app: ASGIApp, requests: Counter, seconds: Histogram, addresses: Mapping[Callable[..., object], str]
    ) -> None:
        self._app = app
        self._requests = requests
        self._seconds = seconds
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started = perf_counter()

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, send_noting_status)
        finally:
            route = self._addresses.get(scope.get("endpoint", _nowhere), "")
            self._requests.labels(scope["method"] if route else "", route, status).inc()
            self._seconds.labels(route).observe(perf_counter() - started)


def _nowhere() -> None:
    """Stand for the function of a request that took no route."""
