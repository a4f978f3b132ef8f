"""Shipped device profiles are well formed: they are data that people edit."""

from __future__ import annotations

import re

import pytest

from devices.codecs import fault_of
from devices.shipped_profiles import FOLDER, ShippedProfile, load_shipped_profiles, shipped_digests

PROFILES = load_shipped_profiles()


def named(profile: ShippedProfile) -> str:
    """Name a case by its key."""
    return profile.key


def test_load_shipped_profiles_reads_every_file() -> None:
    """As many profiles as files, each under the key that its file is named for."""
    assert [profile.key for profile in PROFILES] == [path.stem for path in sorted(FOLDER.glob("*.toml"))]
    assert len(PROFILES) > 20


@pytest.mark.parametrize("profile", PROFILES, ids=named)
def test_load_shipped_profiles_one_has_a_codec_that_can_be_made(profile: ShippedProfile) -> None:
    """A profile that cannot be used must not ship; texts are there and fit the database."""
    assert fault_of(profile.profile) is None
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", profile.key)
    assert profile.name.strip() == profile.name != ""
    assert profile.expected_interval_s > 0


@pytest.mark.parametrize("profile", PROFILES, ids=named)
def test_load_shipped_profiles_file_says_where_its_layout_is_described(profile: ShippedProfile) -> None:
    """Whoever doubts a value must be able to look it up."""
    first = (FOLDER / f"{profile.key}.toml").read_text(encoding="utf-8").splitlines()[0]

    assert first.startswith(("# Layout: ", "# Format: "))


@pytest.mark.parametrize("profile", PROFILES, ids=named)
def test_shipped_digests_know_every_present_version(profile: ShippedProfile) -> None:
    """A profile that was changed needs a line in versions.txt, or councils that never touched it would not get the next one."""
    assert profile.digest in shipped_digests(), f"add to {FOLDER.name}/versions.txt: {profile.key} {profile.digest}"
