"""Names of states: what the vocabulary writes, and every spelling under which a device may send it."""

from __future__ import annotations

import pytest

from devices.states import codes_by_label, labels_of, parse_states, plain_label


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("", ()),
        ("0 dry", ((0, "dry"),)),
        ("0 dry|1 moist|12 very wet", ((0, "dry"), (1, "moist"), (12, "very wet"))),
        ("-1 none|0  two blanks ", ((-1, "none"), (0, "two blanks"))),
    ],
)
def test_parse_states_entries_give_code_and_label(text: str, states: tuple[tuple[int, str], ...]) -> None:
    """The first blank of each entry parts its code from its label."""
    assert parse_states(text) == states


@pytest.mark.parametrize("text", ["dry", "0", "0 ", "0 dry|", "|0 dry", "x dry", "0.5 dry"])
def test_parse_states_entry_without_code_or_label_is_an_error(text: str) -> None:
    """A slip in the table is seen when it is read, not when a device sends that state."""
    with pytest.raises(ValueError, match=r"state without a label|invalid literal"):
        parse_states(text)


@pytest.mark.parametrize(
    "spelling", ["Very wet", " VERY WET\n", "very-wet", "very_wet", "very  wet", "_very-_wet-", "very\twet"]
)
def test_plain_label_spellings_of_one_label_are_equal(spelling: str) -> None:
    """Capitals, outer blanks and the kind of separator never matter."""
    assert plain_label(spelling) == "very wet"


def test_plain_label_other_words_stay_different() -> None:
    """Only separators are evened out: words run together are another label."""
    assert len({plain_label(label) for label in ("very wet", "verywet", "wet", "", "very.wet")}) == 5


def test_codes_by_label_finds_each_metric_s_own_code() -> None:
    """The same label may mean different codes for different metrics."""
    codes = codes_by_label([(0, "Off-line", 3), (0, "dry", 0), (1, "dry", 7)], [])

    assert codes == {(0, "off line"): 3, (0, "dry"): 0, (1, "dry"): 7}


def test_codes_by_label_truths_are_known_to_boolean_metrics_alone() -> None:
    """`yes` is 1 for a flag, whatever its own labels are; for other states it is no label at all."""
    codes = codes_by_label([(0, "closed", 0), (0, "open", 1), (1, "dry", 0)], [0])

    assert [codes.get((0, label)) for label in ("closed", "open", "false", "true", "no", "yes", "off", "on")] == [0, 1] * 4
    assert (1, "yes") not in codes


def test_codes_by_label_own_label_of_a_boolean_metric_wins() -> None:
    """A metric that is 0 when something is on says so in the vocabulary."""
    codes = codes_by_label([(0, "ON", 0), (0, "off", 1)], [0])

    assert (codes[0, "on"], codes[0, "off"]) == (0, 1)


def test_labels_of_metric_come_in_the_order_of_their_codes() -> None:
    """What a person is told are the choices reads like the table."""
    codes = codes_by_label([(0, "wet", 2), (0, "dry", 0), (1, "ice", 1), (0, "moist", 1)], [])

    assert labels_of(0, codes) == ["dry", "moist", "wet"]
    assert labels_of(2, codes) == []
