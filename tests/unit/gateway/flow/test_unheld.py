"""What a run's counts leave open about somebody whom the rule allowed and of whom it holds nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.flow.unheld import left_open
from gateway.route.agreement import Operation
from gateway.route.job import Side
from tests.contract.given import job

ONE = {"count": 1, "first_rows": [7]}
UNCHOSEN = ("MISSING_VALUE", "SEGMENT_TOO_SMALL", "TOO_SHORT", "UNLINKED", "NOT_IN_DATA_SET")


@pytest.mark.parametrize(
    ("side", "report", "expected"),
    [
        (Side.SENDER, {}, ("NOT_IN_DATA_SET",)),
        (Side.SENDER, {"rejected": {"UNLINKED": ONE}}, ("UNLINKED", "NOT_IN_DATA_SET")),
        (Side.SENDER, {"rejected": {"UNLINKED": 3, "CONFLICTING_ROWS": 1}}, None),
        (Side.SENDER, {"left_out": {"SHARED_MATCH_KEY": 2, "NO_CONSENT": 9}}, ("SHARED_MATCH_KEY", "NOT_IN_DATA_SET")),
        (Side.SENDER, {"match_key_faults in shop": {"TOO_SHORT": ONE}}, ("TOO_SHORT", "NOT_IN_DATA_SET")),
        (Side.RECEIVER, {"consented": 5, "matched": 5}, ("NOT_IN_DATA_SET",)),
        (Side.RECEIVER, {"consented": 5, "matched": 4}, ("NOT_MATCHED", "NOT_IN_DATA_SET")),
    ],
)
def test_only_what_the_report_counts_is_left_open(side: Side, report: dict[str, Any], expected: Any) -> None:
    asked = job()
    asked = replace(asked, side=side, report=report, request=replace(asked.request, operation=Operation.MATCH))
    assert left_open(asked, (), None) == (expected or ("CONFLICTING_ROWS", "UNLINKED", "NOT_IN_DATA_SET"))


@pytest.mark.parametrize(
    ("operation", "member", "linked", "expected"),
    [
        (Operation.MATCH, True, False, ("NOT_MATCHED",)),
        (Operation.MATCH, True, True, ("NOT_MATCHED", "UNLINKED")),
        (Operation.MATCH, False, True, UNCHOSEN),
        (Operation.AGGREGATE, True, False, ("IN_STATISTICS",)),
        (Operation.AGGREGATE, False, False, UNCHOSEN),
    ],
)
def test_who_was_in_the_cohort_leaves_half_of_it_open(
    operation: Operation, member: bool, linked: bool, expected: tuple[str, ...]
) -> None:
    report = {
        "consented": 5, "matched": 4, "rejected": {"UNLINKED": ONE}, "match_key_faults": {"TOO_SHORT": ONE},
        "left_out": {"NO_CONSENT": 3, "SEGMENT_TOO_SMALL": 2, "MISSING_VALUE": 1},
    }  # fmt: skip
    asked = job()
    asked = replace(asked, side=Side.RECEIVER, report=report, request=replace(asked.request, operation=operation))
    assert left_open(asked, (), member, linked=linked) == expected
