"""Random layout definitions and frames for them, for Hypothesis."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

INT_TYPES = ("u8", "u16", "u24", "u32", "i8", "i16", "i24", "i32")
SCALES = [
    Decimal(text) for text in ("0.1", "0.01", "0.5", "0.001", "0.0000001", "3", "-1", "0.3", "12.5", "-0.025", "1e-10", "1e9")
]
OFFSETS = [Decimal(text) for text in ("-40", "0.05", "1000", "-327.68", "1e-6")]
PORTS = (0, 1, 2, 85)


def toml_of(value: Any) -> str:  # noqa: ANN401 - any TOML
    """Write a value as TOML, tables inline."""
    match value:
        case dict():
            return "{" + ", ".join(f'"{key}" = {toml_of(one)}' for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml_of, value)) + "]"
        case str():
            return f'"{value}"'
        case Decimal():
            return format(value, "f") if "." in format(value, "f") else f"{value:f}.0"
        case _:
            return str(value)


def document_of(document: dict[str, Any]) -> str:
    """Write a definition."""
    return "\n".join(f"{key} = {toml_of(value)}" for key, value in document.items())


def _optional(draw: DrawFn, into: dict[str, Any], key: str, values: SearchStrategy[Any], odds: int = 3) -> None:
    if draw(st.integers(1, odds)) == 1:
        into[key] = draw(values)


@st.composite
def numbers(draw: DrawFn, types: tuple[str, ...] = (*INT_TYPES, "f32", "f64"), most: int = 12) -> dict[str, Any]:
    """Make `at`, `type`, and sometimes `endian` and `bits`."""
    made: dict[str, Any] = {"at": draw(st.integers(0, most)), "type": draw(st.sampled_from(types))}
    _optional(draw, made, "endian", st.sampled_from(["big", "little"]))
    width = int(made["type"][1:])
    if made["type"][0] != "f" and draw(st.booleans()):
        low = draw(st.integers(0, width - 1))
        high = draw(st.integers(low, width - 1))
        made["bits"] = draw(st.sampled_from([f"{high}-{low}"] if high > low else [low, str(low)]))
    return made


@st.composite
def fields(draw: DrawFn, number: int) -> dict[str, Any]:
    """Make a field whose metric is told apart by its number."""
    kind = draw(st.sampled_from(["plain"] * 5 + ["sum", "mean", "states"]))
    made: dict[str, Any] = {"metric": f"m{number}"}
    if kind == "sum":
        made["sum"] = draw(st.lists(numbers(INT_TYPES), min_size=1, max_size=4))
    elif kind == "mean":
        made["mean"] = [
            draw(numbers(("u8", "i16", "u16"))) | {"weight": draw(numbers(("u8", "u16")))}
            for _ in range(draw(st.integers(1, 3)))
        ]
    elif kind == "states":
        made |= draw(numbers(("u8", "i8", "u16")))
        keys = draw(st.lists(st.integers(-2, 300), min_size=1, max_size=5, unique=True))
        made["states"] = {str(key): draw(st.sampled_from(["open", "closed", 3, 0])) for key in keys}
        return made
    else:
        made |= draw(numbers())
        extremes = [0, 255, 65535, 0x7FFF, -1, -(2**15), 2**32 - 1]
        _optional(draw, made, "missing", st.lists(st.sampled_from(extremes), min_size=1, max_size=3))
    _optional(draw, made, "scale", st.sampled_from(SCALES), 2)
    _optional(draw, made, "offset", st.sampled_from(OFFSETS))
    _optional(draw, made, "unit", st.sampled_from(["Cel", "m"]))
    condition = numbers(INT_TYPES).flatmap(
        lambda made: st.tuples(st.sampled_from(["is", "not"]), st.lists(st.integers(-1, 2), min_size=1, max_size=2)).map(
            lambda pair: made | {pair[0]: pair[1]}
        )
    )
    _optional(draw, made, "when", condition, 5)
    return made


@st.composite
def parts(draw: DrawFn, most: int = 4, *, timed: bool = False) -> dict[str, Any]:
    """Make fields, and sometimes a clock."""
    made: dict[str, Any] = {"field": [draw(fields(number)) for number in range(draw(st.integers(1, most)))]}
    clock = numbers(("u32", "u16", "i32", "f32", "f64")).map(lambda number: number | {"scale": Decimal("0.5")})
    if timed or draw(st.integers(1, 4)) == 1:
        made[draw(st.sampled_from(["time", "age"]))] = draw(clock)
    return made


@st.composite
def variants(draw: DrawFn) -> dict[str, Any]:
    """Make a variant of fixed fields and groups, or of channels."""
    made: dict[str, Any] = {}
    _optional(draw, made, "port", st.sampled_from([1, 2, [1, 85]]))
    _optional(draw, made, "length", st.sampled_from([8, [16, 20]]), 6)
    _optional(draw, made, "starts", st.sampled_from(["00", "ff", "?0", "0?ff", "??????????????????0?"]), 4)
    _optional(draw, made, "endian", st.sampled_from(["big", "little"]))
    if draw(st.booleans()):
        return made | {"channel": draw(channels())}
    made |= draw(parts())
    if draw(st.booleans()):
        group = draw(parts(2, timed=True)) | {"at": draw(st.integers(0, 8))}
        _optional(draw, group, "count", st.integers(1, 4))
        _optional(draw, group, "every_s", st.sampled_from([60, Decimal("0.5")]))
        _optional(draw, group, "newest", st.sampled_from(["first", "last"]))
        made["group"] = [group]
    return made


@st.composite
def channels(draw: DrawFn) -> list[dict[str, Any]]:
    """Make channels with headers of one or two bytes."""
    width = draw(st.sampled_from([1, 2]))
    ids = ["01", "02", "7f", "f?"] if width == 1 else ["0175", "0367", "0467", "ff??"]
    made = []
    for identity in draw(st.lists(st.sampled_from(ids), min_size=1, max_size=4, unique=True)):
        kind = draw(st.sampled_from(["inline", "fields", "passed over"]))
        one: dict[str, Any] = {"id": identity}
        if kind == "inline":
            field = draw(fields(0))
            one |= {key: value for key, value in field.items() if key != "at" or draw(st.booleans())}
        elif kind == "fields":
            one |= draw(parts(3))
        else:
            one["size"] = draw(st.integers(1, 5))
        made.append(one)
    made.append({"id": "33" if width == 1 else "3333", "metric": "sure", "type": "u8"})
    return made


layouts = st.one_of(
    variants(),
    st.lists(variants(), min_size=1, max_size=3).map(lambda found: {"variant": found}),
    st.tuples(st.sampled_from(["big", "little"]), variants()).map(lambda pair: {"endian": pair[0], "variant": [pair[1]]}),
)
"""Definitions as plain data; `document_of` writes them."""

_edges = st.sampled_from([b"\x00" * 16, b"\xff" * 20, b"\x80" + b"\x00" * 7, b"\x7f\xff" * 10, b"\x33\x00", b"\x33\x33\x00"])
_headers = st.sampled_from([b"\x01\x75", b"\x03\x67", b"\xff\x01", b"\x33\x33", b"\x33", b"\x01", b"\x7f", b"\xf3", b"\x99"])
_runs = st.lists(st.tuples(_headers, st.binary(max_size=9)).map(b"".join), max_size=6).map(b"".join)

frames = st.lists(
    st.tuples(st.sampled_from(PORTS), st.one_of(st.binary(max_size=40), st.binary(min_size=20, max_size=40), _edges, _runs)),
    min_size=1,
    max_size=12,
)
"""Ports and payloads: random bytes, extremes, and what looks like channels."""
