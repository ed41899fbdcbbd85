"""Release of statistics (AGGREGATE, OVERLAP): what both rules let through, with what the noise did to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import pyarrow as pa

from gateway.disclosure.cells import table_of
from gateway.disclosure.noise import noises_of
from gateway.disclosure.rule import Verdict, rule_of
from gateway.disclosure.statistics import Key, Measured, cells_of, judged, total_of
from gateway.errors import Misuse
from gateway.route.aggregate import Aggregate, Lane, Layout
from gateway.route.agreement import AggregateTerms
from gateway.route.job import AuthorizedJob, Side
from gateway.route.matched import Release


def release_aggregate(
    job: AuthorizedJob,
    session_id: str,
    aggregate: Aggregate,
    layout: Layout | None,
    names: tuple[str, ...],
    obtained_at: datetime,
    report: Mapping[str, object],
    similar: frozenset[int] = frozenset(),
) -> Release:
    """Release what the stricter of agreement and own rule lets through.

    Rule, noise and rounding are read from the job itself: no caller can ask for less.

    Args:
        job: our authorized job; our side learns the result.
        session_id: 64 hex digits.
        aggregate: all segments as our side knows them.
        layout: how the sums are packed; None for OVERLAP.
        names: of the segments in the same order; "1" to "G" where we are S.
        obtained_at: when our side learned it (UTC).
        report: counts by reason, for people.
        similar: segments, from 0, that differ from an earlier exact input by a few withdrawals alone.

    Returns:
        The release; its table has schema CELLS, segments in their order, the total last. The report also says
        which figures are noisy, how many segments were held back why, and whether the partner may see it.
    """
    terms = job.agreement.aggregate
    if terms is None or not job.operation.grouped:
        raise Misuse("only AGGREGATE and OVERLAP release statistics")
    if len(set(names)) != len(aggregate.segments) or len(names) != len(aggregate.segments):
        raise Misuse("every segment has one name of its own")
    lanes = () if layout is None else layout.lanes
    asked = _asked(job, terms, lanes)
    to = job.direction.result_to
    noises = noises_of(terms, lanes, job.side, (job.direction.receiver in to, job.direction.sender in to))
    rule = rule_of(terms, job.binding)
    segments = tuple(
        judged(name, sums, rule, asked, lanes, noises, Verdict.INPUT_TOO_SIMILAR if place in similar else None)
        for place, (name, sums) in enumerate(zip(names, aggregate.segments, strict=True))
    )
    shown = (*segments, total_of(segments, asked))
    held = Counter(str(segment.people) for segment in segments if isinstance(segment.people, Verdict))
    facts = {
        "dummies": str(terms.dummies),
        "noise": str(terms.noise),
        "suppressed_segments": dict(held),
        # What R computes carries no noise of R's: shown to S, it would unveil R's people.
        "not_for_partner": job.side is Side.RECEIVER,
    }
    cells = table_of(cell for segment in shown for cell in cells_of(segment, asked))
    return release_cells(job, session_id, cells, obtained_at, {**report, **facts})


def release_cells(
    job: AuthorizedJob, session_id: str, cells: pa.Table, obtained_at: datetime, report: Mapping[str, object]
) -> Release:
    """Release cells that `release_aggregate` let through before, restored from a sealed file."""
    return Release(
        job_id=job.job_id,
        session_id=session_id,
        agreement_id=job.agreement.agreement_id,
        partner=job.partner.card.party,
        operation=job.operation,
        table=cells,
        obtained_at=obtained_at,
        expires_at=obtained_at + timedelta(days=job.agreement.retention_days),
        report=report,
    )


def _asked(job: AuthorizedJob, terms: AggregateTerms, lanes: tuple[Lane, ...]) -> tuple[Measured, ...]:
    indices: dict[str, dict[Key, int]] = {column: {} for column in job.columns}
    for index, lane in enumerate(lanes):
        if lane.column not in indices:
            raise Misuse("a lane holds a column that was not asked")
        indices[lane.column][lane.statistic, lane.value] = index
    defined = {column.name: column for column in job.agreement.columns}
    measures = {measure.column: measure for measure in terms.measures}
    if not all(indices.values()):
        raise Misuse("an asked column has no lane")
    return tuple(Measured(defined[name], measures[name], found) for name, found in indices.items())
