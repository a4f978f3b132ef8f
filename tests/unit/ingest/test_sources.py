"""The sources file: what it may say, and how its mistakes are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.sources import SourcesError, read_sources

if TYPE_CHECKING:
    from pathlib import Path

_GOOD = '[[source]]\nname = "gullies"\nkind = "things-stack"\nurl = "mqtts://eu1.example.org:8883"\n'


def _write(folder: Path, text: str) -> Path:
    file = folder / "sources.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_read_sources_takes_defaults_by_kind_and_passwords_from_files(tmp_path: Path) -> None:
    """The Things Stack is 3.1.1 without saying so; paths start at the file's folder; a password ends before its line does."""
    (tmp_path / "key").write_text("NNSXS.secret \n", encoding="utf-8")
    text = _GOOD + 'user = "app@ttn"\npassword_file = "key"\n[[source]]\nname="b"\nkind="chirpstack"\nurl="mqtt://c"\n'
    gullies, other = read_sources(_write(tmp_path, text))

    assert (gullies.version, gullies.user, gullies.password) == ("3.1.1", "app@ttn", "NNSXS.secret ")
    assert gullies.worker == "hedgerow-source-gullies"
    assert (other.version, other.user, other.password, other.payload) == ("5", "", "", "auto")


def test_read_sources_of_an_empty_file_gives_none(tmp_path: Path) -> None:
    """A file without sources is no mistake."""
    assert read_sources(_write(tmp_path, "")) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[source", "is no TOML"),
        ("[source]\n", "in two pairs of brackets"),
        ("[[sources]]\n", r"only tables \[\[source\]\] belong here, not sources"),
        ("[[source]]\n", r"source 1 \(without a name\): name: Field required"),
        (_GOOD.replace("gullies", "Gullies"), r"source 1 \(Gullies\): name: String should match"),
        (_GOOD.replace("gullies", "x" * 25), "name: String should match"),
        (_GOOD.replace("things-stack", "ttn"), "kind: Input should be"),
        (_GOOD.replace("mqtts:", "https:"), "url: must be mqtt://HOST:PORT"),
        (_GOOD.replace("//eu1", "//me:pw@eu1"), "url: must be .* without user"),
        (_GOOD.replace(":8883", ":99999"), "url: Port out of range"),
        (_GOOD + 'password = "x"\n', "name that in password_file"),
        (_GOOD + 'passwordfile = "x"\n', "passwordfile: Extra inputs"),
        (_GOOD + 'user = "u"\npassword_file = "nowhere"\n', "password_file: cannot be read: No such file"),
        (_GOOD + 'password_file = "empty"\n', "password_file: a password needs a user"),
        (_GOOD + 'user = "u"\npassword_file = "empty"\n', "password_file: is empty"),
        (_GOOD + 'ca_file = "empty"\n', "ca_file: holds no CA certificates"),
        (_GOOD + 'version = "5"\n', "The Things Stack speaks MQTT 3.1.1 only"),
        (_GOOD + 'payload = "protobuf"\n', "only a ChirpStack has a choice"),
        (_GOOD + _GOOD, "two sources are called gullies"),
        (_GOOD + '[[source]]\nname = "b"\n', r"source 2 \(b\): url: Field required"),
    ],
)
def test_read_sources_names_the_place_of_a_mistake(text: str, told: str, tmp_path: Path) -> None:
    """Each mistake is told with the file, the source and the field; a password's text never is."""
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    with pytest.raises(SourcesError, match=told) as error:
        read_sources(_write(tmp_path, text))

    assert str(error.value).startswith(str(tmp_path / "sources.toml"))


def test_read_sources_without_the_file_says_so(tmp_path: Path) -> None:
    """A wrong path is named."""
    with pytest.raises(SourcesError, match=r"nowhere\.toml: cannot be read: No such file"):
        read_sources(tmp_path / "nowhere.toml")
