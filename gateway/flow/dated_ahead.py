"""Acts of an import that are dated ahead, most often by a mistyped date.

They are kept: clocks differ, and what somebody said is not thrown away. But little can be done about one later: what
protects counts at once, and a consent given before its date does not lift it; what allows waits for its date. So
whoever imports is told of each by its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.flow.intake import RowError, TakenRow

SLACK = timedelta(days=1)
REASON = (
    "is more than a day ahead of its recording: an act that protects counts at once, and no consent given before that "
    "date lifts it; one that allows counts from then; correct the date if it is mistyped"
)


def dated_ahead(rows: Sequence[TakenRow], now: datetime) -> list[RowError]:
    """Return a warning of each row that is dated more than a day ahead of its recording."""
    latest = now + SLACK
    return [RowError(row.row, "at", REASON) for row in rows if row.at > latest]
