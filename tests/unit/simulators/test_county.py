"""Tests of simulators/county.py."""

from __future__ import annotations

import pytest

from devices.model import normalise_uid
from devices.vocabulary import load_vocabulary
from simulators.county import KINDS, make_county


def test_county_same_seed_gives_the_same_county() -> None:
    """Who stands where depends on the seed alone."""
    assert make_county(3, 50).devices == make_county(3, 50).devices
    assert {device.uid for device in make_county(3, 50).devices}.isdisjoint(device.uid for device in make_county(4, 50).devices)


def test_county_bigger_holds_the_smaller() -> None:
    """More devices change nothing about those that were there."""
    assert make_county(3, 200).devices[:50] == make_county(3, 50).devices


def test_county_three_devices_cover_all_domains() -> None:
    """A tiny demonstration shows air quality, traffic and assets."""
    assert {device.kind.domain for device in make_county(1, 3).devices} == {"air_quality", "traffic", "asset"}


def test_county_thousands_of_devices_have_uids_and_names_of_their_own() -> None:
    """Uids are as they are stored, names are told apart by people, positions are in the county."""
    devices = make_county(1, 3_000).devices

    assert len({device.uid for device in devices}) == len(devices)
    assert len({device.name for device in devices}) == len(devices)
    assert all(normalise_uid(device.uid) == device.uid for device in devices)
    assert all(50.7 < device.latitude < 51 and -3 < device.longitude < -1.9 for device in devices)


def test_county_without_devices_is_refused() -> None:
    """There is no county of nobody."""
    with pytest.raises(ValueError, match="at least one"):
        make_county(1, 0)


def test_kinds_send_metrics_of_the_vocabulary() -> None:
    """Every metric and alias a device sends is known, and a kind's domain is one of the vocabulary's."""
    metrics = {metric.key: metric for metric in load_vocabulary()}

    for kind in KINDS:
        assert kind.domain in {metric.domain for metric in metrics.values()}
        for one in kind.measures:
            assert one.metric in metrics
            assert one.sent_as in ("", *metrics[one.metric].aliases)
            assert kind.form == "senml" or not one.unit
