"""Which flags keep readings out: told to all, changed by administrators, and counted at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.flags import Flag
from tests.integration.api.test_areas import register

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api


def test_flag_that_keeps_nothing_out_any_more_lets_readings_count(api: Api) -> None:
    """An administrator's change counts in the next question, and stands in the audit."""
    register(api, "weir")
    api.execute("UPDATE reading SET flags = %s", int(Flag.SPIKE))
    asked = "/api/v1/aggregate?site=weir&every=1h"
    assert sum(bucket["n"] for bucket in api.get(asked)) == 0

    answer = api.of("admin").put("/api/v1/flags/spike", json={"excluding": False})

    assert answer.status_code == 200
    assert {flag["key"]: flag["excluding"] for flag in answer.json()}["spike"] is False
    assert sum(bucket["n"] for bucket in api.get(asked)) == 1
    [entry] = api.execute(
        "SELECT action, before ->> 'excluding', after ->> 'excluding' FROM audit_entry WHERE kind = 'quality_flag'"
    )
    assert entry == ("changed", "true", "false")


def test_flag_that_is_not_there_is_named(api: Api) -> None:
    """A slip of the pen changes nothing and says where the flags are listed."""
    answer = api.of("admin").put("/api/v1/flags/spyke", json={"excluding": False})

    assert answer.status_code == 404
    assert "/api/v1/flags" in answer.json()["detail"]
