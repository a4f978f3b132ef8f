"""Which migration files count for a flavour, in which order, and which names are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sql.migrate import Migration, MigrationError, migrations_for

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, **files: str) -> Path:
    """Write migration files; `__` in a keyword stands for the dot before the flavour."""
    for name, text in files.items():
        (folder / f"{name.removeprefix('m').replace('__', '.')}.sql").write_text(text, encoding="utf-8")
    return folder


def test_migrations_for_unordered_folder_gives_number_order(tmp_path: Path) -> None:
    """Migrations come in the order of their numbers."""
    folder = write(tmp_path, m0010_last="c", m0002_middle="b", m0001_first="a")

    found = migrations_for("plain", folder)

    assert [migration.name for migration in found] == ["0001_first", "0002_middle", "0010_last"]
    assert [migration.text for migration in found] == ["a", "b", "c"]


@pytest.mark.parametrize(("flavour", "text"), [("plain", "here"), ("timescaledb", "there")])
def test_migrations_for_flavour_variants_takes_its_own(tmp_path: Path, flavour: str, text: str) -> None:
    """A file with a flavour in its name counts for that flavour alone, and its migration is named without it."""
    folder = write(tmp_path, m0001_both="both", m0002_big__plain="here", m0002_big__timescaledb="there")

    found = migrations_for("plain" if flavour == "plain" else "timescaledb", folder)

    assert found == [Migration("0001_both", "both"), Migration("0002_big", text)]


@pytest.mark.parametrize("name", ["1_short", "0001-dash", "0001_Upper", "0001_what.oracle", "notes"])
def test_migrations_for_wrong_name_is_refused(tmp_path: Path, name: str) -> None:
    """A file whose name says neither number nor flavour stops the run instead of being left out."""
    (tmp_path / f"{name}.sql").write_text("SELECT 1", encoding="utf-8")

    with pytest.raises(MigrationError, match=f"^{name}.sql is not named"):
        migrations_for("plain", tmp_path)


def test_migrations_for_real_folder_has_the_same_names_in_both_flavours() -> None:
    """No migration of ours exists in one flavour only."""
    plain = [migration.name for migration in migrations_for("plain")]
    timescaledb = [migration.name for migration in migrations_for("timescaledb")]

    assert plain == timescaledb
    assert [name[:4] for name in plain] == [f"{number:04}" for number in range(1, len(plain) + 1)]


def test_checksum_changed_text_differs() -> None:
    """One more blank is another migration."""
    assert Migration("0001_a", "SELECT 1").checksum == Migration("0001_b", "SELECT 1").checksum
    assert Migration("0001_a", "SELECT 1").checksum != Migration("0001_a", "SELECT  1").checksum
