from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal, localcontext

import pytest

from gateway.disclosure.laplace import bound as bound_of_draws
from gateway.errors import RequestError
from gateway.he.layout import layout, noise_bound
from gateway.route.aggregate import Layout
from gateway.route.agreement import Statistic
from tests.unit.gateway.he.made import category, number, shared, summed, terms

SUM, SQUARES, PRESENT = Statistic.SUM, Statistic.SUM_OF_SQUARES, Statistic.PRESENT


def test_lanes_in_the_order_of_the_request_and_of_the_statistics() -> None:
    spend, visit, channel = number("spend", "-5.00", "100.00", 2), number("visit", "0", "1", 0), category("channel")
    agreed = terms(shared("channel", "web", "phone"), summed("visit", SUM), summed("spend", PRESENT, SQUARES, SUM))
    made = layout(agreed, (spend, channel, visit), 1000)
    found = [(lane.column, lane.statistic, lane.value, lane.offset, lane.bound, lane.scale) for lane in made.lanes]
    assert found == [
        ("spend", SUM, None, 500, 10_000, 2),
        ("spend", SQUARES, None, 0, 10_000**2, 4),
        ("spend", PRESENT, None, 0, 1, 0),
        ("channel", Statistic.SHARE, "web", 0, 1, 0),
        ("channel", Statistic.SHARE, "phone", 0, 1, 0),
        ("visit", SUM, None, 0, 1, 0),
    ]
    assert [lane.epsilon for lane in made.lanes] == [Decimal(text) for text in ("0.5", "0.5", "0.5", "1", "1", "0.5")]
    assert made.ciphertexts == 1
    assert [lane.shift for lane in made.lanes] == [sum(one.width for one in made.lanes[:i]) for i in range(6)]
    assert (made.plaintext_bytes, made.ciphertext_bytes) == (128, 256)
    # Only what is asked is packed.
    assert [lane.column for lane in layout(agreed, (visit,), 1000).lanes] == ["visit"]
    assert layout(agreed, (), 1000) == Layout((), 0, 1024)


def test_widths_by_hand() -> None:
    # Exact: 1,000 rows of at most 10,500 (100.00 + 5.00): 23.3 bits, 24 + 2 = 26, so 32.
    exact = terms(summed("spend", SUM, epsilon="0"))
    [lane] = layout(exact, (number("spend", "-5.00", "100.00", 2),), 1000).lanes
    assert (lane.width, lane.offset) == (32, 500)
    # A flag with noise: epsilon 0.001, 5 cells: 0.693148 * 44,000 + 1 = 30,500; twice that and 10 rows: 16 + 2 bits.
    noisy = terms(summed("visit", SUM, epsilon="0.001"))
    [lane] = layout(noisy, (number("visit", "0", "1", 0),), 10).lanes
    assert lane.width == 24
    # 64 rows of 0 or 1: exactly 2^6, 6 + 2 bits are one byte; 65 rows need two.
    flag = terms(summed("visit", SUM, epsilon="0"))
    assert [layout(flag, (number("visit", "0", "1", 0),), rows).lanes[0].width for rows in (0, 64, 65)] == [8, 8, 16]


def test_first_fit_fills_gaps_and_no_lane_straddles() -> None:
    wide, narrow = number("wide", "0", "99999999", 8), number("narrow", "0", "1", 0)
    agreed = terms(summed("wide", SUM), summed("narrow", SUM), key_bits=128)
    one, other = layout(agreed, (wide, narrow), 10).lanes
    assert (one.ciphertext, other.ciphertext, other.shift) == (0, 0, one.width)
    columns = tuple(number(f"c{i}", "0", "99999999", 8) for i in range(3))
    three = layout(terms(*(summed(column.name, SUM) for column in columns), key_bits=128), columns, 10)
    assert [(lane.ciphertext, lane.shift) for lane in three.lanes] == [(0, 0), (1, 0), (2, 0)]
    assert three.ciphertexts == 3
    back = layout(
        terms(*(summed(column.name, SUM) for column in (*columns, narrow)), key_bits=128), (*columns, narrow), 10
    )
    assert (back.lanes[3].ciphertext, back.ciphertexts) == (0, 3)


def test_what_fits_nowhere_names_the_column() -> None:
    with pytest.raises(RequestError, match=r"columns\.wide: its sum needs 72 bits of 48"):
        layout(terms(summed("wide", SUM), key_bits=64), (number("wide", "0", "99999999", 8),), 1000)
    with pytest.raises(RequestError, match=r"columns\.wide: the square"):
        layout(terms(summed("wide", SQUARES)), (number("wide", "0", "99999999", 8),), 1000)


def test_measures_that_do_not_suit() -> None:
    spend, channel = number("spend", "0", "1", 2), category("channel")
    with pytest.raises(RequestError, match=r"columns\.spend: no measure"):
        layout(terms(), (spend,), 10)
    with pytest.raises(RequestError, match=r"columns\.spend: share"):
        layout(terms(shared("spend", "a")), (spend,), 10)
    with pytest.raises(RequestError, match=r"columns\.channel: sum"):
        layout(terms(summed("channel", SUM)), (channel,), 10)
    with pytest.raises(RequestError, match=r"columns\.spend: a number without bounds"):
        layout(terms(summed("spend", SUM)), (replace(spend, maximum=None),), 10)


@pytest.mark.parametrize("epsilon", ["0.000001", "0.1", "0.5", "1", "3.7", "10"])
@pytest.mark.parametrize("bound", [1, 7, 10_000, 10**18])
@pytest.mark.parametrize("cells", [1, 2, 5, 64, 99_999])
def test_noise_bound_is_never_too_small_and_hardly_too_large(epsilon: str, bound: int, cells: int) -> None:
    found = noise_bound(Decimal(epsilon), bound, cells)
    with localcontext() as context:
        context.prec = 80
        q = (-Decimal(epsilon) / bound).exp()
        tail = 2 * q ** (found + 1) / (1 + q)
        limit = Decimal(2) ** -40 / cells
        assert tail <= limit
        # One bit for 1 + q, one for the whole bits of the cells; one sensitivity, two steps, ln 2 up to 2^-19.
        slack = 4 * (Decimal(epsilon) * 3 + Decimal("0.001")).exp()
        assert tail * slack >= limit
    assert found >= bound_of_draws(Decimal(epsilon), bound, cells)


def test_without_noise_no_bound() -> None:
    assert noise_bound(Decimal(0), 5, 10) == 0
    assert noise_bound(Decimal(1), 1, 1) == math.ceil(0.693148 * 41) + 1
