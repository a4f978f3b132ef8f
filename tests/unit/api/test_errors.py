"""Problems: the table from exception to status, and the one shape."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import errors as sqlstate
from psycopg_pool import PoolTimeout, TooManyRequests

from api.errors import (
    Conflict,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    NotReady,
    Slip,
    Unusable,
    invalid_request,
    problem_answer,
    problem_of,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotLoggedIn("Do this."), 401),
        (NotAllowed("Do this."), 403),
        (NotFound("Do this."), 404),
        (Conflict("Do this."), 409),
        (Unusable("Do this."), 422),
        (NotReady("Do this."), 503),
    ],
)
def test_problem_of_a_refusal_has_its_status_and_text(error: Exception, status: int) -> None:
    """What a refusal says is what is told."""
    told = problem_of(error)

    assert (told.status, told.detail) == (status, "Do this.")
    assert told.type.startswith("urn:hedgerow:problem:")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (psycopg.OperationalError("password in here"), 503),
        (psycopg.InterfaceError("the connection is closed"), 503),
        (sqlstate.AdminShutdown("terminating"), 503),
        (sqlstate.QueryCanceled("statement timeout"), 503),
        (sqlstate.DeadlockDetected("process 1 waits"), 503),
        (sqlstate.UndefinedTable("relation"), 503),
        (PoolTimeout("30 s"), 503),
        (TooManyRequests("200"), 503),
        (psycopg.DataError("text fields cannot contain"), 422),
        (sqlstate.NumericValueOutOfRange("integer"), 422),
    ],
)
def test_problem_of_the_database_says_what_to_do_and_nothing_of_its_inside(error: Exception, status: int) -> None:
    """Errors of the database are told in our words."""
    told = problem_of(error)

    assert told.status == status
    assert str(error) not in told.detail
    assert told.detail.endswith((".", "hedgerow migrate"))


def test_problem_of_two_who_change_the_same_is_not_that_the_database_is_away() -> None:
    """Whoever lost to another change is told so, and to try again."""
    assert problem_of(sqlstate.DeadlockDetected("process 1 waits")).type == "urn:hedgerow:problem:busy"


def test_problem_of_an_unknown_exception_is_a_fault() -> None:
    """What is not in the table is not told by it."""
    with pytest.raises(LookupError):
        problem_of(RuntimeError("inside"))


def test_problem_answer_has_the_shape_of_rfc_9457() -> None:
    """Type, title, status and detail always; errors only where there are some."""
    plain = problem_answer(problem_of(NotFound("Look there.")))
    slips = problem_answer(problem_of(Unusable("Mend it.", Slip("body.uid", "it is odd"))))

    assert plain.media_type == "application/problem+json"
    assert msgspec.json.decode(plain.body) == {
        "type": "urn:hedgerow:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "Look there.",
    }
    assert msgspec.json.decode(slips.body)["errors"] == [{"where": "body.uid", "what": "it is odd"}]


@pytest.mark.parametrize(("error", "header"), [(NotLoggedIn("x"), "www-authenticate"), (NotReady("x"), "retry-after")])
def test_problem_answer_tells_programs_what_their_status_asks(error: Exception, header: str) -> None:
    """401 names the scheme, 503 when to ask again."""
    assert header in problem_answer(problem_of(error)).headers


def test_invalid_request_names_three_slips_and_counts_the_rest() -> None:
    """The sentence stays short however much is wrong; the list has it all."""
    found: list[dict[str, Any]] = [{"loc": ("body", f"field{n}"), "type": "missing", "msg": "Field required"} for n in range(5)]
    told = invalid_request(found)

    assert told.detail == (
        "Mend this and ask again: body.field0: it is missing; body.field1: it is missing; body.field2: it is missing"
        " (and 2 more, in `errors`)."
    )
    assert len(told.errors) == 5
