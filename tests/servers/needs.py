"""What tests need beside Python: whether it is there, and skipping, failing and saying so where it is not."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.servers.places import chromium_program, mosquitto_program, timescale_root
from tests.servers.postgres import embedded_installation, timescale_installation

if TYPE_CHECKING:
    from collections.abc import Callable

_ran: Counter[str] = Counter()
_skipped: Counter[str] = Counter()


@dataclass(frozen=True, slots=True)
class Need:
    """A server or browser: its marker, the fixtures that start it, what is missing (in words), and its version."""

    marker: str
    fixtures: frozenset[str]
    missing: Callable[[], str]
    version: Callable[[], str]


def _missing_timescaledb() -> str:
    if os.environ.get("HEDGEROW_TEST_TIMESCALE_URL"):
        return ""
    if os.geteuid() != 0:
        return "HEDGEROW_TEST_TIMESCALE_URL is not set, and only root may run the TimescaleDB of the cache folder"
    if not timescale_root().exists():
        return "no TimescaleDB in the cache folder; tests/install-servers.sh builds it"
    return ""


def _timescaledb_version() -> str:
    url = os.environ.get("HEDGEROW_TEST_TIMESCALE_URL")
    if url:
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT default_version, current_setting('server_version')"
                " FROM pg_available_extensions WHERE name = 'timescaledb'"
            ).fetchone()
        return f"{row[0]} on PostgreSQL {row[1]}" if row else "missing on the server of HEDGEROW_TEST_TIMESCALE_URL"
    control = timescale_root() / "usr/share/postgresql/17/extension/timescaledb.control"
    version = control.read_text(encoding="utf-8").split("default_version = '")[1].split("'")[0]
    return f"{version} on PostgreSQL {timescale_installation().version()}"


def _missing_mosquitto() -> str:
    return "" if mosquitto_program() else "no mosquitto on the PATH; Debian's package is called mosquitto"


def _mosquitto_version() -> str:
    return _first_line(mosquitto_program() or "", "-h").removeprefix("mosquitto version ")


def _missing_chromium() -> str:
    return "" if chromium_program() else "no chromium on the PATH; Debian's package is called chromium"


def _chromium_version() -> str:
    return _first_line(chromium_program() or "", "--version").removeprefix("Chromium ").split()[0]


def _first_line(*command: str) -> str:
    # Mosquitto's help ends with code 3.
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition("\n")[0]


NEEDS = (
    Need("timescaledb", frozenset({"timescale_databases"}), _missing_timescaledb, _timescaledb_version),
    Need("mosquitto", frozenset({"make_mosquitto", "module_mosquitto"}), _missing_mosquitto, _mosquitto_version),
    Need("chromium", frozenset({"chromium"}), _missing_chromium, _chromium_version),
)


def _required() -> set[str]:
    named = {name.strip() for name in os.environ.get("HEDGEROW_TEST_REQUIRE", "").split(",") if name.strip()}
    unknown = named - {need.marker for need in NEEDS}
    if unknown:
        raise pytest.UsageError(f"HEDGEROW_TEST_REQUIRE names what no test needs: {', '.join(sorted(unknown))}")
    return named


def pytest_configure() -> None:
    """Refuse a HEDGEROW_TEST_REQUIRE with a slip of the pen, which would require nothing."""
    _required()


def pytest_report_header() -> list[str]:
    """Say which servers the run uses."""
    lines = [f"plain PostgreSQL: {embedded_installation().version()}"]
    for need in NEEDS:
        missing = need.missing()
        lines.append(f"{need.marker}: {f'not there ({missing})' if missing else need.version()}")
    return lines


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test by the fixtures it uses."""
    for item in items:
        for need in NEEDS:
            if need.fixtures & set(getattr(item, "fixturenames", ())):
                item.add_marker(need.marker)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose server is missing; fail it where HEDGEROW_TEST_REQUIRE names the server."""
    for need in NEEDS:
        if item.get_closest_marker(need.marker) is None:
            continue
        missing = need.missing()
        if missing and need.marker in _required():
            pytest.fail(f"{need.marker} is required: {missing}", pytrace=False)
        if missing:
            pytest.skip(f"{need.marker}: {missing}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count tests by the servers they need, whichever process they ran in."""
    if report.when == "setup" and not report.failed:
        counted = _skipped if report.skipped else _ran
        counted.update(need.marker for need in NEEDS if need.marker in report.keywords)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly at the end how many tests ran against each server, and which did not run and why."""
    terminalreporter.section("servers")
    for need in NEEDS:
        if _skipped[need.marker] and need.missing():
            terminalreporter.write_line(f"{need.marker}: {_skipped[need.marker]} tests SKIPPED: {need.missing()}")
        if _ran[need.marker]:
            terminalreporter.write_line(f"{need.marker}: {_ran[need.marker]} tests ran")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of the Chromium program."""
    program = chromium_program()
    if program is None:
        raise RuntimeError("no chromium on the PATH")
    return program
