from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.terms import AggregateTerms, Budget, BudgetCharge, budget_of, terms_of
from gateway.flow.ports import Charge, Spent
from gateway.route.agreement import LateWithdrawals, Noise, Statistic
from gateway.rpc.convert.aggregate import budget_to_proto, decimal_text, terms_to_proto
from gateway.v1 import agreement_pb2
from tests.unit.gateway.rpc.convert.aggregates import TERMS
from tests.unit.gateway.rpc.convert.messages import OTHER_UUID, UUID, WHEN


def read_back(terms: Any) -> AggregateTerms:
    found = terms_of(agreement_pb2.Agreement(aggregate=terms_to_proto(terms)))
    assert found is not None
    return found


def test_terms_reach_the_client_whole() -> None:
    found = read_back(TERMS)
    same = {field.name for field in fields(TERMS)} - {"scheme", "measures"}
    assert {name: getattr(found, name) for name in same} == {name: getattr(TERMS, name) for name in same}
    assert (found.scheme.name, found.scheme.key_bits, found.scheme.mode) == ("paillier", 3072, "exact")
    recency, channel = found.measures
    assert (recency.column, recency.values, recency.step) == ("recency", (), Decimal("0.01"))
    assert recency.epsilon == {"sum": Decimal(0), "sum_of_squares": Decimal(0)}
    assert (channel.values, channel.epsilon) == (("web", "phone"), {"share": Decimal(0)})


def test_an_agreement_without_statistics_has_no_terms() -> None:
    assert terms_to_proto(None) is None
    assert terms_of(agreement_pb2.Agreement()) is None


@pytest.mark.parametrize("noise", Noise)
def test_every_word_of_noise_has_its_number(noise: Noise) -> None:
    assert read_back(replace(TERMS, noise=noise)).noise == noise.value
    assert read_back(replace(TERMS, dummies=noise)).dummies == noise.value


@pytest.mark.parametrize("late", LateWithdrawals)
def test_every_word_on_late_withdrawals_has_its_number(late: LateWithdrawals) -> None:
    assert read_back(replace(TERMS, late_withdrawals=late)).late_withdrawals == late.value


def test_every_statistic_has_its_number() -> None:
    measure = replace(TERMS.measures[0], epsilon=tuple((one, Decimal(1)) for one in Statistic))
    assert list(read_back(replace(TERMS, measures=(measure,))).measures[0].epsilon) == [one.value for one in Statistic]


def test_a_budget_reaches_the_client_whole() -> None:
    charge = Charge(
        UUID,
        "ab" * 32,
        OTHER_UUID,
        "platform",
        "customers",
        "values",
        Decimal("0.500000"),
        Decimal("9.1E-13"),
        12,
        WHEN,
    )
    spent = Spent(Decimal("3.5"), Decimal("0.000003"), 12)
    assert budget_of(budget_to_proto(TERMS, spent, [charge])) == Budget(
        spent_epsilon=Decimal("3.5"),
        epsilon_cap=Decimal(20),
        spent_delta=Decimal("0.000003"),
        delta_cap=Decimal("0.001"),
        cells=12,
        cells_per_period=1000,
        period_days=30,
        charges=(BudgetCharge(UUID, "values", Decimal("0.5"), Decimal("9.1E-13"), 12, WHEN),),
    )


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=18))
def test_decimal_text_is_plain_short_and_exact(value: Decimal) -> None:
    text = decimal_text(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert "." not in text or not text.endswith(("0", "."))
