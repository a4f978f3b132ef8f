"""What holds for every answer: the shape of problems, headers, limits, and a database that comes and goes."""

from __future__ import annotations

import gzip
import http.client
import json
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sql.migrate import migrate

if TYPE_CHECKING:
    import httpx
    import pytest

    from tests.integration.api.conftest import Api, Serve
    from tests.servers.databases import MakePostgres

BODY = 2**20


def assert_problem(answer: httpx.Response, status: int, said: str) -> None:
    """Check that an answer is a problem of this status whose detail says what to do."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["title"]
    assert said in told["detail"]
    assert_hardened(answer)


def assert_hardened(answer: httpx.Response) -> None:
    """Check the headers every answer has."""
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "server" not in answer.headers


def test_problems_tell_what_to_do(shared_api: Api) -> None:
    """Unknown addresses, wrong methods and bodies that are no JSON are told in the one shape."""
    viewer, engineer = shared_api.of("viewer"), shared_api.of("engineer")

    assert_problem(viewer.get("/api/v1/nonsense"), 404, "/openapi.json")
    assert_problem(viewer.get("/nonsense"), 404, "/nonsense")
    assert_problem(viewer.delete("/api/v1/sites"), 405, "use ")
    assert viewer.delete("/api/v1/sites").headers["allow"]
    assert_problem(
        engineer.post("/api/v1/sites", content=b"{", headers={"Content-Type": "application/json"}), 422, "not valid JSON"
    )
    assert_problem(
        engineer.post("/api/v1/sites", content=b"\xff", headers={"Content-Type": "application/json"}), 400, "could not be read"
    )
    assert_problem(engineer.post("/api/v1/sites", data={"name": "x"}), 422, "Content-Type: application/json")
    assert_problem(engineer.post("/api/v1/sites"), 422, "body: it is missing")
    assert_problem(engineer.post("/api/v1/sites", json=[1]), 422, "JSON object")


def test_problems_list_every_slip(shared_api: Api) -> None:
    """Several slips are told at once, the first of them in the sentence."""
    answer = shared_api.post("/api/v1/devices", uid="a/b", name="", latitude=100, longitude=200, colour="red")

    assert_problem(answer, 422, "and 2 more")
    wheres = [slip["where"] for slip in answer.json()["errors"]]
    assert wheres == ["body.uid", "body.name", "body.latitude", "body.longitude", "body.colour"]


def test_body_nested_deeply_is_refused_quickly(shared_api: Api) -> None:
    """A hundred thousand brackets cost a client its answer and us nothing."""
    started = time.perf_counter()
    headers = {"Content-Type": "application/json"}
    answer = shared_api.of("engineer").post("/api/v1/sites", content=b"[" * 100_000, headers=headers)

    assert_problem(answer, 400, "nested too deeply")
    assert time.perf_counter() - started < 1


def test_body_announced_too_large_is_refused_unread(shared_api: Api) -> None:
    """A length beyond the limit, or none a length can be, is answered before any of the body has come."""
    host = urlsplit(shared_api.url).netloc
    for length in (str(BODY + 1), "9" * 30):
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.putrequest("POST", "/api/v1/sites")
        connection.putheader("Content-Length", length)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status in (400, 413), length
        if answer.status == 413:
            assert json.loads(answer.read())["detail"] == "The body may have at most 1,048,576 bytes. Send less at a time."
        connection.close()


def test_body_that_grows_too_large_is_refused(shared_api: Api) -> None:
    """A body sent in pieces is refused as soon as too much has come; one of just the limit is read."""
    engineer = shared_api.of("engineer")
    headers = {"Content-Type": "application/json"}

    def pieces(size: int) -> Any:  # noqa: ANN401 - an iterator of bytes
        yield from (b" " * 65536 for _ in range(size // 65536))
        yield b" " * (size % 65536)

    assert_problem(engineer.post("/api/v1/sites", content=pieces(BODY + 1), headers=headers), 413, "at most 1,048,576 bytes")
    assert_problem(engineer.post("/api/v1/sites", content=pieces(BODY), headers=headers), 422, "JSON")


def test_faults_of_ours_are_told_logged_and_survived(plain_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """A fault answers 500 with a number that the log has too, says nothing of its inside, and the next request is served."""

    @plain_api.app.get("/fault")
    def fault() -> None:
        raise RuntimeError("secret inside")

    client = plain_api.client()
    with caplog.at_level(logging.ERROR):
        answer = client.get("/fault")
    number = answer.json()["instance"].removeprefix("urn:uuid:")

    assert_problem(answer, 500, number)
    assert "secret" not in answer.text
    logged = [record for record in caplog.records if number in record.getMessage()]
    assert len(logged) == 1
    assert logged[0].exc_info is not None
    assert [record.name for record in caplog.records if record.levelno >= logging.ERROR] == ["api.errors"]
    assert client.get("/healthz").status_code == 200


def test_headers_harden_every_answer(shared_api: Api) -> None:
    """Good answers have the headers too, and nothing of the API is kept by caches."""
    for path in ("/healthz", "/api/v1/sites", "/login", "/metrics", "/openapi.json"):
        answer = shared_api.of("viewer").get(path)
        assert answer.status_code < 400
        assert_hardened(answer)
        assert answer.headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in answer.headers


def test_headers_of_https_ask_for_https(shared_api: Api) -> None:
    """Behind a proxy that speaks HTTPS the browser is told to keep to it."""
    answer = shared_api.client(**{"X-Forwarded-Proto": "https"}).get("/healthz")

    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_cors_no_other_site_may_read_answers(shared_api: Api) -> None:
    """A browser asking from another site's page is told nothing that would let it."""
    client = shared_api.client(Origin="https://elsewhere.example")
    preflight = client.options("/api/v1/sites", headers={"Access-Control-Request-Method": "POST"})

    assert_problem(preflight, 405, "OPTIONS")
    assert_hardened(client.get("/healthz"))


def test_answers_are_packed_for_those_who_unpack(shared_api: Api) -> None:
    """A long answer comes gzipped to a client that takes it, plain to one that does not; it is the same."""
    viewer = shared_api.of("viewer")
    with viewer.stream("GET", "/api/v1/metrics", headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        content = b"".join(packed.iter_raw())
    plain = viewer.get("/api/v1/metrics", headers={"Accept-Encoding": "identity"})

    assert "content-encoding" not in plain.headers
    assert gzip.decompress(content) == plain.content
    assert len(content) < len(plain.content) / 3


def test_ready_before_migrations_is_no(serve: Serve, empty_database: str) -> None:
    """Over an empty database the process is alive and not ready, and says what to run."""
    client = serve(empty_database).client()

    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert_problem(answer, 503, "hedgerow migrate")
    assert answer.headers["retry-after"] == "5"


def test_ready_with_a_migration_missing_names_it(plain_api: Api) -> None:
    """A database of an older version is named as what it is."""
    plain_api.execute("DELETE FROM migration WHERE name = '0005_people'")

    assert_problem(plain_api.client().get("/readyz"), 503, "0005_people")


def test_ready_is_yes_over_a_migrated_database(api: Api) -> None:
    """With every migration of its flavour in place the API is ready."""
    assert api.client().get("/readyz").json() == {"status": "ok"}


def test_database_that_dies_is_waited_for(serve: Serve, make_postgres: MakePostgres) -> None:
    """While PostgreSQL is down answers say so within seconds; once it is back everything works again by itself."""
    postgres = make_postgres("plain")
    migrate(postgres.url())
    api = serve(postgres.url(), api_connections=2)
    viewer = api.of("viewer")
    assert viewer.get("/api/v1/sites").status_code == 200

    postgres.kill()
    gone = time.monotonic()
    while time.monotonic() - gone < 9:
        started = time.monotonic()
        assert_problem(viewer.get("/api/v1/sites"), 503, "try again")
        assert_problem(viewer.get("/readyz"), 503, "try again")
        assert viewer.get("/healthz").status_code == 200
        assert time.monotonic() - started < 15

    postgres.start()
    back = time.monotonic()
    while viewer.get("/readyz").status_code != 200:
        assert time.monotonic() - back < 30
    assert viewer.get("/api/v1/sites").status_code == 200
    assert time.monotonic() - back < 3


def test_question_that_takes_too_long_is_given_up(serve: Serve, plain_database: str) -> None:
    """The database stops working on a question after the set time, and the answer says how to ask for less."""
    api = serve(plain_database, query_timeout_s=0.2)
    api.of("viewer")
    api.execute("CREATE FUNCTION slow() RETURNS text LANGUAGE sql VOLATILE AS 'SELECT pg_sleep(5)::text'")
    api.execute("ALTER TABLE site RENAME TO site_table")
    api.execute("CREATE VIEW site AS SELECT *, slow() FROM site_table WHERE slow() IS NOT NULL")
    api.execute("INSERT INTO site_table (code, name) VALUES ('weir', 'Weir')")

    assert_problem(api.of("viewer").get("/api/v1/sites"), 503, "shorter time range")
