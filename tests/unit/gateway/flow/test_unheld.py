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
    assert left_open(asked, ()) == (expected or ("CONFLICTING_ROWS", "UNLINKED", "NOT_IN_DATA_SET"))
