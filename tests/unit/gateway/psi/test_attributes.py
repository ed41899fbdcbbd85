"""Columns as fixed-width plaintexts."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput, Misuse
from gateway.psi.attributes import column_type, decode, encode, plaintext_bytes
from gateway.route.agreement import Column, ColumnType

NUMBER = Column("spend", "purchase", ColumnType.NUMBER, Decimal("-1000"), Decimal("1000"), 2, 0)
BAND = Column("tier", "loyalty", ColumnType.BAND, None, None, 0, 12)
CATEGORY = Column("channel", "purchase", ColumnType.CATEGORY, None, None, 0, 255)
COLUMNS = (NUMBER, BAND, CATEGORY)


def table_of(rows: list[tuple[Decimal | None, str | None, str | None]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    return pa.table(
        [pa.array(list(values), type=column_type(column)) for values, column in zip(columns, COLUMNS, strict=True)],
        names=[column.name for column in COLUMNS],
    )


def short(limit: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), max_size=limit).filter(lambda text: len(text.encode()) <= limit)


rows_strategy = st.lists(
    st.tuples(
        st.none() | st.decimals(Decimal("-1000"), Decimal("1000"), places=2),
        st.none() | short(12),
        st.none() | short(255),
    ),
    max_size=20,
)


@given(rows_strategy)
def test_decode_inverts_encode(rows: list[tuple[Decimal | None, str | None, str | None]]) -> None:
    table = table_of(rows)
    encoded = encode(table, COLUMNS)
    assert encoded.shape == (len(rows), plaintext_bytes(COLUMNS))
    assert decode(encoded, COLUMNS).equals(table)


@given(rows_strategy, st.data())
def test_a_slice_encodes_as_its_rows(
    rows: list[tuple[Decimal | None, str | None, str | None]], data: st.DataObject
) -> None:
    table = table_of(rows)
    start = data.draw(st.integers(0, len(rows)))
    assert (encode(table.slice(start), COLUMNS) == encode(table, COLUMNS)[start:]).all()


def test_an_absent_value_is_zeros_of_the_same_width() -> None:
    encoded = encode(table_of([(None, None, None), (Decimal("1.00"), "gold", "web")]), COLUMNS)
    assert not encoded[0, 2:].any()
    assert encoded[0, :2].tolist() == encoded[1, :2].tolist()


@pytest.mark.parametrize(
    ("place", "value", "what"),
    [
        (0, 0xFF, "length"),
        (2, 2, "presence flag of column spend"),
        (3, 0x7F, "number out of the agreed bounds in column spend"),
        (12, 200, "text length of column tier"),
        (24, 7, "padding of column tier"),
    ],
)
def test_bytes_that_encode_never_makes_are_refused(place: int, value: int, what: str) -> None:
    encoded = encode(table_of([(Decimal("1.00"), "gold", "web")] * 3), COLUMNS)
    encoded[1, place] = value
    with pytest.raises(HostileInput, match=what) as caught:
        decode(encoded, COLUMNS)
    assert caught.value.reason == "BAD_SHAPE"
    assert "row 1" in caught.value.message


def test_text_that_is_not_utf8_is_refused() -> None:
    encoded = encode(table_of([(Decimal("1.00"), "gold", "web")]), COLUMNS)
    encoded[0, 13] = 0xFF
    with pytest.raises(HostileInput, match="not UTF-8"):
        decode(encoded, COLUMNS)


def test_widths_are_ours_to_get_right() -> None:
    with pytest.raises(Misuse):
        decode(np.zeros((1, 3), dtype=np.uint8), COLUMNS)
    with pytest.raises(Misuse):
        encode(pa.table({"tier": ["x" * 13]}), (BAND,))
