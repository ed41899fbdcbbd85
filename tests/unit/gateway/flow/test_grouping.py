"""What both sides derive from agreement and sizes must be the same, and differ when the agreement does."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.flow.grouping import grouped_of, layout_of
from gateway.he.proof import key_record_bytes
from gateway.route.agreement import Noise, Operation, Scheme, Statistic
from gateway.route.job import AuthorizedJob, Side
from tests.unit.gateway.disclosure.runs import COLUMNS, terms_of


def job(
    columns: tuple[str, ...] = ("spend", "channel"),
    side: Side = Side.RECEIVER,
    result_to: tuple[str, ...] = ("r",),
    noise: Noise = Noise.LAPLACE,
    **changes: Any,
) -> AuthorizedJob:
    terms = replace(terms_of(noise), scheme=Scheme("paillier", 2048, "short_exponent"), **changes)
    operation = Operation.AGGREGATE if columns else Operation.OVERLAP
    made = SimpleNamespace(
        agreement=SimpleNamespace(aggregate=terms, columns=COLUMNS),
        operation=operation,
        columns=columns,
        side=side,
        direction=SimpleNamespace(receiver="r", sender="s", result_to=result_to),
    )
    return cast(AuthorizedJob, made)


def test_both_sides_derive_the_same() -> None:
    ours, theirs = (grouped_of(job(side=side), 3, 500) for side in Side)
    assert ours == theirs
    assert ours is not None
    assert (ours.t, ours.dummies, ours.noise) == (14, "LAPLACE", "LAPLACE")
    assert ours.scheme == "paillier-2048-short_exponent"
    assert ours.key_bytes == key_record_bytes(2048) == 9 * 256
    # Sum, sum of squares, two words; all in one ciphertext of 512 bytes.
    assert (ours.lanes, ours.ciphertexts, ours.ciphertext_bytes) == (4, 1, 512)


def test_row_operations_have_no_such_part() -> None:
    other = cast(AuthorizedJob, SimpleNamespace(operation=Operation.MATCH))
    assert grouped_of(other, 1, 10) is None


@pytest.mark.parametrize(
    ("result_to", "told"), [(("r",), (True, False)), (("s",), (False, True)), (("r", "s"), (True, True))]
)
def test_who_learns_is_part_of_the_opening_record(result_to: tuple[str, ...], told: tuple[bool, bool]) -> None:
    for columns in (("spend",), ()):
        made = grouped_of(job(columns, result_to=result_to), 2, 100)
        assert made is not None
        assert (made.to_receiver, made.to_sender) == told


def test_overlap_packs_nothing_and_has_no_scheme() -> None:
    made = grouped_of(job(()), 2, 100)
    assert layout_of(job(()), 2, 100) is None
    assert made is not None
    assert (made.scheme, made.layout, made.row_bytes, made.key_rows) == ("", "", 0, 0)
    assert made.t == 14


def test_the_digest_of_the_packing_changes_with_everything_that_packs() -> None:
    base = job()
    terms = base.agreement.aggregate
    assert terms is not None
    wider = tuple(
        replace(one, epsilon=tuple((what, Decimal("0.001")) for what, _ in one.epsilon)) for one in terms.measures
    )
    worded = tuple(replace(one, values=("web", "shop")) if one.values else one for one in terms.measures)
    fewer = tuple(
        replace(one, epsilon=((Statistic.SUM, Decimal(1)),)) if one.column == "spend" else one for one in terms.measures
    )
    made = [
        grouped_of(one, 3, rows)
        for one, rows in (
            (base, 500),
            (job(columns=("channel", "spend")), 500),
            (job(measures=wider), 500),
            (job(measures=worded), 500),
            (job(measures=fewer), 500),
            (job(noise=Noise.NONE), 500),
            (base, 500_000_000),
        )
    ]
    digests = [one.layout for one in made if one is not None]
    assert len(set(digests)) == len(made)
    # Rows count only where a lane grows by them: the same packing for a few more.
    again = grouped_of(base, 3, 501)
    assert again is not None
    assert again.layout == digests[0]


def test_dummies_count_among_the_rows_that_a_lane_must_hold() -> None:
    few, many = layout_of(job(), 1, 1), layout_of(job(), 8, 1)
    assert few is not None
    assert many is not None
    assert all(a.width <= b.width for a, b in zip(few.lanes, many.lanes, strict=True))
