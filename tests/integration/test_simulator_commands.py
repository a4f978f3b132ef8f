"""Tests of the commands simulate, replay and verify as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from simulators.cli import replay_command, simulate_command, verify_command
from simulators.ledger import Sent, read_ledger

if TYPE_CHECKING:
    from typer.testing import Result

    from tests.servers.mosquitto import Mosquitto

EXTRACT = Path(__file__).parents[1] / "data" / "uk_no2_met_2002_hourly.csv.gz"

app = typer.Typer()
app.command("simulate")(simulate_command)
app.command("replay")(replay_command)
app.command("verify")(verify_command)


def call(*arguments: object) -> Result:
    """Carry out a command line."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def sent_in(ledger: Path) -> list[Sent]:
    """Give the messages of a ledger."""
    return [entry for some in read_ledger(ledger) for entry in some if isinstance(entry, Sent)]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of its own: ledgers are written there, and no Hedgerow runs beside it."""
    monkeypatch.chdir(tmp_path)


def test_simulate_command_writes_a_ledger_and_says_where(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The number asked for is sent, and the next command is named."""
    result = call("simulate", "--no-register", "--mqtt", mosquitto.url, "--rate", 500, "--count", 200, "--devices", 5)

    (ledger,) = tmp_path.glob("simulate-*.ledger")
    assert result.exit_code == 0, result.output
    assert f"hedgerow verify {ledger.name}" in result.output
    assert len(sent_in(ledger)) == 200


def test_simulate_command_never_writes_over_a_ledger(mosquitto: Mosquitto) -> None:
    """The second run says what to do, in one line."""
    arguments = ("simulate", "--no-register", "--mqtt", mosquitto.url, "--rate", 500, "--count", 5, "--ledger", "a.ledger")
    assert call(*arguments).exit_code == 0

    again = call(*arguments)

    assert again.exit_code == 1
    assert "a.ledger is there already" in again.output
    assert "Traceback" not in again.output


def test_simulate_command_malformed_only_as_large_as_allowed(mosquitto: Mosquitto) -> None:
    """Brokers that refuse large messages are spared them."""
    arguments = ("simulate", "--no-register", "--mqtt", mosquitto.url, "--rate", 2000, "--count", 600, "--malformed", 1)
    call(*arguments, "--no-oversize", "--ledger", "small.ledger")
    call(*arguments, "--ledger", "all.ledger")

    assert "too_large" not in {entry.fault for entry in sent_in(Path("small.ledger"))}
    assert "too_large" in {entry.fault for entry in sent_in(Path("all.ledger"))}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("simulate",), "give --mqtt"),
        (("simulate", "--mqtt", "mqtt://127.0.0.1:1"), "--http (or --no-register)"),
        (("simulate", "--mqtt", "http://x", "--no-register"), "is no broker address"),
        (("simulate", "--mqtt", "mqtt://x", "--no-register", "--mqtt-version", "4"), "choose 5 or 3.1.1"),
        (("simulate", "--data-dir", "nowhere"), "no Hedgerow is running on nowhere"),
        (("simulate", "--late", "0.6", "--skewed", "0.6"), "sum not more than 1"),
        (("replay", EXTRACT, "--column", "no3=no2", "--mqtt", "mqtt://x", "--no-register"), "has no column no3"),
        (("replay", EXTRACT, "--column", "no2=no9"), "not a metric of the vocabulary"),
        (("replay", EXTRACT, "--time-zone", "Europe/Dorset", "--mqtt", "mqtt://x", "--no-register"), "no time zone"),
        (("verify", EXTRACT), "give --database"),
    ],
)
def test_commands_mistakes_are_answered_in_one_plain_line(arguments: tuple[object, ...], told: str) -> None:
    """What is missing or wrong is said, with what to do; no traceback."""
    result = call(*arguments)

    assert result.exit_code == 1
    assert told in result.output.replace("\n", " ")
    assert isinstance(result.exception, SystemExit)


def test_replay_command_publishes_the_columns_it_knows(mosquitto: Mosquitto) -> None:
    """Without a mapping the columns called like a metric are taken, and the summary tells what was read."""
    result = call("replay", EXTRACT, "--no-register", "--mqtt", mosquitto.url, "--ledger", "uk.ledger", "--uid", "uk-no2")

    sent = sent_in(Path("uk.ledger"))
    assert result.exit_code == 0, result.output
    assert "ws is wind_speed [m/s]" in result.output
    assert "8,760" in result.output
    assert {entry.uid for entry in sent} == {"uk-no2"}
    assert {metric for entry in sent for metric, _time, _value in entry.readings} == {
        "no2",
        "wind_speed",
        "wind_direction",
        "air_temperature",
    }


def test_replay_command_keeps_the_speed_it_was_given(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Four hours at 7,200 times the speed of life take two seconds."""
    file = tmp_path / "hours.csv"
    file.write_text("".join(["date,no2\n", *(f"2020-01-01 0{hour}:00,5\n" for hour in range(5))]), encoding="utf-8")
    call("replay", file, "--no-register", "--mqtt", mosquitto.url, "--ledger", "hours.ledger", "--speed", 7200)

    sent = sent_in(Path("hours.ledger"))
    assert len(sent) == 5
    assert 1.9e6 < sent[-1].sent_us - sent[0].sent_us < 4e6


def test_verify_command_tells_its_verdict_in_figures_words_and_code(mosquitto: Mosquitto, plain_database: str) -> None:
    """Nothing was ingested here: lost is more than 0, the last line is JSON, the code is 1; with it all 0, the code is 0."""
    call("simulate", "--no-register", "--mqtt", mosquitto.url, "--rate", 500, "--count", 50, "--ledger", "a.ledger")
    lost = call("verify", "a.ledger", "--database", plain_database, "--wait", 0)
    call("simulate", "--no-register", "--mqtt", mosquitto.url, "--duration", 0, "--ledger", "empty.ledger")
    good = call("verify", "empty.ledger", "--database", plain_database, "--wait", 0)

    figures = json.loads(lost.stdout.splitlines()[-1])
    assert lost.exit_code == 1
    assert not figures["ok"]
    assert figures["lost"] == figures["readings"] > 50
    assert "NOT GOOD" in lost.output
    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout.splitlines()[-1])["ok"]
