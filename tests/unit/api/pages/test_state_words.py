"""States in words: every state has a name and a sentence, and a silent device says what it waits for."""

from api.pages.state_words import STATES, state_sentence
from devices.silence import WORDS

_DEVICE = {"interval_s": 900.0, "suppressed_by": None, "messages_since": 0}


def test_states_every_one_has_a_word_and_a_sentence() -> None:
    """The console knows each state that the watch can give."""
    assert set(STATES) == set(WORDS)
    assert all(state_sentence(_DEVICE | {"state": state}) for state in WORDS)


def test_state_sentence_says_the_interval_the_gateway_and_the_message_still_missing() -> None:
    """One message is not enough; a silent gateway comes first; nobody expects a retired device."""
    assert "every 15 minutes" in state_sentence(_DEVICE | {"state": "late"})
    assert "with the next one it is OK again" in state_sentence(_DEVICE | {"state": "stale", "messages_since": 1})
    assert "gateway gw-1 is silent" in state_sentence(
        _DEVICE | {"state": "stale", "suppressed_by": "gw-1", "messages_since": 1}
    )
    assert "expected" not in state_sentence(_DEVICE | {"state": "retired"})
