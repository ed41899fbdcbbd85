"""Why a run may hold no row of somebody whom the rule allowed: all that its counts leave open.

Cohorts are destroyed with their runs, and a result names only whom it holds. What is kept is the report, which counts
the rows that could not be used by reason: a reason that it does not count is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.route.job import Job, Side
from gateway.route.notice import NoticeKind, StoredNotice

IN_STATISTICS = "IN_STATISTICS"
NOT_MATCHED = "NOT_MATCHED"
FORGOTTEN_FOR_PARTNER = "FORGOTTEN_FOR_PARTNER"
NOT_IN_DATA_SET = "NOT_IN_DATA_SET"
SHARED_MATCH_KEY = "SHARED_MATCH_KEY"


def left_open(job: Job, notices: Sequence[StoredNotice]) -> tuple[str, ...]:
    """Return what may be behind an absence, each reason once; one alone is certain.

    IN_STATISTICS: part of figures, which hold nobody. NOT_MATCHED: the partner sent no record for it.
    FORGOTTEN_FOR_PARTNER: the partner had rows of the run forgotten since. SHARED_MATCH_KEY: the match key was that of
    several people. NOT_IN_DATA_SET: no row of the person was there. The others are the reasons by which the report
    counts rows that could not be used, among them UNLINKED, of ids that were nobody's, and CONFLICTING_ROWS.

    Args:
        job: that released something.
        notices: about the run, of both sides.
    """
    report: Mapping[str, object] = job.report
    found: list[str] = []
    if job.side is Side.RECEIVER:
        if job.request.operation.grouped:
            found.append(IN_STATISTICS)
        else:
            found += [NOT_MATCHED] if report.get("matched") != report.get("consented") else []
            told = any(notice.kind is NoticeKind.TOMBSTONE and not notice.ours for notice in notices)
            found += [FORGOTTEN_FOR_PARTNER] if told else []
    if SHARED_MATCH_KEY in _names(report.get("left_out")):
        found.append(SHARED_MATCH_KEY)
    per_key = [counts for entry, counts in report.items() if entry.startswith("match_key_faults")]
    faults = [name for counts in per_key for name in _names(counts)]
    found += sorted({*_names(report.get("rejected")), *faults})
    return (*found, NOT_IN_DATA_SET)


def _names(counts: object) -> list[str]:
    return [str(name) for name in counts] if isinstance(counts, Mapping) else []
