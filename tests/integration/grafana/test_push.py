"""`hedgerow grafana push` against a stand-in that speaks Grafana's documented API and records what it got."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from grafana.provisioned import read_provisioned
from grafana.push import Change, Wanted, differing, push
from grafana.remote import GrafanaError, open_grafana
from hedgerow.cli import app
from tests.servers.grafana import TOKEN, Grafana, running_grafana

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

PROVISIONED = read_provisioned()
KEY, PASSWORD = "hr_the_key_of_grafana", "the_password_of_the_reader"
VALUES = {
    "API_URL": "https://hedgerow.example",
    "API_KEY": KEY,
    "DATABASE_ADDRESS": "db.example:5432",
    "DATABASE_NAME": "hedgerow",
    "READER_PASSWORD": PASSWORD,
}
EVERYTHING = 2 + len(PROVISIONED.sources) + len(PROVISIONED.dashboards) + len(PROVISIONED.rules)


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    """Give an empty Grafana."""
    with running_grafana() as running:
        yield running


def run(grafana: Grafana, **changes: Any) -> list[Change]:  # noqa: ANN401 - fields of Wanted
    """Push everything."""
    wanted = Wanted(**{"values": VALUES, "folder": "Hedgerow", "sslmode": "verify-full", **changes})
    with open_grafana(grafana.url, TOKEN) as remote:
        return list(push(remote, PROVISIONED, wanted))


def others(changes: list[Change]) -> dict[str, tuple[str, str]]:
    """Give what is not unchanged."""
    return {change.what: (change.done, change.note) for change in changes if change.done != "unchanged"}


def test_push_into_an_empty_grafana_creates_everything(grafana: Grafana) -> None:
    """Folder, data sources, dashboards and alert rules are there afterwards, as they stand in their files."""
    changes = run(grafana)

    assert {change.done for change in changes} == {"created"}
    assert len(changes) == EVERYTHING == len(grafana.writes)
    assert grafana.folders["hedgerow"]["title"] == "Hedgerow"
    for board in PROVISIONED.dashboards:
        kept = grafana.dashboards[board["uid"]]
        assert {**kept["dashboard"], "id": None, "version": None} == {**board, "id": None, "version": None}
        assert kept["meta"]["folderUid"] == "hedgerow"
    assert set(grafana.rules) == {rule["uid"] for rule in PROVISIONED.rules}


def test_push_of_data_sources_fills_in_what_the_installation_has(grafana: Grafana) -> None:
    """Addresses and secrets stand where the files have names; the owner's default data source stays the default one."""
    run(grafana)
    api, database = grafana.sources["hedgerow-api"], grafana.sources["hedgerow-database"]

    assert api["url"] == "https://hedgerow.example"
    assert api["jsonData"]["allowedHosts"] == ["https://hedgerow.example"]
    assert api["secureJsonData"] == {"bearerToken": KEY}
    assert database["url"] == "db.example:5432"
    assert database["jsonData"]["sslmode"] == "verify-full"
    assert database["secureJsonData"] == {"password": PASSWORD}
    assert not api["isDefault"]
    assert not database["isDefault"]
    assert "$" not in str([api, database])


def test_push_of_alert_rules_leaves_them_to_people(grafana: Grafana) -> None:
    """They carry no provenance, so whoever is on call may pause one; they know their dashboard and panel."""
    run(grafana)
    rule = grafana.rules["hedgerow-ingest-stalled"]

    assert rule["provenance"] == ""
    assert rule["folderUID"] == "hedgerow-alarms"
    assert grafana.folders["hedgerow-alarms"]["title"] == "Hedgerow alarms" == PROVISIONED.rules[0]["folder"]
    assert rule["annotations"]["__dashboardUid__"] == "hedgerow-ingest"
    assert rule["annotations"]["__panelId__"].isdigit()


def test_push_again_changes_nothing(grafana: Grafana) -> None:
    """The second time everything is as it should be, and nothing is written."""
    run(grafana)
    grafana.asked.clear()

    assert others(run(grafana)) == {}
    assert grafana.writes == []


def test_push_after_somebody_edited_puts_it_back_and_says_so(grafana: Grafana) -> None:
    """A drift is changed back, once; the note says where it was, and who had saved it."""
    run(grafana)
    board = grafana.dashboards["hedgerow-county"]
    board["dashboard"]["panels"][0]["title"] = "Mine"
    board["dashboard"]["panels"][1]["transparent"] = True
    board["meta"]["updatedBy"] = "erin"
    grafana.dashboards["hedgerow-traffic"]["dashboard"]["panels"][2]["hideTimeOverride"] = True  # ours says nothing of it
    grafana.dashboards["hedgerow-fleet"]["meta"]["folderUid"] = "elsewhere"
    grafana.rules["hedgerow-quarantine"]["data"][2]["model"]["conditions"][0]["evaluator"]["params"] = [99]
    grafana.sources["hedgerow-api"]["jsonData"]["timeoutInSeconds"] = 1
    grafana.folders["hedgerow"]["title"] = "Sensors"

    changed = others(run(grafana))

    assert {what: done for what, (done, _) in changed.items()} == dict.fromkeys(
        [
            "folder Hedgerow",
            "data source Hedgerow API",
            "dashboard County overview",
            "dashboard Traffic",
            "dashboard Fleet health",
            "alert rule Quarantine filling",
        ],
        "changed",
    )
    assert changed["dashboard County overview"][1] == "panels.0.title, panels.1.transparent; was saved by erin"
    assert changed["dashboard Traffic"][1].startswith("panels.2.hideTimeOverride; ")
    assert changed["alert rule Quarantine filling"][1] == "data.2.model.conditions.0.evaluator.params.0"
    assert changed["data source Hedgerow API"][1] == "jsonData.timeoutInSeconds"
    assert changed["folder Hedgerow"][1] == "was called Sensors"
    assert others(run(grafana)) == {}


def test_push_leaves_a_paused_rule_paused(grafana: Grafana) -> None:
    """To pause is a person's decision; a changed rule is put right and stays paused."""
    run(grafana)
    rule = grafana.rules["hedgerow-storage"]
    rule.update(isPaused=True)
    assert [change.note for change in run(grafana) if change.what == "alert rule Database large"] == ["is paused"]
    rule.update(title="Mine")
    assert others(run(grafana)) == {"alert rule Database large": ("changed", "title; is paused")}
    assert grafana.rules["hedgerow-storage"]["isPaused"] is True


def test_push_of_secrets_sends_them_where_they_are_missing_or_asked_for(grafana: Grafana) -> None:
    """Grafana tells nobody what it keeps: a missing one is sent, others again when that is asked for."""
    run(grafana)
    grafana.sources["hedgerow-api"]["secureJsonData"] = {}
    assert others(run(grafana)) == {"data source Hedgerow API": ("changed", "secret bearerToken")}

    renewed = others(run(grafana, secrets=True, values={**VALUES, "API_KEY": "another"}))
    assert [note for _, note in renewed.values()] == ["secret bearerToken", "secret password"]
    assert grafana.sources["hedgerow-api"]["secureJsonData"] == {"bearerToken": "another"}


def test_push_without_addresses_leaves_data_sources_that_are_there(grafana: Grafana) -> None:
    """New dashboards need no secrets once the data sources are there; without them the missing one is named."""
    nothing = dict.fromkeys(VALUES, "")
    with pytest.raises(GrafanaError, match="API_KEY, API_URL is not known"):
        run(grafana, values=nothing)
    run(grafana)
    assert {done for done, _ in others(run(grafana, values=nothing)).values()} == {"left"}


def test_push_leaves_what_grafana_has_from_files(grafana: Grafana) -> None:
    """Where Grafana is provisioned from files, as in the compose file, those are the truth: nothing is written."""
    run(grafana)
    grafana.sources["hedgerow-api"].update(readOnly=True, url="http://api:8080")
    grafana.dashboards["hedgerow-site"]["meta"]["provisioned"] = True
    grafana.rules["hedgerow-api-down"].update(provenance="file", title="Mine")
    grafana.asked.clear()

    left = others(run(grafana))
    assert {what for what, (done, _) in left.items() if done == "left"} == {
        "data source Hedgerow API",
        "dashboard Site detail",
        "alert rule API down",
    }
    assert grafana.writes == []


def test_push_dry_run_says_what_would_be_and_writes_nothing(grafana: Grafana) -> None:
    """The words are the same as of the real run."""
    assert {change.done for change in run(grafana, dry_run=True)} == {"created"}
    assert grafana.writes == []


@pytest.mark.parametrize("writes", [0, 1, 4, EVERYTHING - 1])
def test_push_that_broke_off_is_finished_by_the_next(grafana: Grafana, writes: int) -> None:
    """What was written stays and is not written again; the rest follows."""
    grafana.breaks_after = writes
    with pytest.raises(GrafanaError, match="cannot be reached"):
        run(grafana)
    grafana.breaks_after = None

    done = [change.done for change in run(grafana)]
    assert done == ["unchanged"] * writes + ["created"] * (EVERYTHING - writes)
    assert others(run(grafana)) == {}


@contextmanager
def refused(said: str) -> Iterator[None]:
    """Hold what is tried to being refused in these words."""
    with pytest.raises(GrafanaError, match=said):
        yield


def test_push_into_a_grafana_that_will_not_do_says_why(grafana: Grafana) -> None:
    """Too old, a plugin missing, a token that may not, a name that is taken: nothing is written, and what to do is said."""
    grafana.plugins.remove("yesoreyeram-infinity-datasource")
    with refused("grafana cli plugins install yesoreyeram-infinity-datasource"):
        run(grafana)
    grafana.plugins.append("yesoreyeram-infinity-datasource")
    for version in ("11.5.9", "9.5.0", "10.4.1+security-01"):
        grafana.version = version
        with refused("too old: these dashboards need 11.6"):
            run(grafana)
    grafana.version = "12.0.0-pre"
    grafana.forbids = True
    with refused("role Admin"):
        run(grafana)
    grafana.forbids = False
    grafana.sources["theirs"] = {"uid": "theirs", "name": "Hedgerow API"}
    with refused("data source Hedgerow API: .*has this name already"):
        run(grafana)
    grafana.token = "another"  # noqa: S105 - of a test
    with refused("does not take the token"):
        run(grafana)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "cannot be reached"),
        ("{url}/elsewhere", "is no Grafana"),
        ("grafana.example", "is no address"),
        ("ftp://grafana.example", "is no address"),
        ("http://127.0.0.1:99999", "is no address"),
        ("http://[::1", "is no address"),
        ("https://grafana.example:abc/", "is no address"),
        ("http://[::1]:1", "cannot be reached"),
    ],
)
def test_push_to_a_wrong_address_says_so(url: str, said: str) -> None:
    """Nobody there, another program there, no address at all."""
    with (
        running_grafana(prefix="/sub/path") as grafana,
        refused(said),
        open_grafana(url.format(url=grafana.url), TOKEN),
    ):
        pass


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"])
def test_push_to_this_machine_needs_no_tls(url: str) -> None:
    """What is sent to this machine passes nobody: it is tried."""
    with refused("cannot be reached"), open_grafana(url, TOKEN):
        pass


def test_push_over_http_to_another_machine_wants_to_be_told_so() -> None:
    """Token, key and password would be seen on the way: nothing is sent unless somebody says that this will do."""
    for url in ("http://grafana.invalid", "http://192.0.2.1:3000", "http://[2001:db8::1]:3000", "http://localhost.invalid"):
        with refused("give https://, or --insecure"), open_grafana(url, TOKEN):
            pass
    with refused("cannot be reached"), open_grafana("http://grafana.invalid", TOKEN, insecure=True):
        pass


@pytest.mark.parametrize(
    "url", ["https://erin:hush@127.0.0.1:1", "https://hush@127.0.0.1:1", "ftp://erin:hush@h", "https://erin:hush"]
)
def test_push_to_an_address_with_a_password_refuses_and_does_not_repeat_it(url: str) -> None:
    """It would not be used, and must stand in no terminal or log."""
    told = CliRunner().invoke(app, ["grafana", "push", "--url", url, "--token", TOKEN])

    assert told.exit_code == 1
    assert told.stderr.startswith("hedgerow grafana push: ")
    assert "hush" not in told.output


def test_push_to_a_grafana_below_a_path_works() -> None:
    """A proxy may give Grafana a path, written with a slash at its end or without."""
    with running_grafana(prefix="/sub/path") as grafana:
        for url in (grafana.url, f"{grafana.url}/"):
            with open_grafana(url, TOKEN) as remote:
                assert remote.version == "11.6.16"


def test_differing_names_places_and_no_values() -> None:
    """What they have besides is theirs; a list of another length differs as a whole."""
    ours = {"a": 1, "b": {"c": [1, {"d": 2}]}, "e": [1]}
    assert differing(ours, {**ours, "z": 1}) == []
    assert differing(ours, {"a": 2, "b": {"c": [1, {"d": 3}]}, "e": [1, 2]}) == ["a", "b.c.1.d", "e"]
    assert differing(ours, {}) == ["a", "b", "e"]


def test_push_command_tells_each_thing_and_no_secret(grafana: Grafana) -> None:
    """A line a thing and a sum; tokens, keys and passwords come from the environment and are never shown."""
    environment = {
        "HEDGEROW_GRAFANA_URL": grafana.url,
        "HEDGEROW_GRAFANA_TOKEN": TOKEN,
        "HEDGEROW_GRAFANA_API_URL": "https://hedgerow.example/",
        "HEDGEROW_GRAFANA_API_KEY": KEY,
        "HEDGEROW_GRAFANA_DATABASE": "db.example:5432",
        "HEDGEROW_GRAFANA_READER_PASSWORD": PASSWORD,
    }

    def command(**more: str) -> Result:
        return CliRunner().invoke(app, ["grafana", "push"], env={**environment, **more})

    first, second, wrong = command(), command(), command(HEDGEROW_GRAFANA_TOKEN="wrong")  # noqa: S106 - no password
    grafana.version = "11.5.0"
    old = command()

    assert (first.exit_code, first.stderr) == (0, "")
    assert f"{EVERYTHING} created, 0 changed, 0 unchanged, 0 left" in first.stdout
    assert "created    dashboard County overview" in first.stdout
    assert f"0 created, 0 changed, {EVERYTHING} unchanged" in second.stdout
    assert (wrong.exit_code, old.exit_code) == (1, 1)
    assert wrong.stderr.startswith("hedgerow grafana push: Grafana does not take the token")
    assert "Grafana 11.5.0 is too old" in old.stderr
    told = "".join(run.output for run in (first, second, wrong, old))
    assert not [secret for secret in (TOKEN, KEY, PASSWORD) if secret in told]
