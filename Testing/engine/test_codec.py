"""Dataclasses as JSON and back: what arrives is what was sent, and a mistake is told with its place."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrisr.codec import decode, encode
from mrisr.errors import ConfigError, InputError


@dataclass(frozen=True)
class Inner:
    sides: tuple[int, int] = (1, 2)
    way: Literal["up", "down"] = "up"


@dataclass(frozen=True)
class Outer:
    name: str
    path: Path | None = None
    share: float = 0.5
    on: bool = False
    inner: Inner = field(default_factory=Inner)
    several: tuple[Inner, ...] = ()
    either: str | tuple[str, ...] | None = None
    table: dict[str, Any] = field(default_factory=dict)


INNER = st.builds(Inner, st.tuples(st.integers(), st.integers()), st.sampled_from(["up", "down"]))
OUTER = st.builds(
    Outer,
    st.text(),
    st.none() | st.builds(Path, st.text("abc/", min_size=1)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    INNER,
    st.lists(INNER, max_size=3).map(tuple),
    st.none() | st.text() | st.lists(st.text(), max_size=3).map(tuple),
    st.dictionaries(st.text(), st.integers() | st.text()),
)


@given(OUTER)
def test_what_arrives_is_what_was_sent(sent):
    assert decode(Outer, encode(sent)) == sent


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nmae": 1}, "has the unknown entry nmae; known are either"),
        ({"name": 3}, "entry name must be a text; got 3"),
        ({"share": True}, "entry share must be a number; got True"),
        ({"on": 1}, "entry on must be true or false; got 1"),
        ({"inner": {"sides": [1]}}, "entry inner.sides must be a list of 2; got"),
        ({"inner": {"sides": [1, 2.5]}}, "entry inner.sides must be a whole number; got 2.5"),
        ({"inner": {"way": "left"}}, "entry inner.way must be one of up, down; got 'left'"),
        ({"several": {}}, "entry several must be a list"),
        ({"several": [{"side": 1}]}, "has the unknown entry several.side"),
        ({"path": 5}, "entry path must be a path"),
        ({"table": []}, "entry table must be a table"),
        ({"either": 5}, "entry either must be a text"),
    ],
)
def test_a_mistake_is_told_with_its_place(change, words):
    with pytest.raises(InputError) as told:
        decode(Outer, {"name": "x"} | change, "The job file a.json")
    assert str(told.value).startswith("The job file a.json")
    assert words in str(told.value)


def test_what_is_missing_is_named_and_the_kind_of_error_is_ones_own():
    with pytest.raises(ConfigError, match="The configuration lacks name"):
        decode(Outer, {}, "The configuration", ConfigError)
    with pytest.raises(InputError, match="must be a table"):
        decode(Outer, [])
