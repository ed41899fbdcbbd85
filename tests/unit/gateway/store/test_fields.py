from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Misuse
from gateway.store.column_type import json_text
from gateway.store.fields import from_json, to_json


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    amount: Decimal | None
    key: bytes


@dataclass(frozen=True, slots=True)
class Tree:
    leaf: Leaf
    leaves: tuple[Leaf, ...]
    pairs: tuple[tuple[str, bytes], ...]
    colour: Colour
    level: Level
    at: datetime
    until: datetime | None
    count: int
    sound: bool
    rest: Mapping[str, object]
    by_name: Mapping[str, Leaf]


times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
leaves = st.builds(Leaf, st.text(), st.none() | st.decimals(allow_nan=False, allow_infinity=False), st.binary())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
trees = st.builds(
    Tree,
    leaf=leaves,
    leaves=st.lists(leaves, max_size=3).map(tuple),
    pairs=st.lists(st.tuples(st.text(), st.binary()), max_size=3).map(tuple),
    colour=st.sampled_from(Colour),
    level=st.sampled_from(Level),
    at=times,
    until=st.none() | times,
    count=st.integers(),
    sound=st.booleans(),
    rest=st.dictionaries(st.text(), json_values, max_size=3),
    by_name=st.dictionaries(st.text(), leaves, max_size=3),
)


@given(trees)
def test_whatever_is_written_comes_back_equal(tree: Tree) -> None:
    assert from_json(Tree, json.loads(json_text(to_json(tree)))) == tree


def test_times_of_other_zones_come_back_as_the_same_moment() -> None:
    east = datetime.fromisoformat("2026-02-01T10:00:00.000001+08:00")
    assert from_json(datetime, to_json(east)) == east
    assert from_json(datetime, to_json(east)).utcoffset() == timedelta(0)


def _leaf(**fields: object) -> dict[str, object]:
    return {"name": "a", "amount": "1.50", "key": "AAE="} | fields


@pytest.mark.parametrize(
    "damaged",
    [
        {"name": "a", "amount": None},
        _leaf(other=1),
        _leaf(name=7),
        _leaf(name=None),
        _leaf(key="no base64!"),
        _leaf(amount="much"),
        [],
    ],
)
def test_what_does_not_fit_is_refused(damaged: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError, ArithmeticError)):
        from_json(Leaf, damaged)


def test_a_decimal_keeps_its_digits() -> None:
    assert str(from_json(Leaf, _leaf()).amount) == "1.50"


def test_a_type_without_a_json_form_is_a_bug() -> None:
    with pytest.raises(Misuse, match="set"):
        to_json({"a": {1, 2}})
    with pytest.raises(Misuse, match="zone"):
        to_json(datetime(2026, 1, 1))
    with pytest.raises(Misuse):
        json_text(float("nan"))
