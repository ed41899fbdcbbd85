from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gateway.errors import HostileInput, Misuse
from gateway.he.encoding import decode, encode, offset_addends, pack_noise, subtract_offsets, zero_rows
from gateway.he.layout import layout
from gateway.route.agreement import Statistic
from tests.unit.gateway.he.made import block, category, decimals, number, numbers, shared, summed, terms

SUM, SQUARES, PRESENT = Statistic.SUM, Statistic.SUM_OF_SQUARES, Statistic.PRESENT
SPEND, CHANNEL = number("spend", "-2.00", "3.00", 2), category("channel")
AGREED = terms(summed("spend", SUM, SQUARES, PRESENT), shared("channel", "web", "phone"))
COLUMNS = (SPEND, CHANNEL)
LAYOUT = layout(AGREED, COLUMNS, 100)
N = 2**1023 + 9  # any number of 1,024 bits: nothing is encrypted here
TABLE = pa.table(
    {
        "spend": decimals([150, -200, None, 9999, -9999, 0], 2),
        "channel": pa.array(["web", "phone", "web", None, "shop", ""]),
    }
)


def lanes_of(packed_row: list[int]) -> list[int]:
    return [packed_row[lane.ciphertext] >> lane.shift & (1 << lane.width) - 1 for lane in LAYOUT.lanes]


def summed_up(rows: list[list[int]]) -> list[list[int]]:
    return [[sum(column) % N for column in zip(*rows, strict=True)]]


def test_each_row_by_hand() -> None:
    rows = numbers(encode(TABLE, LAYOUT, COLUMNS, 6))
    assert [lanes_of(row) for row in rows] == [
        # value + 2.00, square, present, web, phone
        [350, 150**2, 1, 1, 0],
        [0, 200**2, 1, 0, 1],
        [200, 0, 0, 1, 0],
        [500, 300**2, 1, 0, 0],
        [0, 200**2, 1, 0, 0],
        [200, 0, 1, 0, 0],
    ]
    # The top 16 bits stay free.
    assert all(row[0] >> 1008 == 0 for row in rows)


def test_slices_chunks_and_empty_tables() -> None:
    whole = encode(TABLE, LAYOUT, COLUMNS, 6)
    parts = pa.concat_tables([TABLE.slice(0, 2), TABLE.slice(2, 0), TABLE.slice(2, 3), TABLE.slice(5)])
    assert np.array_equal(encode(parts, LAYOUT, COLUMNS, 6), whole)
    assert np.array_equal(encode(TABLE.slice(3, 2), LAYOUT, COLUMNS, 2), whole[3:5])
    assert encode(TABLE.slice(0, 0), LAYOUT, COLUMNS, 0).shape == (0, 1, 128)
    assert encode(TABLE.schema.empty_table(), LAYOUT, COLUMNS, 0).shape == (0, 1, 128)
    nulls = pa.table({name: pa.nulls(3, TABLE.schema.field(name).type) for name in TABLE.column_names})
    assert np.array_equal(encode(nulls, LAYOUT, COLUMNS, 3), zero_rows(LAYOUT, 3))


def test_columns_that_were_not_asked_stay_out() -> None:
    spend_only = layout(AGREED, (SPEND,), 100)
    packed = numbers(encode(TABLE, spend_only, COLUMNS, 6))
    assert packed == [[row[0] & (1 << LAYOUT.lanes[3].shift) - 1] for row in numbers(encode(TABLE, LAYOUT, COLUMNS, 6))]


def test_overlap_has_no_lanes() -> None:
    none = layout(AGREED, (), 100)
    assert encode(None, none, (), 7).shape == (7, 0, 128)
    assert zero_rows(none, 7).shape == (7, 0, 128)
    assert decode(encode(None, none, (), 2), N, none) == [(), ()]


def test_rows_of_nobody_add_nothing() -> None:
    rows = numbers(zero_rows(LAYOUT, 9))
    assert [lanes_of(row) for row in rows] == [[200, 0, 0, 0, 0]] * 9
    packed = subtract_offsets(block(summed_up(rows), 128), [9], N, LAYOUT)
    assert numbers(packed) == [[0]]


def test_sums_come_back_with_their_signs() -> None:
    rows = numbers(encode(TABLE, LAYOUT, COLUMNS, 6))
    negative = [rows[1], rows[4]]
    for chosen in (rows, negative, []):
        count = len(chosen)
        total = summed_up([[0], *chosen])
        assert offset_addends([count], LAYOUT) == [[-200 * count]]
        [found] = decode(subtract_offsets(block(total, 128), [count], N, LAYOUT), N, LAYOUT)
        expected = [sum(column) for column in zip(*(lanes_of(row) for row in chosen), strict=True)] or [0] * 5
        assert found == (expected[0] - 200 * count, *expected[1:])


def test_negative_noise_borrows_and_comes_back() -> None:
    noise = [-1, -5, 3, -1, -7]
    [addend] = pack_noise(noise, LAYOUT)
    assert addend < 0
    assert decode(block([[addend % N]], 128), N, LAYOUT) == [tuple(noise)]


def test_figures_beyond_the_bounds_are_no_sums() -> None:
    top = LAYOUT.lanes[-1]
    for value in (1 << top.shift + top.width, N // 2, N // 3, (1 << top.shift + top.width - 2) + (1 << top.shift)):
        with pytest.raises(HostileInput, match="segment 1") as caught:
            decode(block([[0], [value]], 128), N, LAYOUT)
        assert caught.value.reason == "BAD_CIPHERTEXT"


def test_wrong_use() -> None:
    with pytest.raises(Misuse, match="no table"):
        encode(None, LAYOUT, COLUMNS, 0)
    with pytest.raises(Misuse, match="announced as 5"):
        encode(TABLE, LAYOUT, COLUMNS, 5)
    with pytest.raises(Misuse, match="decimal128"):
        encode(TABLE.set_column(0, "spend", pa.array([1.0] * 6)), LAYOUT, COLUMNS, 6)
    with pytest.raises(Misuse, match="4 figures for 5 lanes"):
        pack_noise([0] * 4, LAYOUT)
    with pytest.raises(Misuse, match="packed sums"):
        decode(np.zeros((1, 2, 128), np.uint8), N, LAYOUT)
