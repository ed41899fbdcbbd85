"""What `assent consent trace` shows of a run."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.cli.rights import TRACE_COLUMNS, trace_record
from gateway.client import Removal, RunTrace

AT = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def test_why_a_row_left_and_why_it_was_taken_out_again_stand_apart() -> None:
    gone = Removal("job-1", "CONSENT_WITHDRAWN", "LATE_KNOWN", AT, AT, "paper", AT, AT, "")
    run = RunTrace(
        "job-1", "s", "platform", "MATCH", "RECEIVER", "p", "REMOVED", AT, "OK_CONSENT", (), "c-1", (), gone, None
    )
    shown = trace_record(run)
    assert list(shown) == TRACE_COLUMNS
    assert (shown["reason_code"], shown["removed_for"], shown["timing"]) == (
        "OK_CONSENT",
        "CONSENT_WITHDRAWN",
        "LATE_KNOWN",
    )
