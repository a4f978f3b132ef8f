"""A running API for tests: the real program in a thread, asked over real HTTP by people of every role."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import httpx
import psycopg
import pytest

from api.people import Role, add_api_key, add_person
from api.serve import server
from api.settings import ApiSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.app import Hedgerow
    from tests.servers.databases import Databases

    Serve = Callable[..., "Api"]

_START_S = 20


@dataclass
class Api:
    """A running API over a database."""

    app: Hedgerow
    url: str
    database: str
    stack: ExitStack
    clients: dict[str, httpx.Client] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, **headers: str) -> httpx.Client:
        """Give a client that says nothing about who it is but these headers."""
        client = httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)
        return self.stack.enter_context(client)

    def of(self, role: Role) -> httpx.Client:
        """Give a client with a key of this role."""
        with self.lock:
            if role not in self.clients:
                with psycopg.connect(self.database) as connection:
                    key = add_api_key(connection, add_person(connection, f"some {role}", role), "test")
                self.clients[role] = self.client(Authorization=f"Bearer {key}")
            return self.clients[role]

    def get(self, path: str, **asked: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask as a viewer and give the answer's JSON."""
        answer = self.of("viewer").get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        """Send content as an engineer."""
        return self.of("engineer").post(path, json=content)

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Do something to the database behind the API's back."""
        with psycopg.connect(self.database) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def _running(settings: ApiSettings) -> Iterator[Api]:
    program = server(settings)
    thread = threading.Thread(target=program.run, name="api")
    thread.start()
    try:
        give_up = time.monotonic() + _START_S
        while not program.started:
            if not thread.is_alive() or time.monotonic() > give_up:
                raise RuntimeError("the API did not start; its log says why")
            time.sleep(0.01)
        port = program.servers[0].sockets[0].getsockname()[1]
        with ExitStack() as stack:
            yield Api(cast("Hedgerow", program.config.app), f"http://127.0.0.1:{port}", settings.database_url, stack)
    finally:
        program.should_exit = True
        thread.join()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give a function that starts an API over a database URL; keywords are settings."""
    with ExitStack() as stack:

        def start(database_url: str, **settings: Any) -> Api:  # noqa: ANN401 - settings
            chosen = ApiSettings(database_url=database_url, http="127.0.0.1:0", **settings)
            return stack.enter_context(_running(chosen))

        yield start


@pytest.fixture
def api(serve: Serve, database: str) -> Api:
    """Give an API over a clean migrated database; the test runs once on each flavour."""
    return serve(database)


@pytest.fixture
def plain_api(serve: Serve, plain_database: str) -> Api:
    """Give an API over a clean migrated database on plain PostgreSQL: for what no flavour changes."""
    return serve(plain_database)


@pytest.fixture(scope="module")
def shared_api(plain_databases: Databases) -> Iterator[Api]:
    """Give an API that the tests of a module share: for questions that change nothing."""
    with plain_databases.migrated() as url, _running(ApiSettings(database_url=url, http="127.0.0.1:0")) as api:
        yield api
