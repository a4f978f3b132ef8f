"""Reasons: each says what it means and what to do about it."""

from devices.reasons import ADVICE, EXPLANATIONS, Reason


def test_reasons_each_has_an_explanation_and_advice_of_its_own() -> None:
    """No refused message leaves an engineer without a next step, and no advice only repeats the explanation."""
    assert list(EXPLANATIONS) == list(ADVICE) == list(Reason)
    assert not set(EXPLANATIONS.values()) & set(ADVICE.values())
    assert all(text.endswith(".") for text in ADVICE.values())
