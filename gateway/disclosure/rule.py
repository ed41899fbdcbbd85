"""Which segments may be shown: the minimum cohort, for a segment and for what is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Misuse
from gateway.route.agreement import AggregateTerms, AgreementBinding


class Verdict(StrEnum):
    """Why a cell shows nothing."""

    BELOW_MINIMUM = "BELOW_MINIMUM"
    COMPLEMENT_BELOW_MINIMUM = "COMPLEMENT_BELOW_MINIMUM"
    WITHHELD_BY_PARTNER = "WITHHELD_BY_PARTNER"
    INPUT_TOO_SIMILAR = "INPUT_TOO_SIMILAR"


@dataclass(frozen=True, slots=True)
class Rule:
    """When a figure may be shown, and how finely.

    Attributes:
        minimum_cohort: fewest people behind a released segment, and fewest of it left over.
        count_step: released counts are rounded to a multiple of it, >= 1.
    """

    minimum_cohort: int
    count_step: int


def stricter(a: Rule, b: Rule) -> Rule:
    """Return the rule that shows no more than either does."""
    return Rule(max(a.minimum_cohort, b.minimum_cohort), max(a.count_step, b.count_step))


def rule_of(terms: AggregateTerms | None, binding: AgreementBinding) -> Rule:
    """Return our side's rule: the stricter of what both signed and what we bound ourselves to."""
    if terms is None:
        raise Misuse("an agreement without aggregate terms has no rule for segments")
    return stricter(Rule(terms.minimum_cohort, terms.count_step), Rule(binding.minimum_cohort, 1))


def verdict(rule: Rule, size: int, tested: int) -> Verdict | None:
    """Judge a segment by figures that both sides know, so that the judgement itself tells nobody anything.

    Args:
        rule: the stricter of agreement and own rule.
        size: |X_g|.
        tested: c'_g - t; noisy, it may be negative or above size.

    Returns:
        Why nothing of the segment may be shown; None when it may.
    """
    if tested < rule.minimum_cohort:
        return Verdict.BELOW_MINIMUM
    if size - tested < rule.minimum_cohort:
        # Nearly everyone found: "not a customer" would then be said of very few.
        return Verdict.COMPLEMENT_BELOW_MINIMUM
    return None
