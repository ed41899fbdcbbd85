"""The minimum cohort, its complement, and whose rule wins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.disclosure.rule import Rule, Verdict, rule_of, stricter, verdict
from gateway.errors import Misuse
from tests.unit.gateway.disclosure.runs import BINDING, terms_of


@pytest.mark.parametrize(
    ("size", "tested", "expected"),
    [
        (1000, 50, None),
        (1000, 49, Verdict.BELOW_MINIMUM),
        (1000, 1, Verdict.BELOW_MINIMUM),
        (1000, -3, Verdict.BELOW_MINIMUM),
        (100, 50, None),
        (99, 50, Verdict.COMPLEMENT_BELOW_MINIMUM),
        (100, 51, Verdict.COMPLEMENT_BELOW_MINIMUM),
        (100, 104, Verdict.COMPLEMENT_BELOW_MINIMUM),
        (1, 1, Verdict.BELOW_MINIMUM),
        (0, 0, Verdict.BELOW_MINIMUM),
    ],
)
def test_a_segment_and_what_is_left_of_it_are_both_large(size: int, tested: int, expected: Verdict | None) -> None:
    assert verdict(Rule(50, 1), size, tested) == expected


def test_the_stricter_rule_is_the_stricter_in_each_part() -> None:
    assert stricter(Rule(50, 1), Rule(20, 10)) == Rule(50, 10)


@pytest.mark.parametrize(("own", "rule"), [(0, Rule(20, 5)), (10, Rule(20, 5)), (80, Rule(80, 5))])
def test_our_own_minimum_tightens_and_never_loosens(own: int, rule: Rule) -> None:
    assert rule_of(terms_of(count_step=5), replace(BINDING, minimum_cohort=own)) == rule


def test_an_agreement_without_statistics_has_no_rule() -> None:
    with pytest.raises(Misuse):
        rule_of(None, BINDING)
