"""The API's description is complete: whoever reads it needs nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from api.app import create_app
from api.profile_schemas import NewProfile
from api.schemas import NewDeployment, NewDevice, NewSite
from api.series_schemas import NewSeries
from api.settings import ApiSettings

DESCRIPTION: dict[str, Any] = create_app(ApiSettings(database_url="postgresql://nowhere")).openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
}
HEALTH = {"GET /healthz", "GET /readyz"}


def test_description_names_every_reference_it_uses() -> None:
    """No reference leads nowhere."""
    schemas = DESCRIPTION["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DESCRIPTION)))

    assert len(references) > 20
    assert references <= set(schemas)


def test_description_has_no_console_pages() -> None:
    """The description is that of the API: pages for people are not in it."""
    assert {path.split("/")[1] for path in DESCRIPTION["paths"]} == {"api", "healthz", "readyz", "metrics"}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_description_of_every_operation_says_what_it_does(name: str) -> None:
    """Each operation has a tag, a summary, a description and a good answer, with a schema where it says anything."""
    operation = OPERATIONS[name]

    assert len(operation["tags"]) == 1
    assert operation["summary"][0].isupper()
    assert len(operation["description"]) > 20
    good = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    assert good
    for answer in (answer for status, answer in good.items() if status != "204"):
        assert all(content["schema"] for content in answer["content"].values()), answer


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - HEALTH))
def test_description_of_every_operation_but_health_says_who_may_ask(name: str) -> None:
    """Each operation names the ways to say who asks, and what happens without."""
    operation = OPERATIONS[name]

    assert {scheme for way in operation["security"] for scheme in way} >= {"API key", "Session"}
    assert "401" in operation["responses"]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_description_tells_every_problem_in_the_one_shape(name: str) -> None:
    """Wherever an operation may refuse, the refusal is a problem document."""
    operation = OPERATIONS[name]
    refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    if name.startswith("POST"):
        without_conflicts = ("series", "webhooks", "decode", "keys", "maintenance", "password", "quarantine")
        has_conflicts = not any(part in name for part in without_conflicts)
        assert {"401", "403", "409" if has_conflicts else "422", "422", "500", "503"} <= set(refusals)
    for answer in refusals.values():
        assert answer["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_description_of_every_parameter_and_body_is_there(name: str) -> None:
    """Parameters are explained; bodies have an example."""
    operation = OPERATIONS[name]
    silent = [
        parameter["name"]
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and not (parameter.get("description") or parameter["schema"].get("description"))
    ]
    assert silent == []
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        if "$ref" in schema:
            schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if schema.get("format") == "binary":
            continue
        assert schema["examples"]
        assert set(schema["examples"][0]) <= set(schema["properties"])


def test_description_examples_of_bodies_are_accepted() -> None:
    """The examples are ones the models take."""
    for model in (NewSite, NewProfile, NewDevice, NewDeployment, NewSeries):
        (example,) = DESCRIPTION["components"]["schemas"][model.__name__]["examples"]
        assert model.model_validate(example)
