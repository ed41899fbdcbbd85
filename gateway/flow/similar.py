"""Whether an input repeats an earlier one but for a few people, whom two exact results would then show.

Of each run's segments (of a sender: of its one list) a sketch of keyed tags is kept, towards each partner, whatever
agreement or data set it was for. A near-duplicate under noise is charged like any other run, so only a run with exact
figures is compared; but noisy ones are kept too, in case noise is switched off later. An equal input shows nothing new.

This limits accidents and lazy users only: who changes 50 people at a time, or subtracts in another way, is not stopped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.disclosure import Difference, difference, near, sketch
from gateway.errors import StateError
from gateway.flow.ends import RunRefused
from gateway.flow.ports import House, InputSketch, Transaction
from gateway.flow.segment import terms_of
from gateway.flow.threads import in_thread
from gateway.route.agreement import AggregateTerms, Noise
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob, Refusal, Side

Bytes = npt.NDArray[np.uint8]
Tags = npt.NDArray[np.uint64]

LEAST_CHANGE: Final = 50  # people; fewer make an input similar
PAGE: Final = 1000
_TAGS: Final = b"assent input tags v1"
_SEGMENTS: Final = b"assent input segments v1"


@dataclass(frozen=True, slots=True)
class Similar:
    """What a comparison with earlier inputs came to.

    Attributes:
        suppressed: numbers of the segments that differ from an earlier one by withdrawals alone: to be left out.
        entries: sketches of the others, to be kept; none when this job's were kept before.
        since: how far back was looked.
        seen: sketches of other jobs that there were then; None where nothing had to be compared.
    """

    suppressed: frozenset[int]
    entries: tuple[InputSketch, ...] = field(repr=False)
    since: datetime
    seen: int | None


async def similar_segments(
    house: House,
    job: AuthorizedJob,
    cohort: ConsentedCohort,
    refs: Bytes,
    denied: Callable[[], Awaitable[Bytes]],
    at: datetime,
) -> Similar:
    """Compare an input with the earlier ones of our side towards this partner.

    A job whose input was kept before gets the same answer again, whatever happened since.

    Args:
        house: ports.
        job: of a grouped operation.
        cohort: as judged.
        refs: (n, 26) its people, segment after segment.
        denied: returns the source's people whom consent keeps out now, (m, 26).
        at: time of the judgement (UTC).

    Raises:
        RunRefused: INPUT_TOO_SIMILAR when leaving out segments does not help.
    """
    terms, threads = terms_of(job), house.limits.threads
    since = at - timedelta(days=terms.period_days)
    names = await in_thread(_segment_macs, house, cohort)
    async with house.store.read() as tx:
        kept = await tx.sketches.kept(job.job_id)
    if kept:
        left_out = frozenset(number for number, name in enumerate(names) if name not in kept)
        return Similar(left_out, (), since, None)
    tags_key = _derived(house, _TAGS)
    tags = await in_thread(_tags, tags_key, refs, threads)
    entries = await in_thread(_sketched, job, cohort, names, tags, at)
    if terms.noise is not Noise.NONE and terms.dummies is not Noise.NONE:
        return Similar(frozenset(), entries, since, None)
    seen, changes = await _changes(house, job, entries, since)
    gone = {tag for found in changes.values() for one in found for tag in one.removed}
    if gone:
        gone -= set((await in_thread(_tags, tags_key, await denied(), threads)).tolist())
    for number, found in changes.items():
        if job.side is Side.SENDER or any(one.added or one.removed & gone for one in found):
            raise RunRefused(_too_similar(job, number, terms))
    if len(changes) == len(entries):
        raise RunRefused(_too_similar(job, None, terms))
    released = tuple(entry for number, entry in enumerate(entries) if number not in changes)
    return Similar(frozenset(changes), released, since, seen)


async def keep_input(tx: Transaction, job: AuthorizedJob, similar: Similar) -> None:
    """Keep the input of a run before anything of it leaves, unless another run was let through meanwhile.

    Raises:
        StateError: REVISION_CONFLICT when it must be compared again.
    """
    if not similar.entries:
        return
    partner = job.partner.card.party
    await tx.budget.lock(partner)  # of two inputs similar to each other, the second must see the first
    if similar.seen is not None:
        now = await tx.sketches.count(partner, job.side, similar.since, job.job_id)
        if now != similar.seen:
            raise StateError("REVISION_CONFLICT", "another run's input was kept meanwhile; compare again")
    await tx.sketches.put(similar.entries)


async def _changes(
    house: House, job: AuthorizedJob, entries: Sequence[InputSketch], since: datetime
) -> tuple[int, dict[int, list[Difference]]]:
    """Return how many sketches there are, and per similar segment what differs from each input it is similar to."""
    partner, sizes = job.partner.card.party, [entry.rows for entry in entries]
    rows = (min(sizes) - LEAST_CHANGE + 1, max(sizes) + LEAST_CHANGE - 1)
    changes: dict[int, list[Difference]] = {}
    async with house.store.read() as tx:
        seen = await tx.sketches.count(partner, job.side, since, job.job_id)
        after = ("", "")
        while page := await tx.sketches.earlier(partner, job.side, since, job.job_id, rows, after, PAGE):
            for number, found in await in_thread(_compared, entries, page):
                changes.setdefault(number, []).append(found)
            after = (page[-1].job_id, page[-1].segment)
    return seen, changes


def _compared(entries: Sequence[InputSketch], page: Sequence[InputSketch]) -> list[tuple[int, Difference]]:
    """Return segment number and difference of each similar pair. Blocks."""
    # A repeated input is the common case: many rows of a page are one and the same sketch.
    others = list(dict.fromkeys(earlier.sketch for earlier in page))
    close = near([entry.sketch for entry in entries], others, LEAST_CHANGE - 1)
    found = [
        (number, difference(entries[number].sketch, others[place])) for number, place in np.argwhere(close).tolist()
    ]
    # Two small segments without anybody in common differ in few people, too, and show nobody.
    return [
        (number, one)
        for number, one in found
        if one is not None and 0 < one.rows < LEAST_CHANGE and len(one.added) < entries[number].rows
    ]


def _sketched(
    job: AuthorizedJob, cohort: ConsentedCohort, names: Sequence[str], tags: Tags, at: datetime
) -> tuple[InputSketch, ...]:
    """Sketch every segment. Blocks."""
    pieces = np.split(tags, np.cumsum(cohort.segment_rows)[:-1])
    partner, dataset = job.partner.card.party, job.binding.dataset
    return tuple(
        InputSketch(job.job_id, partner, dataset, job.side, name, len(piece), sketch(piece), at)
        for name, piece in zip(names, pieces, strict=True)
    )


def _segment_macs(house: House, cohort: ConsentedCohort) -> tuple[str, ...]:
    """Return each segment's name under a key; a sender's one list has the empty name."""
    if not cohort.segments:
        return ("",)
    macs = kernel.hmac_sha256(_derived(house, _SEGMENTS), pa.array(cohort.segments, pa.string()), 1)
    return tuple(mac.tobytes().hex() for mac in macs)


def _tags(key: bytes, subject_refs: Bytes, threads: int) -> Tags:
    """Return the first 8 bytes of each person's MAC as a number. Blocks."""
    macs = kernel.hmac_sha256(key, np.ascontiguousarray(subject_refs), threads)
    return np.ascontiguousarray(macs[:, :8]).view(">u8").reshape(-1).astype(np.uint64)


def _derived(house: House, label: bytes) -> bytes:
    """Return a key for one use: whoever sees a sketch must not find subject refs by it."""
    return kernel.hmac_sha256(house.custody.subject_key(), pa.array([label], pa.binary()), 1).tobytes()


def _too_similar(job: AuthorizedJob, number: int | None, terms: AggregateTerms) -> Refusal:
    """Say which input and the way out; both sides read it, so neither who nor how many."""
    if job.side is Side.SENDER:
        which = "the sender's list, of which no part can be held back, differs from that of an earlier run"
    elif number is None:
        which = "every segment differs from one of an earlier run"
    else:
        which = f"the receiver's segment {number + 1} differs from one of an earlier run"
    return Refusal(
        "INPUT_TOO_SIMILAR",
        f"{which} in fewer than {LEAST_CHANGE} people, whom exact figures would show; repeat the earlier input "
        f"unchanged, change at least {LEAST_CHANGE} people, agree on noise, or wait {terms.period_days} days",
    )
