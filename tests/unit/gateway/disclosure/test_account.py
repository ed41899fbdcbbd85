"""Who is charged what, and what is counted where there is nothing to charge."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from gateway.disclosure.account import TAIL_DELTA, Planned, charges
from gateway.errors import Misuse
from gateway.route.agreement import Noise, Operation
from tests.unit.gateway.disclosure.runs import terms_of

A, OV = Operation.AGGREGATE, Operation.OVERLAP
ALL = ("spend", "visit", "age", "channel")
R, S, BOTH = (True, False), (False, True), (True, True)
NOISY, PLAIN = terms_of(Noise.LAPLACE), terms_of(Noise.NONE)
COUNT = Planned("count", Decimal(1), Decimal("0.000001"), 0)
RECEIVER = Planned("receiver", Decimal("0.5"), TAIL_DELTA, 0)
VALUES = Planned("values", Decimal(8), TAIL_DELTA, 0)  # spend 1 + 2, visit 1, age 1 + 1 + 1, channel 1 for both words


@pytest.mark.parametrize(
    ("receiver_side", "result", "operation", "expected"),
    [
        (False, R, A, (COUNT, VALUES)),
        (False, S, A, (COUNT,)),
        (False, BOTH, A, (COUNT, VALUES)),
        (True, R, A, (RECEIVER,)),
        (True, S, A, (RECEIVER, VALUES)),
        (True, BOTH, A, (RECEIVER, VALUES)),
        (False, R, OV, (COUNT,)),
        (False, S, OV, (COUNT,)),
        (True, R, OV, (RECEIVER,)),
        (True, BOTH, OV, (RECEIVER,)),
    ],
)
def test_noise_is_charged_to_whose_people_it_protects(
    receiver_side: bool, result: tuple[bool, bool], operation: Operation, expected: tuple[Planned, ...]
) -> None:
    columns = ALL if operation is A else ()
    assert charges(NOISY, columns, operation, receiver_side, result, 4) == expected


@pytest.mark.parametrize(
    ("receiver_side", "result", "operation", "expected"),
    [
        (False, R, A, [("count", 4), ("values", 32)]),  # 4 segments x (2 + 1 + 3 + 2) lanes
        (False, S, A, [("count", 4)]),
        (True, R, A, [("receiver", 4)]),
        (True, S, A, [("receiver", 4), ("values", 32)]),
        (False, R, OV, [("count", 4)]),
        (True, R, OV, []),
        (True, BOTH, OV, [("receiver", 4)]),
    ],
)
def test_exact_cells_are_counted_where_they_are_shown(
    receiver_side: bool, result: tuple[bool, bool], operation: Operation, expected: list[tuple[str, int]]
) -> None:
    planned = charges(PLAIN, ALL if operation is A else (), operation, receiver_side, result, 4)
    assert [(one.step, one.cells) for one in planned] == expected
    assert all(one.epsilon == one.delta == 0 for one in planned)


def test_exact_counts_beside_noisy_sums_are_both_accounted_for() -> None:
    terms = terms_of(Noise.LAPLACE, Noise.NONE)
    count, values = charges(terms, ("spend",), A, False, R, 3)
    assert count == Planned("count", Decimal(0), Decimal(0), 3)
    assert values == Planned("values", Decimal(3), TAIL_DELTA, 0)


def test_the_tail_is_2_to_the_minus_40_rounded_up_to_what_a_ledger_holds() -> None:
    assert Fraction(1, 2**40) <= Fraction(TAIL_DELTA) < Fraction(1, 2**40) + Fraction(1, 10**18)


@pytest.mark.parametrize(
    ("operation", "columns"), [(Operation.MATCH, ()), (Operation.ENRICH, ("spend",)), (OV, ("spend",)), (A, ("other",))]
)
def test_what_cannot_be_is_a_bug(operation: Operation, columns: tuple[str, ...]) -> None:
    with pytest.raises(Misuse):
        charges(NOISY, columns, operation, False, R, 1)
