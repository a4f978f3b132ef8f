"""Runs: a file is read, shown, carried out and kept, each time with one result a row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - a row's columns are read by it
from typing import TYPE_CHECKING, NamedTuple, get_args
from uuid import UUID  # noqa: TC003 - as above

import anyio.to_thread
import msgspec

from api.changes import changes
from api.database import row_of, rows_of, value_of
from api.errors import Conflict, NotFound
from api.imports.columns import find_columns
from api.imports.plan import Plan, RowResult, Status
from api.imports.rows import Wanted, read_row
from api.imports.store import lock_registry, read_registry, write_registry
from api.imports.tables import read_table
from sql.queries import query

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from api.imports.planned import Registry
    from api.people import Person

_STATUSES: tuple[Status, ...] = get_args(Status)


class ImportAnswer(msgspec.Struct, frozen=True):
    """What became, or would become, of a file's rows."""

    dry_run: bool
    rows: int
    counts: dict[Status, int]
    """Rows created, changed, unchanged and refused."""
    ignored_columns: list[str]
    """Headings that name nothing an import takes."""
    results: list[RowResult]


@dataclass(frozen=True, slots=True)
class Run:
    """A file that was sent, and what would become, or became, of its rows."""

    import_id: UUID
    file_name: str
    content: bytes
    answer: bytes
    """An `ImportAnswer` as JSON."""
    made_at: datetime
    carried_out_at: datetime | None

    def read(self) -> ImportAnswer:
        """Give the answer."""
        return msgspec.json.decode(self.answer, type=ImportAnswer)


@dataclass(frozen=True, slots=True)
class RunName:
    """An import that was carried out, as a list names it."""

    import_id: UUID
    file_name: str
    made_at: datetime
    carried_out_at: datetime


class _Reading(NamedTuple):
    """A file's rows, read without looking at the registry."""

    rows: list[tuple[int, Wanted, list[str]]]
    ignored: list[str]

    @property
    def uids(self) -> set[str]:
        return {wanted.uid for _, wanted, _ in self.rows if wanted.uid}


async def dry_run(connection: AsyncConnection, content: bytes) -> ImportAnswer:
    """Tell what would become of a file's rows, and change nothing.

    Raises
    ------
    Unusable
        When the file as a whole cannot be read.
    """
    reading = await anyio.to_thread.run_sync(_read, content)
    registry = await read_registry(connection, reading.uids)
    return await anyio.to_thread.run_sync(_plan, reading, registry, True)


async def carry_out(
    connection: AsyncConnection, person: Person, content: bytes, file_name: str, request_key: str | None
) -> ImportAnswer:
    """Import a file's good rows and leave the refused ones out; a request that came before is answered as it was then.

    Raises
    ------
    Unusable
        When the file as a whole cannot be read.
    Conflict
        When the same key came with another file.
    """
    reading = await anyio.to_thread.run_sync(_read, content)
    async with changes(connection, person, f"import of {file_name}" if file_name else "import"):
        await lock_registry(connection)
        asked = {"person": person.name, "request_key": request_key}
        if request_key and (before := await row_of(connection, Run, "find_import_run_of_request", asked)):
            if bytes(before.content) != content:
                raise Conflict("This Idempotency-Key came with another file before. Send this one under a key of its own.")
            return before.read()
        answer = await _carry_out(connection, reading)
        await connection.execute(query("forget_old_import_runs"))
        await _keep(connection, person, content, file_name, answer, request_key)
    return answer


async def show(connection: AsyncConnection, person: Person, content: bytes, file_name: str) -> UUID:
    """Keep a file with what would become of its rows, for a page that shows it; give its id.

    Raises
    ------
    Unusable
        When the file as a whole cannot be read.
    """
    answer = await dry_run(connection, content)
    await connection.execute(query("forget_old_import_runs"))
    return await _keep(connection, person, content, file_name, answer, None)


async def carry_out_shown(connection: AsyncConnection, person: Person, import_id: UUID) -> bool:
    """Carry out just what was shown; where that would be something else by now, change nothing and show that instead.

    Returns
    -------
    bool
        Whether it was carried out, now or before.
    """
    run = await find_run(connection, person, import_id)
    reading = await anyio.to_thread.run_sync(_read, bytes(run.content))
    async with changes(connection, person, f"import of {run.file_name}"):
        await lock_registry(connection)
        # Pressed twice, the second waits for the first at the lock.
        run = await find_run(connection, person, import_id)
        if run.carried_out_at is not None:
            return True
        registry = await read_registry(connection, reading.uids)
        answer = await anyio.to_thread.run_sync(_plan, reading, registry, False)
        is_as_shown = answer.results == run.read().results
        if is_as_shown:
            await write_registry(connection, registry)
        else:
            answer = msgspec.structs.replace(answer, dry_run=True)
        note = "note_import_carried_out" if is_as_shown else "note_import_shown"
        await connection.execute(query(note), {"answer": msgspec.json.encode(answer), "import_id": import_id})
    return is_as_shown


async def find_run(connection: AsyncConnection, person: Person, import_id: UUID) -> Run:
    """Find a file that somebody sent.

    Raises
    ------
    NotFound
        When there is none, or somebody else sent it.
    """
    if run := await row_of(connection, Run, "find_import_run", {"import_id": import_id, "person": person.name}):
        return run
    raise NotFound("This import is not kept any more. Send the file again at /import: what is there already stays unchanged.")


async def list_runs(connection: AsyncConnection, person: Person) -> list[RunName]:
    """Give somebody's last imports that were carried out."""
    return await rows_of(connection, RunName, "list_import_runs", {"person": person.name})


def _read(content: bytes) -> _Reading:
    table = read_table(content)
    columns, ignored = find_columns(table.header)
    width = len(table.header)
    return _Reading([(number, *read_row(cells, columns, width)) for number, cells in table.rows], ignored)


def _plan(reading: _Reading, registry: Registry, is_dry: bool) -> ImportAnswer:  # noqa: FBT001 - run_sync passes by position
    plan = Plan(registry)
    results = [plan.add(*row) for row in reading.rows]
    counted = Counter(result.status for result in results)
    counts = {status: counted[status] for status in _STATUSES}
    return ImportAnswer(is_dry, len(results), counts, reading.ignored, results)


async def _carry_out(connection: AsyncConnection, reading: _Reading) -> ImportAnswer:
    registry = await read_registry(connection, reading.uids)
    answer = await anyio.to_thread.run_sync(_plan, reading, registry, False)
    await write_registry(connection, registry)
    return answer


async def _keep(
    connection: AsyncConnection, person: Person, content: bytes, file_name: str, answer: ImportAnswer, request_key: str | None
) -> UUID:
    values = {
        "person": person.name,
        "request_key": request_key,
        "file_name": file_name,
        "content": content,
        "answer": msgspec.json.encode(answer),
        "carried_out": not answer.dry_run,
    }
    import_id: UUID = await value_of(connection, "add_import_run", values)
    return import_id
