"""Reports of jobs, to messages."""

from __future__ import annotations

from gateway.flow.report import Line, Report
from gateway.rpc.convert.field import time_to_proto
from gateway.rpc.convert.name import name_of
from gateway.v1 import report_pb2


def report_to_proto(report: Report) -> report_pb2.MatchReport:
    """Write a report."""
    return report_pb2.MatchReport(
        job=name_of("jobs", report.job_id),
        previous_job=name_of("jobs", report.previous) if report.previous else "",
        previous_time=time_to_proto(report.previous_at),
        lines=[_line(line) for line in report.lines],
    )


def _line(line: Line) -> report_pb2.ReportLine:
    message = report_pb2.ReportLine(section=line.section, item=line.item, count=line.count, first_rows=line.first_rows)
    # Absent is not none: what was not counted is left out.
    for name in ("of", "before", "before_of"):
        value = getattr(line, name)
        if value is not None:
            setattr(message, name, value)
    return message
