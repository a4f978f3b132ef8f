"""Device profiles over HTTP: codecs that cannot be used are refused with the place, changes, and payloads tried."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devices.shipped_profiles import load_shipped_profiles

if TYPE_CHECKING:
    import httpx

    from tests.integration.api.conftest import Api

LAYOUT = """
port = 2
[[field]]
metric = "temperature"
at = 0
type = "i16"
scale = 0.1
[[field]]
metric = "water_level"
at = 2
type = "u16"
unit = "cm"
[[field]]
metric = "door_open"
at = 4
type = "u8"
states = { 0 = "closed", 1 = "open", 2 = "ajar" }
[[field]]
metric = "bats_per_hour"
at = 4
type = "u8"
"""
SCRIPT = "function decodeUplink(input) { return {data: {temperature: input.bytes[0] / 2}}; }"


def profile(key: str, **more: object) -> dict[str, Any]:
    """Write a profile."""
    return {"key": key, "name": key.title(), "codec": "layout", "definition": LAYOUT} | more


def test_profile_keeps_its_codec_definition_and_script(shared_api: Api) -> None:
    """What was sent is given back, in the list too, and counts as the same when it is sent again."""
    content = profile("kept", script=SCRIPT)
    made = make(shared_api, **content)

    assert made.status_code == 201, made.text
    assert content.items() <= made.json().items()
    assert make(shared_api, **content).status_code == 200
    assert make(shared_api, **content | {"definition": LAYOUT + "\n"}).status_code == 409
    listed = {one["key"]: one for one in shared_api.get("/api/v1/profiles", limit=1000)["items"]}
    assert listed["kept"] == made.json()


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ({"codec": "layout", "definition": ""}, "body.definition", "the layout has no field"),
        ({"codec": "layout", "definition": "[[field]]\nmetric = 'm'"}, "body.definition", "field 1 (m).at: is missing"),
        ({"codec": "layout", "definition": "x = ["}, "body.definition", "the definition is not TOML"),
        ({"codec": "cayenne_lpp", "definition": "warmth = 1"}, "body.definition", "warmth: is no name of a value"),
        ({"codec": "auto", "definition": "[mapping]\nx = 3"}, "body.definition", "mapping.x: must be"),
        ({"codec": "javascript", "script": "function {"}, "body.script", ""),
        ({"codec": "javascript", "script": SCRIPT, "definition": "mapping = 3"}, "body.definition", "mapping: must be"),
        ({"codec": "morse"}, "body.codec", ""),
        ({"codec": "layout", "definition": LAYOUT + "#\x00"}, "body.definition", "the NUL character is not allowed"),
    ],
    ids=lambda case: str(case)[:50],
)  # fmt: skip
def test_profile_that_cannot_be_used_is_refused_with_the_place(
    shared_api: Api, content: dict[str, Any], where: str, what: str
) -> None:
    """Neither made nor changed to: 422, and `errors` names the place to mend."""
    make(shared_api, **profile("good"))
    made = make(shared_api, key="bad", name="Bad", **content)
    changed = shared_api.of("manager").patch("/api/v1/profiles/good", json=content)

    for answer in (made, changed):
        assert answer.status_code == 422, answer.text
        (slip,) = answer.json()["errors"]
        assert slip["where"] == where
        assert slip["what"].startswith(what)
    assert shared_api.of("viewer").get("/api/v1/profiles/bad").status_code == 404
    assert shared_api.get("/api/v1/profiles/good")["definition"] == LAYOUT


def test_profile_changed_keeps_what_is_not_named(api: Api) -> None:
    """A codec is mended without touching the rest; viewers may not, and what is not there is not found."""
    make(api, **profile("old", expected_interval_s=60, vendor="Acme"))
    before = api.get("/api/v1/profiles/old")
    changed = api.of("manager").patch(
        "/api/v1/profiles/old", json={"definition": LAYOUT.replace("0.1", "0.01"), "battery": "AA"}
    )

    assert changed.status_code == 200, changed.text
    assert changed.json() == before | {"definition": LAYOUT.replace("0.1", "0.01"), "battery": "AA", "version": 2}
    assert api.get("/api/v1/profiles/old") == changed.json()
    assert api.of("engineer").patch("/api/v1/profiles/old", json={"battery": "C"}).status_code == 403
    assert api.of("manager").patch("/api/v1/profiles/none", json={"battery": "C"}).status_code == 404
    assert api.of("manager").patch("/api/v1/profiles/old", json={"key": "new"}).status_code == 422
    assert api.of("manager").patch("/api/v1/profiles/old", json={}).json() == changed.json()


def make(api: Api, **content: object) -> httpx.Response:
    """Make a profile, as a manager does."""
    return api.of("manager").post("/api/v1/profiles", json=content)


def trial(api: Api, key: str, **content: object) -> dict[str, Any]:
    """Try a payload."""
    answer = api.post(f"/api/v1/profiles/{key}/decode", **content)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def test_trial_gives_readings_as_they_would_be_stored(api: Api) -> None:
    """Aliases are keys, units the metric's own, states have their codes; what would be refused says why; nothing is stored."""
    make(api, **profile("tried"))
    made = trial(api, "tried", payload_hex="ffce 00fa 01", port=2)

    assert [(one["item"], one["metric"], one["value"], one["unit"], one["state"]) for one in made["readings"]] == [
        (1, "air_temperature", -5.0, "°C", None),
        (2, "water_level", 2.5, "m", None),
        (3, "door_open", 1.0, "bool", "open"),
    ]
    assert [(one["item"], one["reason"], one["detail"]) for one in made["refused"]] == [
        (4, "metric_unknown", "'bats_per_hour'")
    ]
    now = datetime.fromisoformat(made["readings"][0]["time"])
    assert abs(now - datetime.now(now.tzinfo)) < timedelta(minutes=5)
    assert trial(api, "tried", payload_base64="/84A+gE=", port=2)["readings"][1]["value"] == 2.5
    assert api.execute("SELECT count(*) FROM reading") == [(0,)]
    assert api.execute("SELECT count(*) FROM quarantine") == [(0,)]


def test_trial_of_a_payload_that_cannot_be_read_says_why(shared_api: Api) -> None:
    """A wrong port, a short payload and an unknown state are answers, not errors."""
    make(shared_api, **profile("short"))

    assert [one["reason"] for one in trial(shared_api, "short", payload_hex="00", port=7)["refused"]] == ["codec_failed"]
    assert [one["reason"] for one in trial(shared_api, "short", payload_hex="0001", port=2)["refused"]] == ["frame_incomplete"]
    unknown = trial(shared_api, "short", payload_hex="0001000102")
    assert [(one["item"], one["reason"]) for one in unknown["refused"]] == [(3, "state_unknown"), (4, "metric_unknown")]


def test_trial_of_a_change_before_it_is_made(shared_api: Api) -> None:
    """Codec, definition and script of the question count instead of the profile's; the profile stays as it is."""
    make(shared_api, **profile("changing"))
    by_script = trial(shared_api, "changing", payload_hex="2a", codec="javascript", script=SCRIPT, definition="")
    lpp = trial(shared_api, "changing", payload_hex="01670064", codec="cayenne_lpp", definition="")

    assert [one["value"] for one in by_script["readings"]] == [21.0]
    assert [one["value"] for one in lpp["readings"]] == [10.0]
    broken = shared_api.post("/api/v1/profiles/changing/decode", payload_hex="00", definition="x")
    assert broken.status_code == 422
    assert broken.json()["errors"][0]["where"] == "body.definition"
    assert shared_api.get("/api/v1/profiles/changing")["codec"] == "layout"


@pytest.mark.parametrize(
    "content",
    [{}, {"payload_hex": "0"}, {"payload_hex": "zz"}, {"payload_base64": "*"}, {"payload_hex": "00", "payload_base64": "AA=="},
     {"payload_hex": "00", "port": 256}, {"payload_hex": "00" * 10_000}],
    ids=str,
)  # fmt: skip
def test_trial_without_a_payload_that_can_be_read_is_refused(shared_api: Api, content: dict[str, Any]) -> None:
    """One payload, in hex or base64, of a size a device can send."""
    make(shared_api, **profile("payloads"))

    assert shared_api.post("/api/v1/profiles/payloads/decode", **content).status_code == 422


def test_trial_needs_a_profile_with_a_codec(shared_api: Api) -> None:
    """Messages of `auto` explain themselves; an unknown profile is not found; viewers may not."""
    assert shared_api.post("/api/v1/profiles/generic/decode", payload_hex="00").status_code == 422
    assert shared_api.post("/api/v1/profiles/none/decode", payload_hex="00").status_code == 404
    assert shared_api.of("viewer").post("/api/v1/profiles/generic/decode", json={"payload_hex": "00"}).status_code == 403


def test_shipped_profiles_can_be_made_over_the_api(shared_api: Api) -> None:
    """A council that copies one under a key of its own gets what it copied."""
    for one in load_shipped_profiles():
        answer = make(shared_api, key=f"our-{one.key}", name=one.name, codec=one.codec, definition=one.definition)
        assert answer.status_code == 201, (one.key, answer.text)
        assert answer.json()["definition"] == one.definition
