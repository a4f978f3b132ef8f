"""Radio in words: a signal is judged by what is left above what its spreading factor needs."""

import pytest

from api.pages.radio_words import loss_word, signal_word, speed_text


@pytest.mark.parametrize(
    ("rssi", "snr", "spreading_factor", "word"),
    [
        (-118.0, -5.0, 12, "good"),  # slow, and 15 dB above what that needs
        (-80.0, -5.0, 7, "weak"),  # loud, and hardly above what that needs
        (-100.0, -2.0, 7, "fair"),
        (-90.0, None, 7, "good"),
        (-110.0, None, None, "fair"),
        (-120.0, 3.0, None, "weak"),
        (None, None, 7, ""),
    ],
)
def test_signal_word_follows_the_margin_and_else_the_strength(
    rssi: float | None, snr: float | None, spreading_factor: int | None, word: str
) -> None:
    """The same ratio is good at a slow speed and weak at a fast one."""
    assert signal_word(rssi, snr, spreading_factor) == word


def test_speed_and_loss_are_said_in_words() -> None:
    """A number alone helps nobody by the roadside."""
    assert [speed_text(factor) for factor in (None, 7, 12)] == [
        "",
        "SF7: fast, saves the battery",
        "SF12: slow, as from far away; it costs battery",
    ]
    assert [loss_word(loss) for loss in (0.0, 0.05, 0.2, 0.5)] == ["little", "usual", "much", "very much"]
