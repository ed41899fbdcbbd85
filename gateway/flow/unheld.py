"""Why a run may hold no row of somebody whom the rule allowed: all that is kept of it leaves open.

A result names only whom it holds. What is kept besides is who was in the cohort, and the report, which counts the rows
that could not be used by reason: a reason that it does not count is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.flow.linking import UNLINKED
from gateway.route.job import Job, Side
from gateway.route.notice import NoticeKind, StoredNotice

IN_STATISTICS = "IN_STATISTICS"
NOT_MATCHED = "NOT_MATCHED"
FORGOTTEN_FOR_PARTNER = "FORGOTTEN_FOR_PARTNER"
NOT_IN_DATA_SET = "NOT_IN_DATA_SET"
RETENTION_OVER = "RETENTION_OVER"
AGREED_LATER = "AGREED_LATER"
"""The rule said no when the run chose its people, and yes when it was judged again."""
_UNCHOSEN = ("SHARED_MATCH_KEY", "MISSING_VALUE", "SEGMENT_TOO_SMALL")
"""Why people with consent are no members, of what a report counts as left out."""


def left_open(
    job: Job, notices: Sequence[StoredNotice], member: bool | None, *, linked: bool = False, destroyed: bool = False
) -> tuple[str, ...]:
    """Return what may be behind an absence, each reason once; one alone is certain.

    Of members: IN_STATISTICS, part of figures, which hold nobody. NOT_MATCHED: the partner sent no record for it.
    FORGOTTEN_FOR_PARTNER: the partner had rows of the run forgotten since. UNLINKED: a link ended during the run.
    RETENTION_OVER: all rows of the run were destroyed in their time.

    Of others: NOT_IN_DATA_SET, no row of the person was there. SHARED_MATCH_KEY: the match key was that of several
    people. MISSING_VALUE, SEGMENT_TOO_SMALL: what statistics leave out. The rest are the reasons by which the report
    counts rows that could not be used, among them UNLINKED, of ids that were nobody's, and CONFLICTING_ROWS.

    Args:
        job: that released something.
        notices: about the run, of both sides.
        member: whether the person was in the cohort; None when that is not known any more, or not yet.
        linked: people were read by ids of other systems.
        destroyed: the run's rows are kept no more.
    """
    if member is False:
        return tuple(dict.fromkeys(_of_others(job)))
    found = _of_members(job, notices)
    found += [UNLINKED] if linked else []
    found += [RETENTION_OVER] if destroyed and IN_STATISTICS not in found else []
    return tuple(dict.fromkeys(found if member and found else found + _of_others(job)))


def _of_members(job: Job, notices: Sequence[StoredNotice]) -> list[str]:
    found: list[str] = []
    if job.side is Side.RECEIVER:
        if job.request.operation.grouped:
            found.append(IN_STATISTICS)
        else:
            found += [NOT_MATCHED] if job.report.get("matched") != job.report.get("consented") else []
            told = any(notice.kind is NoticeKind.TOMBSTONE and not notice.ours for notice in notices)
            found += [FORGOTTEN_FOR_PARTNER] if told else []
    return found


def _of_others(job: Job) -> list[str]:
    report: Mapping[str, object] = job.report
    left_out = _names(report.get("left_out"))
    per_key = [counts for entry, counts in report.items() if entry.startswith("match_key_faults")]
    faults = [name for counts in per_key for name in _names(counts)]
    unchosen = [reason for reason in _UNCHOSEN if reason in left_out]
    return [*unchosen, *sorted({*_names(report.get("rejected")), *faults}), NOT_IN_DATA_SET]


def _names(counts: object) -> list[str]:
    return [str(name) for name in counts] if isinstance(counts, Mapping) else []
