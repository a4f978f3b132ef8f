"""Device profiles in words: metrics of a definition, and what changed between versions."""

from __future__ import annotations

from api.pages.profile_words import diff_of, metrics_of, steps_of
from api.profile_schemas import ProfileVersion


def version(number: int, definition: str, codec: str = "layout") -> ProfileVersion:
    """Make a version."""
    return ProfileVersion(version=number, codec=codec, definition=definition, script="", until_at=None)


def test_metrics_of_a_definition_are_those_the_vocabulary_knows() -> None:
    """Each once, wherever it stands; what is no TOML names none."""
    definition = '[[field]]\nmetric = "a"\nunit = "Cel"\n[mapping]\nx = "b"\ny = {metric = "a"}\n'

    assert metrics_of(definition, {"a", "b", "c"}) == ["a", "b"]
    assert metrics_of("x = [", {"x"}) == []


def test_diff_of_versions_shows_lines_and_the_codec() -> None:
    """Signs in front say what was added and removed; long comparisons are cut."""
    lines = diff_of(version(1, "a\nb\nc"), version(2, "a\nB\nc", "auto"))

    assert [line.text for line in lines if line.kind == "removed"] == ["-codec: Binary layout", "-b"]
    assert [line.text for line in lines if line.kind == "added"] == ["+codec: None: messages explain themselves", "+B"]
    cut = diff_of(version(1, ""), version(2, "\n".join(map(str, range(900)))))
    assert len(cut) == 401
    assert cut[-1].text == "… and 502 more lines"


def test_steps_of_versions_have_nothing_changed_in_the_first() -> None:
    """Newest first, each with what it changed in the one before."""
    newest, first = steps_of([version(2, "b"), version(1, "a")])

    assert [line.text for line in newest.changes if line.kind][-2:] == ["-a", "+b"]
    assert first.changes == []
