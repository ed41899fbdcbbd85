"""decode(sum of encoded rows + noise - offsets) = plaintext sums + noise, for whatever was agreed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from gateway.he.encoding import decode, encode, pack_noise, subtract_offsets, zero_rows
from gateway.he.layout import FREE_BITS, layout, noise_bound
from gateway.route.agreement import AggregateTerms, Column, ColumnType, Measure, Statistic
from tests.unit.gateway.he.made import block, category, decimals, number, numbers, shared, summed, terms

KEY_BITS = 256  # small, so that a few columns spill; nothing is encrypted here
EPSILONS = st.sampled_from(["0", "0.000001", "0.25", "10"])
WORDS = ["web", "phone", "", "门店", "w"]


@dataclass(frozen=True)
class Run:
    terms: AggregateTerms
    columns: tuple[Column, ...]
    table: pa.Table
    rows: int
    bound: int  # on rows


@st.composite
def number_columns(draw: st.DrawFn, name: str) -> tuple[Column, Measure]:
    squares = draw(st.booleans())
    digits = 9 if squares else draw(st.integers(1, 18))
    limit = 10**digits - 1
    low, high = sorted(draw(st.tuples(*[st.integers(-limit, limit) | st.sampled_from([-limit, 0, limit])] * 2)))
    scale = draw(st.integers(0, 9))
    statistics = [Statistic.PRESENT] if draw(st.booleans()) else []
    statistics += [Statistic.SUM, *([Statistic.SUM_OF_SQUARES] if squares else [])]
    column = number(name, f"{Decimal(low).scaleb(-scale):f}", f"{Decimal(high).scaleb(-scale):f}", scale)
    return column, summed(name, *statistics, epsilon=draw(EPSILONS))


@st.composite
def category_columns(draw: st.DrawFn, name: str) -> tuple[Column, Measure]:
    values = draw(st.lists(st.sampled_from(WORDS) | st.text("abc", min_size=2), min_size=1, max_size=64, unique=True))
    return category(name), shared(name, *values, epsilon=draw(EPSILONS))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    rows = draw(st.integers(0, 12))
    agreed = [
        draw(number_columns(f"c{place}") if draw(st.booleans()) else category_columns(f"c{place}"))
        for place in range(draw(st.integers(1, 5)))
    ]
    arrays = {}
    for column, measure in agreed:
        if column.type is ColumnType.NUMBER:
            low, high = scaled(column)
            value = st.integers(low, high) | st.integers(-(10**18) + 1, 10**18 - 1) | st.sampled_from([low, high, 0])
            arrays[column.name] = decimals(
                draw(st.lists(st.none() | value, min_size=rows, max_size=rows)), column.scale
            )
        else:
            word = st.none() | st.sampled_from([*measure.values, "none of them"])
            arrays[column.name] = pa.array(draw(st.lists(word, min_size=rows, max_size=rows)), pa.string())
    signed = terms(*(measure for _, measure in agreed), segments=draw(st.integers(1, 512)), key_bits=KEY_BITS)
    bound = draw(st.sampled_from([rows, 1000, 10**9]).filter(lambda most: most >= rows))
    return Run(signed, tuple(column for column, _ in agreed), pa.table(arrays), rows, bound)


def scaled(column: Column) -> tuple[int, int]:
    assert column.minimum is not None
    assert column.maximum is not None
    return int(column.minimum.scaleb(column.scale)), int(column.maximum.scaleb(column.scale))


def plaintext_sums(run: Run) -> list[int]:
    """The same statistics, row by row, from the table alone."""
    sums = []
    measures = {measure.column: measure for measure in run.terms.measures}
    for column in run.columns:
        values, measure = run.table.column(column.name).to_pylist(), measures[column.name]
        if column.type is not ColumnType.NUMBER:
            sums += [sum(word == value for word in values) for value in measure.values]
            continue
        low, high = scaled(column)
        inside = [min(max(int(value.scaleb(column.scale)), low), high) for value in values if value is not None]
        of = {
            Statistic.SUM: sum(inside),
            Statistic.SUM_OF_SQUARES: sum(value**2 for value in inside),
            Statistic.PRESENT: len(inside),
        }
        asked = {statistic for statistic, _ in measure.epsilon}
        sums += [figure for statistic, figure in of.items() if statistic in asked]
    return sums


@given(runs(), st.data(), st.integers(0, 3))
def test_sums_and_noise_come_back_exactly(run: Run, data: st.DataObject, nobody: int) -> None:
    made = layout(run.terms, run.columns, run.bound + nobody)
    n = (1 << KEY_BITS - 1) + data.draw(st.integers(1, 1 << KEY_BITS - 2))
    cells = run.terms.segments * len(made.lanes)
    bounds = [noise_bound(lane.epsilon, lane.bound, cells) for lane in made.lanes]
    # Both sides' noise, each anything within its bound.
    both = [[data.draw(st.integers(-b, b) | st.sampled_from([-b, b])) for b in bounds] for _ in range(2)]
    rows = numbers(encode(run.table, made, run.columns, run.rows)) + numbers(zero_rows(made, nobody))
    total = [sum(row[place] for row in rows) for place in range(made.ciphertexts)]
    for noise in both:
        total = [one + more for one, more in zip(total, pack_noise(noise, made), strict=True)]
    packed = subtract_offsets(block([[one % n for one in total]], KEY_BITS // 8), [len(rows)], n, made)
    expected = [sum(figures) for figures in zip(plaintext_sums(run), *both, strict=True)]
    assert decode(packed, n, made) == [tuple(expected)]


@given(runs())
def test_widths_hold_the_worst_rows_and_noise(run: Run) -> None:
    made = layout(run.terms, run.columns, run.bound)
    cells = run.terms.segments * len(made.lanes)
    columns = {column.name: column for column in run.columns}
    for lane in made.lanes:
        column = columns[lane.column]
        low, high = scaled(column) if column.type is ColumnType.NUMBER else (0, 1)
        extremes = {
            Statistic.SUM: (min(low, 0), max(high, 0) + lane.offset),
            Statistic.SUM_OF_SQUARES: (0, max(low**2, high**2)),
            Statistic.PRESENT: (0, 1),
            Statistic.SHARE: (0, 1),
        }[lane.statistic]
        noise = 2 * noise_bound(lane.epsilon, lane.bound, cells)
        assert -(1 << lane.width - 2) <= run.bound * extremes[0] - noise
        assert run.bound * extremes[1] + noise <= 1 << lane.width - 2
        assert lane.width % 8 == lane.shift % 8 == 0
        assert lane.shift + lane.width <= KEY_BITS - FREE_BITS
    for place in range(made.ciphertexts):
        within = [lane for lane in made.lanes if lane.ciphertext == place]
        assert [lane.shift for lane in within] == [sum(one.width for one in within[:i]) for i in range(len(within))]
