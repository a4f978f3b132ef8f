"""Codecs: frames of many profiles told apart, a broken codec that stops nobody else, codecs made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devices import codecs as module
from devices.codecs import Codec, Codecs, fault_of
from devices.frames import frames_of
from devices.reasons import Reason
from devices.registry import Profile, Registry, build_registry
from tests.unit.devices.examples import Refusal, readings_of, refusals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devices.javascript_sandbox import Sandbox

LAYOUT = '[[field]]\nmetric = "m"\nat = 0\ntype = "u8"\n'
PROFILES = [
    ("plain", "auto", ""),
    ("lpp", "cayenne_lpp", ""),
    ("byte", "layout", LAYOUT),
    ("broken", "layout", "[[field]]\nat = 0\ntype = 'u8'"),
    ("port", "layout", "port = 3\n" + LAYOUT),
]


def registry(profiles: Sequence[tuple[str, str, str]] = PROFILES) -> Registry:
    """Build a registry with one device of each profile, named like it."""
    rows = [(i, key, codec, definition, "", 60, 60) for i, (key, codec, definition) in enumerate(profiles)]
    devices = sorted((100 + i, key, i) for i, (key, _, _) in enumerate(profiles))
    return build_registry([], [], [], rows, devices, [], [])


def test_decode_frames_of_many_profiles_each_by_its_own_codec() -> None:
    """Readings come in the order of the messages; who has no codec or no profile is refused, for the first reading only."""
    rows = [
        (0, "byte", 1, b"\x07", 10),
        (1, "lpp", 1, b"\x01\x67\x00\x64", 20),
        (2, "stranger", 1, b"\x07", 30),
        (3, "byte", 1, b"\x08", 40),
        (4, "broken", 1, b"\x07", 50),
        (5, "plain", 1, b"\x07", 60),
        (6, "port", 1, b"\x07", 70),
    ]
    columns = Codecs().decode(frames_of(rows), registry())

    assert [(one.message, one.uid, one.metric, one.time_us, one.value) for one in readings_of(columns)] == [
        (0, "byte", "m", 10, 7.0),
        (1, "lpp", "air_temperature", 20, 10.0),
        (3, "byte", "m", 40, 8.0),
    ]
    assert refusals_of(columns) == [
        Refusal(2, 1, Reason.CODEC_MISSING),
        Refusal(4, 1, Reason.CODEC_BROKEN),
        Refusal(5, 1, Reason.CODEC_MISSING),
        Refusal(6, 1, Reason.CODEC_FAILED),
    ]
    details = {reject.reason: reject.detail for reject in columns.rejects}
    assert details[Reason.CODEC_BROKEN] == "device profile broken: field 1.metric: is missing"


def test_decode_no_frames_gives_no_columns() -> None:
    """Nothing in, nothing out."""
    assert len(Codecs().decode(frames_of([]), registry())) == 0


def test_decode_codec_is_made_once_and_anew_when_its_definition_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups come by the hundred a second; a definition that was mended counts from the next group on, the old one goes."""
    made: list[Profile] = []
    maker = module._MAKERS["layout"]  # noqa: SLF001 - counts how often it is called

    def counted(profile: Profile, sandbox: Sandbox) -> Codec:
        made.append(profile)
        return maker(profile, sandbox)

    monkeypatch.setitem(module._MAKERS, "layout", counted)  # noqa: SLF001 - as above
    codecs = Codecs()
    frames = frames_of([(0, "byte", 1, b"\x07", 10)])
    for _ in range(3):
        codecs.decode(frames, registry())
    mended = registry([("byte", "layout", LAYOUT + "scale = 2")])

    assert codecs.decode(frames, mended).value.tolist() == [14.0]
    assert len(made) == 2
    assert set(codecs._made) == {mended.profiles[0]}  # noqa: SLF001 - what is kept would be memory lost


@pytest.mark.parametrize(
    ("profile", "fault"),
    [
        (Profile("a", "auto", "", ""), None),
        (Profile("a", "layout", LAYOUT, ""), None),
        (Profile("a", "cayenne_lpp", "", ""), None),
        (Profile("a", "javascript", "", "function decodeUplink(input) { return {data: {}}; }"), None),
        (Profile("a", "auto", "[mapping]\nx = 3", ""), ("definition", "mapping.x: must be")),
        (Profile("a", "layout", LAYOUT.replace("u8", "u9"), ""), ("definition", "field 1 (m).type: must be")),
        (Profile("a", "cayenne_lpp", "warmth = 3", ""), ("definition", "warmth: is no name of a value")),
        (Profile("a", "javascript", "[mapping]\nx = 3", ""), ("definition", "mapping.x: must be")),
        (Profile("a", "javascript", "", "function {"), ("script", "")),
    ],
    ids=lambda case: case[1] if isinstance(case, Profile) else "",
)
def test_fault_of_names_the_part_and_the_place(profile: Profile, fault: tuple[str, str] | None) -> None:
    """What the API asks before it stores a profile."""
    found = fault_of(profile)

    assert (found is None) == (fault is None)
    if found and fault:
        assert found[0] == fault[0]
        assert found[1].startswith(fault[1])
        assert found[1]
