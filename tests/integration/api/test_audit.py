"""Who changed what: every change leaves an entry, which the application cannot alter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api


def test_audit_names_who_made_a_site_and_what_it_was(plain_api: Api) -> None:
    """A change made through the API stands under the name of the person, with the row as it is now."""
    plain_api.of("engineer").post("/api/v1/sites", json={"name": "West Bay", "code": "west-bay"}).raise_for_status()

    with psycopg.connect(plain_api.database) as connection:
        [(person, action, before, after)] = connection.execute(
            "SELECT person, action, before, after FROM audit_entry WHERE kind = 'site' AND key = 'west-bay'"
        ).fetchall()
    assert person == "some engineer"
    assert (action, before, after["name"]) == ("added", None, "West Bay")


@pytest.mark.parametrize("text", ["UPDATE audit_entry SET person = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"])
def test_audit_cannot_be_altered_by_the_application(plain_api: Api, text: str) -> None:
    """The role the API works under may read the audit and no more."""
    with psycopg.connect(plain_api.database, options="-c role=hedgerow_app") as connection:
        assert connection.execute("SELECT count(*) FROM audit_entry").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text)
