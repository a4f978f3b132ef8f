"""Device credentials at a real Mosquitto: who comes in, what they may do there, and how soon they are out again."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from api.credentials.control import BrokerAddress, control
from api.credentials.keeping import compare
from tests.servers.certificates import make_client_certificate
from tests.servers.dynsec import PASSWORDS, wait_until
from tests.servers.path import Program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.api.conftest import Api, Serve
    from tests.servers.dynsec import Secured

pytestmark = pytest.mark.mosquitto

_CUT_WITHIN_S = 10.0  # what is promised


@pytest.fixture
def kept(serve: Serve, plain_database: str, secured: Secured) -> Api:
    """Give an API that keeps the credentials of that broker, with two devices registered."""
    api = serve(plain_database, **secured.settings)
    for uid in ("a840", "b950"):
        assert api.post("/api/v1/devices", uid=uid, name=uid, latitude=50.7, longitude=-2.4).status_code == 201
    return api


def issue(api: Api, uid: str = "a840", **wanted: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Issue a credential."""
    answer = api.post(f"/api/v1/devices/{uid}/credentials", **wanted)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    issued: dict[str, Any] = answer.json()
    return issued


def revoke(api: Api, credential: dict[str, Any], uid: str = "a840") -> dict[str, Any]:
    """Revoke a credential."""
    answer = api.of("engineer").delete(f"/api/v1/devices/{uid}/credentials/{credential['id']}")
    assert answer.status_code == 200, answer.text
    revoked: dict[str, Any] = answer.json()
    return revoked


def listed(api: Api, uid: str = "a840") -> list[dict[str, Any]]:
    """List a device's credentials."""
    items: list[dict[str, Any]] = api.of("engineer").get(f"/api/v1/devices/{uid}/credentials").json()["items"]
    return items


def tell_broker(secured: Secured, *commands: dict[str, Any]) -> list[dict[str, Any]]:
    """Do something to the broker's dynamic security behind the API's back."""

    async def tell() -> list[dict[str, Any]]:
        async with control(_address(secured)) as broker:
            return await broker.ask(*commands)

    return asyncio.run(tell())


def compare_now(api: Api, secured: Secured) -> None:
    """Compare the broker with the database, as the API does every minute."""

    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(api.database, autocommit=True) as connection:
            await compare(connection, _address(secured))

    asyncio.run(run())


def _address(secured: Secured) -> BrokerAddress:
    return BrokerAddress(secured.broker.url, "hedgerow-api", PASSWORDS["hedgerow-api"])


def test_credential_issued_lets_the_device_publish_what_is_then_stored(kept: Api, secured: Secured, tmp_path: Path) -> None:
    """A reading published with the password that was shown comes through the real ingest into the store."""
    issued = issue(kept)
    settings = {"HEDGEROW_DATABASE_URL": kept.database, "HEDGEROW_MQTT_URL": secured.broker.url}
    login = {"HEDGEROW_MQTT_USER": "ingest", "HEDGEROW_MQTT_PASSWORD": PASSWORDS["ingest"]}
    ingest = Program("ingest", settings | login, tmp_path / "ingest.log")
    ingest.start()
    try:
        device = secured.device(issued["username"], issued["password"])
        assert re.fullmatch(r"[\w-]{43}", issued["password"])
        assert issued["topics"] == ["hedgerow/v1/a840/up"]
        payload = json.dumps([{"n": "temperature", "u": "Cel", "v": 11.5}])
        stored = "SELECT value FROM reading"
        give_up = time.monotonic() + 20
        while not kept.execute(stored):
            assert time.monotonic() < give_up, ingest.log.read_text()
            assert device.publish(issued["topics"][0], payload) in ("Success", "No matching subscribers")
            time.sleep(0.2)
        assert kept.execute(stored)[0] == (11.5,)
        device.close()
    finally:
        ingest.stop()


def test_credential_allows_nothing_but_the_own_topic(kept: Api, secured: Secured) -> None:
    """Topics of others, of gateways and of the broker itself are refused to a device, and so is every subscription."""
    password = issue(kept)["password"]

    for topic in ("hedgerow/v1/b950/up", "hedgerow/v1/gw/a840/up", "hedgerow/v1/a840/down", "$CONTROL/dynamic-security/v1"):
        assert secured.answer_to(topic, "a840", password) == "Not authorized", topic
    device = secured.device("a840", password)
    for topic in ("hedgerow/v1/a840/up", "#", "$share/hedgerow/hedgerow/v1/#", "$CONTROL/dynamic-security/v1/response"):
        assert device.subscribe(topic) == "Not authorized", topic
    device.close()


def test_credential_of_a_gateway_speaks_for_others_on_its_own_topic(kept: Api, secured: Secured) -> None:
    """A gateway may publish packs on its topic, and not on another gateway's."""
    issued = issue(kept, is_gateway=True)
    gateway = secured.device("a840", issued["password"])

    assert issued["topics"] == ["hedgerow/v1/a840/up", "hedgerow/v1/gw/a840/up"]
    assert [gateway.publish(topic) for topic in issued["topics"]] == ["No matching subscribers"] * 2
    assert gateway.publish("hedgerow/v1/gw/b950/up") == "Not authorized"
    gateway.close()


def test_broker_without_the_right_password_lets_nobody_in(kept: Api, secured: Secured) -> None:
    """A wrong password, none, another's, an unknown name and nobody at all are turned away."""
    issued = issue(kept)

    for login in (("a840", "wrong"), ("a840", ""), ("b950", issued["password"]), ("ingest", "wrong"), (None, None)):
        device = secured.device(*login)
        assert device.admission == "Not authorized", login
        device.close()


def test_credential_secret_is_kept_nowhere(kept: Api, secured: Secured) -> None:
    """The password stands neither in the database, nor in the broker's file or log, nor in any later answer."""
    password = issue(kept)["password"]
    stored = str(kept.execute("SELECT to_jsonb(c) FROM device_credential c UNION ALL SELECT to_jsonb(a) FROM audit_entry a"))

    assert "a840" in stored
    assert password not in stored
    assert "a840" in secured.file.read_text(encoding="utf-8")
    assert password not in secured.file.read_text(encoding="utf-8") + secured.broker.log
    assert password not in json.dumps(listed(kept))


def test_credential_changes_are_audited_under_who_made_them(kept: Api) -> None:
    """Issuing and revoking leave an entry each; what the keeper does of itself leaves none."""
    revoke(kept, issue(kept))

    entries = kept.execute("SELECT person, key, action FROM audit_entry WHERE kind = 'device_credential' ORDER BY audit_id")
    assert entries == [("some engineer", "a840", "added"), ("some engineer", "a840", "changed")]


def test_credential_revoked_cuts_the_live_session(kept: Api, secured: Secured) -> None:
    """The session ends well within ten seconds, nothing more is accepted, and the password opens no other."""
    issued = issue(kept)
    device = secured.device("a840", issued["password"])
    asked_at = time.monotonic()

    revoked = revoke(kept, issued)
    took_s = device.cut_within(_CUT_WITHIN_S) - asked_at
    print(json.dumps({"revoked_to_cut_s": round(took_s, 4), "cut_within_s": round(revoked["cut_within_s"], 4)}))
    assert took_s < _CUT_WITHIN_S
    assert revoked["cut_within_s"] < _CUT_WITHIN_S
    device.close()
    assert secured.device("a840", issued["password"]).admission == "Not authorized"
    assert revoke(kept, issued)["revoked_at"] == revoked["revoked_at"]


def test_device_retired_loses_its_session_and_gets_no_other(kept: Api, secured: Secured) -> None:
    """Whoever retires a device, however it is written down, ends its credentials within ten seconds."""
    issued = issue(kept)
    device = secured.device("a840", issued["password"])
    asked_at = time.monotonic()

    kept.execute("UPDATE device SET retired_at = now() WHERE uid = 'a840'")
    took_s = device.cut_within(_CUT_WITHIN_S) - asked_at
    print(json.dumps({"retired_to_cut_s": round(took_s, 4)}))
    device.close()
    assert secured.device("a840", issued["password"]).admission == "Not authorized"
    again = kept.post("/api/v1/devices/a840/credentials")
    assert (again.status_code, "retired" in again.json()["detail"]) == (409, True)


def test_credential_revoked_while_the_broker_is_away_ends_when_it_is_back(kept: Api, secured: Secured) -> None:
    """The end is recorded at once, shown as not at the broker yet, and enforced as soon as the broker answers again."""
    issued = issue(kept)
    secured.broker.kill()

    revoked = revoke(kept, issued)
    assert revoked["revoked_at"] is not None
    assert (revoked["withdrawn_at"], revoked["cut_within_s"]) == (None, None)
    assert revoked["trouble"].startswith("Not at the broker yet")
    secured.broker.start()
    wait_until(lambda: listed(kept)[0]["withdrawn_at"] is not None, 20)
    assert listed(kept)[0]["trouble"] == ""
    assert secured.device("a840", issued["password"]).admission == "Not authorized"


def test_credential_asked_for_while_the_broker_is_away_is_not_issued(kept: Api, secured: Secured) -> None:
    """Nothing is half done: the answer says to try again, and no credential is listed."""
    secured.broker.kill()

    answer = kept.post("/api/v1/devices/a840/credentials")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Nothing was issued")
    assert listed(kept) == []
    secured.broker.start()
    issue(kept)


def test_broker_restarted_knows_its_devices(kept: Api, secured: Secured) -> None:
    """Credentials live through a restart of the broker, and through its being killed."""
    issued = issue(kept)
    secured.broker.restart()
    secured.broker.kill()
    secured.broker.start()

    device = secured.device("a840", issued["password"])
    assert device.publish("hedgerow/v1/a840/up") == "No matching subscribers"
    device.close()


def test_broker_altered_by_others_is_mended(kept: Api, secured: Secured) -> None:
    """Rules, roles, locks, default access and strangers who pose as devices are put right; other programs stay as they are."""
    issued = issue(kept)
    everything = {"acltype": "publishClientSend", "topic": "#", "allow": True, "priority": 9}
    answers = tell_broker(
        secured,
        {"command": "addRoleACL", "rolename": "device:a840", **everything},
        {"command": "addClientRole", "username": "a840", "rolename": "program:ingest"},
        {"command": "disableClient", "username": "a840"},
        {"command": "setDefaultACLAccess", "acls": [{"acltype": "subscribe", "allow": True}]},
        {"command": "createRole", "rolename": "device:stranger", "acls": [everything]},
        {"command": "createClient", "username": "stranger", "password": "x", "roles": [{"rolename": "device:stranger"}]},
        {"command": "createClient", "username": "chirpstack", "password": "x", "roles": [{"rolename": "program:ingest"}]},
    )
    assert not [answer for answer in answers if "error" in answer]

    compare_now(kept, secured)
    assert secured.answer_to("hedgerow/v1/b950/up", "a840", issued["password"]) == "Not authorized"
    device = secured.device("a840", issued["password"])
    assert device.publish("hedgerow/v1/a840/up") == "No matching subscribers"
    assert device.subscribe("hedgerow/v1/#") == "Not authorized"
    device.close()
    assert secured.device("stranger", "x").admission == "Not authorized"
    assert secured.device("chirpstack", "x").subscribe("application/#") == "Granted QoS 1"


def test_password_the_broker_has_lost_is_told(kept: Api, secured: Secured) -> None:
    """Nobody can make it again, so the credential says what to do; a new one puts it right."""
    issued = issue(kept)
    tell_broker(secured, {"command": "deleteClient", "username": "a840"})

    compare_now(kept, secured)
    assert listed(kept)[0]["trouble"] == "The broker no longer knows this password. Revoke it and issue a new one."
    revoke(kept, issued)
    issue(kept)
    compare_now(kept, secured)
    assert [one["trouble"] for one in listed(kept)] == ["", ""]


def test_database_that_never_gave_a_credential_cuts_nobody_off(serve: Serve, plain_database: str, secured: Secured) -> None:
    """Where the database is empty by mistake, devices the broker knows stay in."""
    rules = {"command": "createRole", "rolename": "device:a840", "acls": []}
    tell_broker(
        secured, rules, {"command": "createClient", "username": "a840", "password": "x", "roles": [{"rolename": "device:a840"}]}
    )

    compare_now(serve(plain_database), secured)
    assert secured.device("a840", "x").admission == "Success"


def test_certificate_lets_its_device_in_and_no_other(kept: Api, secured: Secured) -> None:
    """By its common name a device publishes to its own topic; an unknown certificate may do nothing; revoking ends both."""
    known = make_client_certificate(secured.folder, "sensor-7.example.org")
    stranger = make_client_certificate(secured.folder, "sensor-8.example.org")
    issued = issue(kept, kind="certificate", certificate_name="sensor-7.example.org")
    assert (issued["password"], issued["port"], issued["tls"]) == (None, secured.certificate_port, True)

    assert secured.answer_to("hedgerow/v1/b950/up", None, certificate=known) == "Not authorized"
    assert secured.answer_to("hedgerow/v1/a840/up", None, certificate=stranger) == "Not authorized"
    device = secured.device(None, certificate=known)
    assert device.publish("hedgerow/v1/a840/up") == "No matching subscribers"
    assert secured.device("sensor-7.example.org", "").admission == "Not authorized"
    revoked = revoke(kept, issued)
    device.cut_within(_CUT_WITHIN_S)
    assert revoked["cut_within_s"] < _CUT_WITHIN_S
    assert secured.answer_to("hedgerow/v1/a840/up", None, certificate=known) == "Not authorized"


def test_certificate_the_broker_has_lost_is_made_known_again(kept: Api, secured: Secured) -> None:
    """There is no secret in it, so nobody need do anything."""
    certificate = make_client_certificate(secured.folder, "sensor-7")
    issue(kept, kind="certificate", certificate_name="sensor-7")
    tell_broker(secured, {"command": "deleteClient", "username": "sensor-7"})

    compare_now(kept, secured)
    assert secured.answer_to("hedgerow/v1/a840/up", None, certificate=certificate) == "No matching subscribers"
    assert listed(kept)[0]["trouble"] == ""


def test_credential_that_cannot_be_issued_says_why(kept: Api) -> None:
    """A name is given once, a program's name never, a name fits the broker, and a device must be registered."""
    refused: tuple[tuple[str, dict[str, str], int, str], ...] = (
        ("a840", {}, 409, "Revoke that credential first"),
        ("b950", {"kind": "certificate", "certificate_name": "a840"}, 409, "The device a840 comes in as 'a840' already"),
        ("b950", {"kind": "certificate", "certificate_name": "ingest"}, 409, "belongs to a program"),
        ("b950", {"kind": "certificate"}, 422, "certificate_name"),
        ("b950", {"kind": "certificate", "certificate_name": "#"}, 422, "not allowed in a name"),
        ("b950", {"certificate_name": "x"}, 422, "and only then"),
        ("nobody", {}, 404, "No device nobody"),
    )
    issue(kept)

    for uid, wanted, status, says in refused:
        answer = kept.post(f"/api/v1/devices/{uid}/credentials", **wanted)
        assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.text


def test_credentials_where_none_are_kept_say_what_to_set(plain_api: Api) -> None:
    """Without a broker of its own the API refuses in words that name the setting."""
    assert plain_api.post("/api/v1/devices", uid="a840", name="x", latitude=50, longitude=-2).status_code == 201

    answer = plain_api.post("/api/v1/devices/a840/credentials")
    assert (answer.status_code, "HEDGEROW_DYNSEC_URL" in answer.json()["detail"]) == (409, True)
