"""Who of a cohort lost consent since it was judged: asked at the cut, for late drops and before release.

Only people whose verdict may differ are judged again: those with new events, with a consent
that ended meanwhile, and those whom the rule had let in. A change of what is registered
makes that everybody. Whose link of the identity map ended meanwhile is lost as if consent were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from consent.registry import Registry
from gateway import kernel
from gateway.flow import cohort as cohorts
from gateway.flow.gate import doubted, judge, judge_all
from gateway.flow.lease import Lease
from gateway.flow.linking import unlinked_since
from gateway.flow.members import Members, somebody
from gateway.flow.pipeline import ahead, each, in_turn
from gateway.flow.ports import Mark, Sorter, Transaction
from gateway.flow.registry import load_registry
from gateway.flow.threads import in_thread
from gateway.psi.fields import Fields
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob
from gateway.route.subject_ref import REF_BYTES, once

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
MOST_DOUBTED = 200_000
"""People who are looked for by name; with more, the whole cohort is judged again."""

_CANDIDATE = Fields(ref=REF_BYTES, place=8)


@dataclass(frozen=True, slots=True, repr=False)
class Lost:
    """Members who are not allowed any more.

    Attributes:
        places: (k,) rows of the cohort file, ascending.
        refs: (k, 26) their references, ascending by themselves.
        uncovered: per asked column, (j, 26) ascending: those whose value consent does not cover now.
        at: the time of the judgement (UTC).
    """

    places: Places
    refs: Bytes
    uncovered: Mapping[str, Bytes]
    at: datetime

    def __repr__(self) -> str:
        """Show no reference."""
        return f"Lost({len(self.places)} members)"


async def lost_since(lease: Lease, job: AuthorizedJob, cohort: ConsentedCohort, members: Members, memory: int) -> Lost:
    """Judge again, all at one time, whoever of a cohort may have lost consent since it was judged.

    Args:
        lease: of the run.
        job: authorized.
        cohort: as judged.
        members: its file.
        memory: bytes that may be held.
    """
    house, at, seen = lease.house, lease.house.clock.now(), await cohorts.seen_links(lease)
    uses = (*job.gates, *(use for _, use in job.column_gates))
    remembered = await cohorts.by_rule(lease)
    candidates = house.spool.sorter(job.job_id, "doubted", _CANDIDATE.width, REF_BYTES, memory)
    try:
        async with house.store.read() as tx:
            registry = await load_registry(tx, house)
            since = Mark(*cohort.mark)
            unlinked = await unlinked_since(tx, seen)
            named = None
            if remembered is not None:
                named = await doubted(tx, registry, uses, since, cohort.judged_at, at, MOST_DOUBTED)
            if named is None or remembered is None:
                await each(_everybody(members), candidates.add)
            else:
                await each(_some(members, _union(_union(named, remembered), unlinked)), candidates.add)
            return await _judged(tx, registry, job, candidates, at, unlinked)
    finally:
        await in_thread(candidates.close)


def _union(some: Bytes, others: Bytes) -> Bytes:
    both = np.concatenate([some, others])
    if not len(both):
        return both
    refs = np.unique(both.view(f"S{REF_BYTES}").reshape(-1))
    return refs.view(np.uint8).reshape(-1, REF_BYTES)


def _everybody(members: Members) -> Iterator[Bytes]:
    place = 0
    for rows in members.pieces():
        refs = members.fields.of(rows, "ref")
        people = np.flatnonzero(somebody(refs))
        yield _CANDIDATE.join(len(people), ref=refs[people], place=place + people)
        place += len(rows)


def _some(members: Members, refs: Bytes) -> Iterator[Bytes]:
    for places, rows in members.places_of(refs):
        yield _CANDIDATE.join(len(rows), ref=members.fields.of(rows, "ref"), place=places)


async def _judged(
    tx: Transaction, registry: Registry, job: AuthorizedJob, candidates: Sorter, at: datetime, unlinked: Bytes
) -> Lost:
    places, refs = [np.empty(0, np.int64)], [np.empty((0, REF_BYTES), np.uint8)]
    uncovered: dict[str, list[Bytes]] = {name: [refs[0]] for name, _ in job.column_gates}
    async for piece in ahead(in_turn(candidates.pieces())):
        # A person stands once in each list; all its rows come in one piece.
        asked, person = once(_CANDIDATE.of(piece, "ref"))
        allowed = (await judge_all(tx, registry, job.gates, asked, at)).allowed
        if len(unlinked):
            # Their rows were theirs by a link that is gone: whatever they consented to, nobody knows whose these are.
            allowed &= ~among(unlinked, asked, 1)
        places.append(_CANDIDATE.number(piece[~allowed[person]], "place"))
        refs.append(asked[~allowed])
        for name, use in job.column_gates:
            covered = (await judge(tx, registry, use, asked, at)).allowed
            uncovered[name].append(asked[~covered])
    return Lost(
        places=np.sort(np.concatenate(places)),
        refs=np.concatenate(refs),
        uncovered={name: np.concatenate(found) for name, found in uncovered.items()},
        at=at,
    )


def among(refs: Bytes, asked: Bytes, threads: int) -> npt.NDArray[np.bool_]:
    """Return which of `asked`, (n, width), stand in `refs`, (k, width) ascending. Blocks."""
    if not len(refs):
        return np.zeros(len(asked), dtype=bool)
    found: npt.NDArray[np.bool_] = kernel.find_rows(refs, asked, threads) >= 0
    return found


def lost_records(members: Members, lost: Lost) -> Places:
    """Return the records none of whose people is left, ascending; a household stays while one of it may be used.

    Blocks; reads the cohort file twice when somebody is lost.
    """
    if not len(lost.places):
        return lost.places
    of_lost = []
    for place, _, numbers in members.records():
        begin, end = np.searchsorted(lost.places, (place, place + len(numbers)))
        of_lost.append(numbers[lost.places[begin:end] - place])
    records, gone = np.unique(np.concatenate(of_lost), return_counts=True)
    people = np.zeros(len(records), dtype=np.int64)
    for _, _, numbers in members.records():
        begin, end = np.searchsorted(records, (numbers[0], numbers[-1] + 1))
        people[begin:end] += np.bincount(numbers - numbers[0])[records[begin:end] - numbers[0]]
    left: Places = records[people == gone]
    return left
