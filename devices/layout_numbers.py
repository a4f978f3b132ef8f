"""Numbers in bytes: raw numbers and values of one field in thousands of frames at once."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from devices.layout import Condition, Field, Number, Scaling

Raw: TypeAlias = "NDArray[np.int64] | NDArray[np.float64]"

WORD_BYTES = 8


def words_of(payloads: Sequence[bytes], room: int = 0) -> NDArray[np.uint64]:
    """Lay payloads end to end and give the eight bytes from every position on, as little-endian numbers.

    The words overlap: one look-up reads a number of any width at any position. Behind the last payload are `room` zeros.
    """
    joined = b"".join(payloads)
    padded = joined + bytes(room + WORD_BYTES)
    return np.ndarray((len(joined) + room + 1,), "<u8", padded, strides=(1,))


def raw_numbers(number: Number, words: NDArray[np.uint64], at: NDArray[np.int64]) -> Raw:
    """Read a number in many parts.

    Parameters
    ----------
    number
        Where it stands and what it is.
    words
        From `words_of`.
    at
        Where each part begins, shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (n,): int64, or float64 of an IEEE 754 number.
    """
    found = words[at + number.at]
    low = number.low_bit
    if not number.little:
        found = found.byteswap()
        low += 8 * (WORD_BYTES - number.width)
    bits = number.bits or 8 * number.width
    if low:
        found >>= np.uint64(low)
    if low + bits < 8 * WORD_BYTES:
        found &= np.uint64(2**bits - 1)
    if number.kind == "f":
        return _floats(found, number.width)
    whole = found.view(np.int64)
    if number.kind == "i":
        sign = np.int64(2 ** (bits - 1))
        whole = (whole ^ sign) - sign
    return whole


def _floats(bits: NDArray[np.uint64], width: int) -> NDArray[np.float64]:
    if width == WORD_BYTES:
        return bits.view(np.float64)
    with np.errstate(invalid="ignore"):  # a signalling NaN is as good as a quiet one: it is refused later
        return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def scaled(scaling: Scaling, raw: Raw) -> NDArray[np.float64]:
    """Turn raw numbers into values; what overflows becomes infinite, which is refused later."""
    value = raw.astype(np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if scaling.times != 1:
            value *= scaling.times
        if scaling.plus:
            value += scaling.plus
        if scaling.over != 1:
            value /= scaling.over
    return value


class Values(NamedTuple):
    """One field in many parts, as arrays of one length."""

    value: NDArray[np.float64]
    present: NDArray[np.bool_] | None
    """False where there is no reading; None: there is one everywhere."""
    state: NDArray[np.int64] | None
    """Index into the field's states, -1 where the raw number is none of them; None of a field without states."""
    raw: Raw


def field_values(field: Field, words: NDArray[np.uint64], at: NDArray[np.int64]) -> Values:
    """Read a field in many parts that begin at `at`."""
    raw: Raw
    present: NDArray[np.bool_] | None
    if field.weights:
        raw, present = _weighted_mean(field, words, at)
    else:
        raw, present = _sum(field.terms, words, at), None
    for missing in field.missing:
        present = _both(present, ~np.isnan(raw) if isnan(missing) else raw != missing)
    if field.when is not None:
        present = _both(present, _holds(field.when, words, at))
    if field.states is None:
        return Values(scaled(field.scaling, raw), present, None, raw)
    states = field.states
    state = np.minimum(np.searchsorted(states.raw, raw), len(states.raw) - 1)
    value = states.value[state]
    return Values(value, present, np.where(states.raw[state] == raw, state, -1), raw)


def _sum(terms: Sequence[Number], words: NDArray[np.uint64], at: NDArray[np.int64]) -> Raw:
    total = raw_numbers(terms[0], words, at)
    for term in terms[1:]:
        total = total + raw_numbers(term, words, at)
    return total


def _weighted_mean(
    field: Field, words: NDArray[np.uint64], at: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    weights = [raw_numbers(weight, words, at) for weight in field.weights]
    terms = [raw_numbers(term, words, at) for term in field.terms]
    weight = np.sum(weights, axis=0)
    total = np.sum([term * share for term, share in zip(terms, weights, strict=True)], axis=0)
    present = weight != 0
    return total / np.where(present, weight, 1), present


def _holds(condition: Condition, words: NDArray[np.uint64], at: NDArray[np.int64]) -> NDArray[np.bool_]:
    found = np.isin(raw_numbers(condition.number, words, at), condition.values)
    return found if condition.wanted else ~found


def _both(present: NDArray[np.bool_] | None, also: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return also if present is None else present & also
