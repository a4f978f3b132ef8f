"""A TCP proxy that does harm: delays, holds back, cuts inside a packet, resets, and swallows the answer to a COMMIT."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hedgerow.addresses import free_port

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator, Iterator

_COMMIT = b"COMMIT\0"  # how PostgreSQL's protocol ends the text of a statement
_CHUNK_BYTES = 65_536
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class _CutError(Exception):
    """The connection ends here."""


class FaultProxy:
    """Leads connections from a port of its own to a server on this machine; its harm may change at any time.

    Parameters
    ----------
    target
        Port of the server.
    """

    host = "127.0.0.1"

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.connections = 0
        """How many there have been."""
        self.latency_s = 0.0
        """By how long [s] each piece is delayed, in either direction."""
        self.commits_to_cut = 0
        """How many of the next COMMITs are never answered; every other one of them does not even reach the server."""
        self._target = target
        self._halves = False
        self._open: set[StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._ended = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name="proxy")

    def start(self) -> None:
        """Begin to take connections."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End all connections and take no more."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    def hold(self) -> None:
        """Be a black hole: connections stay and new ones are taken, but nothing passes."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def let_go(self) -> None:
        """Let pass what was held back, and all that follows."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def reset(self) -> None:
        """End every connection by RST, in the middle of whatever it was."""
        self._loop.call_soon_threadsafe(self._reset)

    def cut_in_the_middle(self) -> None:
        """Let half of the next piece from the server through, then end that connection."""
        self._halves = True

    async def _serve(self) -> None:
        self._flowing.set()
        async with await asyncio.start_server(self._lead, self.host, self.port):
            self._ready.set()
            await self._ended.wait()
            self._reset()
            self._flowing.set()

    def _reset(self) -> None:
        for writer in self._open:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            writer.transport.abort()

    async def _lead(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Lead one connection to its end."""
        self.connections += 1
        self._open.add(writer)
        try:
            await self._flowing.wait()
            server_reader, server_writer = await asyncio.open_connection(self.host, self._target)
            self._open.add(server_writer)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._to_server(reader, server_writer))
                    tasks.create_task(self._to_client(server_reader, writer))
            except* (_CutError, OSError):
                pass
            finally:
                self._open.discard(server_writer)
                server_writer.close()  # in order: what was forwarded arrives
        except OSError:
            pass  # the server is away: so is this connection
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _pieces(self, reader: StreamReader) -> AsyncIterator[bytes]:
        while piece := await reader.read(_CHUNK_BYTES):
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            await self._flowing.wait()
            yield piece
        raise _CutError

    async def _to_server(self, reader: StreamReader, writer: StreamWriter) -> None:
        before = b""
        async for piece in self._pieces(reader):
            is_commit = _COMMIT in before + piece
            before = piece[1 - len(_COMMIT) :]
            if is_commit and self.commits_to_cut:
                self.commits_to_cut -= 1
                if self.commits_to_cut % 2:
                    writer.write(piece)
                raise _CutError
            writer.write(piece)
            await writer.drain()

    async def _to_client(self, reader: StreamReader, writer: StreamWriter) -> None:
        async for piece in self._pieces(reader):
            if self._halves and len(piece) > 1:
                self._halves = False
                writer.write(piece[: len(piece) // 2])
                await writer.drain()
                writer.close()
                raise _CutError
            writer.write(piece)
            await writer.drain()


@contextmanager
def fault_proxy(target: int) -> Iterator[FaultProxy]:
    """Give a proxy to the server at a port of this machine, for the length of a block."""
    proxy = FaultProxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
