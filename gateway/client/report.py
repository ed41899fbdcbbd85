"""What became of our customers in a run, as our gateway counted it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.client.record import bare, time_of
from gateway.v1 import report_pb2


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One count of a run.

    Attributes:
        section: what lines have in common: "rows", "rejected", "people", "left_out", "keys", "waterfall", ...
        item: what is counted, e.g. "read", "NO_CONSENT", "phone.e164".
        of: of how many; None where no rate is meant.
        before: the same count in the run before; None when it had none. before_of likewise.
        first_rows: numbers of the first such source rows, 1 = first row of values.
    """

    section: str
    item: str
    count: int
    of: int | None
    before: int | None
    before_of: int | None
    first_rows: tuple[int, ...]

    @property
    def rate(self) -> float | None:
        """The part that the count is, 0 to 1; None where no rate is meant, and of nobody."""
        return self.count / self.of if self.of else None

    @property
    def rate_before(self) -> float | None:
        """The rate of the run before."""
        return self.before / self.before_of if self.before is not None and self.before_of else None


@dataclass(frozen=True, slots=True)
class MatchReport:
    """The counts of a run, from the rows of the source to what was released.

    Attributes:
        previous: id of the last run before it with the same agreement, operation, purpose and side; "" for none.
        previous_at: when that ended.
    """

    job_id: str
    previous: str
    previous_at: datetime | None
    lines: tuple[ReportLine, ...]

    def line(self, section: str, item: str) -> ReportLine | None:
        """Return a line, None when there is none."""
        return next((line for line in self.lines if (line.section, line.item) == (section, item)), None)


def report_from_proto(message: report_pb2.MatchReport) -> MatchReport:
    """Read a report."""
    return MatchReport(
        job_id=bare(message.job),
        previous=bare(message.previous_job) if message.previous_job else "",
        previous_at=time_of(message, "previous_time"),
        lines=tuple(
            ReportLine(
                section=line.section,
                item=line.item,
                count=line.count,
                of=line.of if line.HasField("of") else None,
                before=line.before if line.HasField("before") else None,
                before_of=line.before_of if line.HasField("before_of") else None,
                first_rows=tuple(line.first_rows),
            )
            for line in message.lines
        ),
    )
