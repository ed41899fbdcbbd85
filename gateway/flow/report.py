"""What became of our customers in a run, step by step, beside the run before it.

Law: a report is made of the job's own counts alone, so that nobody reads in it what the job did not tell already: a
sender sees no match of which it was not told, and statistics have cells, never a rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.flow.access import require
from gateway.flow.ports import House
from gateway.route.caller import Caller, Role

_COUNTED = ("rejected", "match_key_faults")
_OUTCOMES = (
    "replaced",
    "late_drops",
    "withdrawn_before_release",
    "withdrawn_since_cut",
    "false_matches",
    "released",
    "sent",
    "matches_sent",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One count of a run.

    Attributes:
        section: what lines have in common.
        item: what is counted.
        count: how many.
        of: of how many; None where no rate is meant.
        first_rows: numbers of the first such rows of the source.
        before: the same count in the run before, None when it had none; before_of likewise.
    """

    section: str
    item: str
    count: int
    of: int | None = None
    first_rows: tuple[int, ...] = ()
    before: int | None = None
    before_of: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The counts of a run, in the order of its steps.

    Attributes:
        job_id: of the run.
        previous: the last run before it that succeeded with the same agreement, operation, purpose and side.
        previous_at: when that ended.
    """

    job_id: str
    previous: str
    previous_at: datetime | None
    lines: tuple[Line, ...]


async def job_report(house: House, caller: Caller, job_id: str) -> Report:
    """Return the report of a job; of one that has not ended, what it has counted so far.

    Raises:
        StateError: NOT_FOUND.
    """
    require(caller, Role.CDP_JOB, Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR)
    async with house.store.read() as tx:
        job = await tx.jobs.get(job_id)
        match_keys = (await tx.agreements.get(job.request.agreement_id)).agreement.match_keys
        before = await tx.jobs.previous(job)
    told = lines_of(job.report, match_keys)
    if before is None:
        return Report(job.job_id, "", None, told)
    compared = beside(told, lines_of(before.report, match_keys))
    return Report(job.job_id, before.job_id, before.finished_at, compared)


def lines_of(report: Mapping[str, object], match_keys: Sequence[str]) -> tuple[Line, ...]:
    """Return the counts of a job's report as lines.

    Args:
        report: of either side, of any operation.
        match_keys: of the agreement, in order.
    """
    return tuple(_lines(report, match_keys))


def beside(lines: Sequence[Line], before: Sequence[Line]) -> tuple[Line, ...]:
    """Put to each line what the run before counted; what only that one counted comes last, as none now."""
    earlier = {(line.section, line.item): line for line in before}
    compared = []
    for line in lines:
        was = earlier.pop((line.section, line.item), None)
        compared.append(line if was is None else replace(line, before=was.count, before_of=was.of))
    sections = {line.section: place for place, line in enumerate(lines)}
    gone = [
        replace(was, count=0, of=None, first_rows=(), before=was.count, before_of=was.of)
        for was in earlier.values()
        if was.section in sections
    ]
    # Behind the lines of their section.
    return tuple(sorted((*compared, *gone), key=lambda line: sections[line.section]))


def _lines(report: Mapping[str, object], match_keys: Sequence[str]) -> Iterator[Line]:
    read, rejected = _number(report, "rows_read"), sum(line.count for line in _group(report, "rejected", None))
    if "rows_read" in report:
        yield Line("rows", "read", read)
        yield Line("rows", "rejected", rejected, read)
        yield Line("rows", "folded", _number(report, "folded"), read)
    of_parts = {line.item: line.count for line in _group(report, "read", None)}
    for counted in _COUNTED:
        for name in report:
            # Of a data set of several parts the rows are named per part: `rejected in cards`.
            told, _, part = name.partition(" in ")
            if told == counted:
                yield from _commonest(_group(report, name, of_parts.get(part, read)))
    judged = _number(report, "consented") + sum(line.count for line in _group(report, "left_out", None))
    if "consented" in report:
        yield Line("people", "judged", judged)
        yield Line("people", "eligible", _number(report, "consented"), judged)
    if "records" in report:
        yield Line("people", "records", _number(report, "records"))
    yield from _commonest(_group(report, "left_out", judged))
    yield from _group(report, "shared_match_keys", judged)
    if "matched" in report:
        yield from _matches(report, match_keys)
    for name in _OUTCOMES:
        if name in report:
            of = _number(report, "matched") if name == "released" and "matched" in report else None
            yield Line("outcome", name, _number(report, name), of)
    if "partner_rows" in report:
        yield Line("outcome", "partner_rows", _number(report, "partner_rows"))


def _matches(report: Mapping[str, object], match_keys: Sequence[str]) -> Iterator[Line]:
    """Yield who was found: per key of everybody, per step of those whom no earlier key found, and how often over."""
    people, matched = _number(report, "consented"), _number(report, "matched")
    found = {line.item: line.count for line in _group(report, "matched_by", None)} or {match_keys[0]: matched}
    first = {line.item: line.count for line in _group(report, "waterfall", None)} or found
    for key in match_keys:
        yield Line("keys", key, found.get(key, 0), people)
    left = people
    for key in match_keys:
        yield Line("waterfall", key, first.get(key, 0), left)
        left -= first.get(key, 0)
    yield from _group(report, "fan_out", None)
    yield Line("outcome", "matched", matched, people)


def _group(report: Mapping[str, object], name: str, of: int | None) -> Iterator[Line]:
    counts = report.get(name)
    if not isinstance(counts, Mapping):
        return
    for reason, counted in counts.items():
        if isinstance(counted, Mapping):
            yield Line(name, str(reason), int(counted["count"]), of, tuple(counted.get("first_rows", ())))
        else:
            yield Line(name, str(reason), int(counted), of)


def _commonest(lines: Iterator[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-line.count, line.item))


def _number(report: Mapping[str, object], name: str) -> int:
    return int(str(report.get(name, 0)))
