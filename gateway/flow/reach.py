"""Withdrawal reaches released runs: the rows go here, and the partner is told by row token.

    people named by new consent events -> members of each released run -> may_use
    -> removals decided -> rows off the disk -> notices to the partner -> acknowledgements -> deletion tasks closed
                                             -> rows off the sinks (flow/sinks/removal)

Who is woken without an event of their own goes the same way: when a retention or a consent's term is over, and when
something about them was corrected, for values that a partner was sent before are wrong from then on (PIPL 8, 46), or a
link of theirs ended by which a run had found them: what it released was perhaps another's (PIPL 8).

Every step is durable before the next begins and does nothing twice. A run notes the number of the last append of
consent events that was looked at for it; numbers follow commits, so that no act is lost between judgement and crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consent.evaluate import History, Use, standing
from consent.registry import Registry
from consent.request import RightsRequest
from gateway.agreement.notice import MAX_TOKENS
from gateway.errors import AssentError, StateError
from gateway.flow.authorize import gates_of
from gateway.flow.evidence import close_deletions
from gateway.flow.gate import HISTORIES, judge_all
from gateway.flow.linking import UNLINKED, Seen, unlinked_since
from gateway.flow.lost import among
from gateway.flow.notices import exchange_notices, make_notice
from gateway.flow.pipeline import in_turn
from gateway.flow.ports import House, Mark, StoredRows, Transaction
from gateway.flow.registry import load_registry
from gateway.flow.removal import removal_of
from gateway.flow.sinks.removal import note_removals
from gateway.flow.threads import in_thread
from gateway.psi.arrow import whole
from gateway.route.agreement import Direction
from gateway.route.audit import AuditEvent
from gateway.route.job import Job, Side
from gateway.route.notice import NoticeKind, ReleasedRun, Removal, Timing
from gateway.route.subject_ref import as_texts, from_texts
from gateway.tlog.leaf import LeafType

Bytes = npt.NDArray[np.uint8]
CORRECTED = "CORRECTED"
"""Why a row goes that consent still covers: a partner was sent values that were corrected since."""
MOST_NAMED = 200_000
"""People who are looked for by name; with more, all members of a run are judged."""
TAKEN_TOGETHER = 20_000
"""Rows that one rewriting of a result takes out."""


async def reach(house: House) -> None:
    """Carry everything on that withdrawals ask of the released runs of this spool; to be called again and again.

    Raises:
        AssentError: the first trouble met, after everything else was carried on. A partner that does not answer is
            none: its notices wait, and become late.
    """
    troubles: list[AssentError] = []
    for step in (_find_lost, _take_out, exchange_notices, close_deletions):
        try:
            await step(house, troubles)
        except AssentError as error:
            troubles.append(error)
    if troubles:
        raise troubles[0]


async def reach_runs(house: House) -> Mapping[str, int]:
    """Call `reach` as a task that comes round; what it did is in the log of each row and notice."""
    await reach(house)
    return {}


async def members_of(house: House, job_id: str, side: Side) -> StoredRows | None:
    """Return the sealed rows {subject_ref, row_token, ...} of a released run's members, or None when there are none.

    Of statistics the sender's rows have no token, and the receiver keeps no rows of people at all.
    """
    stored = await (house.results.open_tokens(job_id) if side is Side.SENDER else house.results.open(job_id))
    return stored if stored is not None and "subject_ref" in stored.schema.names else None


# ---- who lost consent ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run asked consent for.

    Attributes:
        direction: who received.
        gates: uses that must all allow a member.
        column_gates: uses of columns, each of which may have been left empty.
        names: row tokens that a member's map holds one after the other: a sender's row per match key.
    """

    direction: Direction
    gates: tuple[Use, ...]
    column_gates: tuple[Use, ...]
    names: int = 1


async def terms_of_run(tx: Transaction, house: House, job: Job) -> Terms:
    """Return what a run asked consent for, whatever became of its agreement."""
    agreement = (await tx.agreements.get(job.request.agreement_id)).agreement
    direction, gates, column_gates = gates_of(agreement, job, house.custody.party)
    # Rows of statistics have no token that lasts.
    names = len(agreement.match_keys) if job.side is Side.SENDER and not job.request.operation.grouped else 1
    return Terms(direction, gates, tuple(use for _, use in column_gates), names)


async def _find_lost(house: House, troubles: list[AssentError]) -> None:
    async with house.store.read() as tx:
        mark = await tx.consents.mark()
    after = ""
    while True:
        async with house.store.read() as tx:
            runs = await tx.runs.behind(mark.changes, house.clock.now(), house.spool.spool_id, after)
        for run in runs:
            try:
                await _look_through(house, run)
            except AssentError as error:
                troubles.append(error)
        if not runs:
            return
        after = runs[-1].job_id


async def _look_through(house: House, run: ReleasedRun) -> None:
    """Judge those members of a run whom new events name; decide the removals, then note how far that went."""
    async with house.store.read() as tx:
        mark = await tx.consents.mark()
        named = await tx.consents.changed(Mark(run.changes, 0), MOST_NAMED)
        stored = await members_of(house, run.job_id, run.side)
        if stored is not None and (named is None or len(named)):
            job = await tx.jobs.get(run.job_id)
            sent = run.side is Side.SENDER and job.request.columns and not job.request.operation.grouped
            corrected = await tx.requests.corrected(run.judged_at) if sent else {}
            unlinked = await unlinked_since(tx, Seen(run.map_version, run.systems))
            terms = await terms_of_run(tx, house, job)
            judging = _Judging(house, tx, run, await load_registry(tx, house), terms, corrected, unlinked)
            async with aclosing(in_turn(_among(stored, named, house.limits.threads))) as pieces:
                async for refs, tokens in pieces:
                    removals = await judging.removals(refs, tokens)
                    if removals:
                        # Its own transaction: what is decided stays so whatever happens to the rest.
                        async with house.store.begin() as writing:
                            await writing.removals.add(removals)
    async with house.store.begin() as tx:
        await tx.runs.advance(run.job_id, mark.changes)


def _among(stored: StoredRows, named: Bytes | None, threads: int) -> Iterator[tuple[Bytes, pa.Array | None]]:
    """Yield members, all or those named, with their tokens, if rows have any. Blocks."""
    for batch in stored.batches():
        refs = from_texts(batch.column("subject_ref"))
        tokens = batch.column("row_token") if "row_token" in batch.schema.names else None
        if named is not None:
            found = np.flatnonzero(among(named, refs, threads))
            refs = np.ascontiguousarray(refs[found])
            tokens = None if tokens is None else tokens.take(pa.array(found))
        if len(refs):
            yield refs, tokens


@dataclass(frozen=True, slots=True)
class _Judging:
    """Members of one run before the rule, in one snapshot.

    Attributes:
        corrected: of whom what was sent was corrected since.
        unlinked: (m, 26) ascending, people who had a link by which the run may have found them, and lost it since.
    """

    house: House
    tx: Transaction
    run: ReleasedRun
    registry: Registry
    terms: Terms
    corrected: Mapping[str, RightsRequest]
    unlinked: Bytes

    async def removals(self, refs: Bytes, tokens: pa.Array | None) -> list[Removal]:
        """Return whose rows must go, of (n, 26) people ascending."""
        now = self.house.clock.now()
        doubtful = np.zeros(len(refs), dtype=bool)
        for uses in (self.terms.gates, *((use,) for use in self.terms.column_gates)):
            if any(standing(use, now, self.registry) is not None for use in uses):
                # Whatever stands against the use for everybody says nothing of a person: each is asked.
                doubtful[:] = True
                break
            verdict = await judge_all(self.tx, self.registry, uses, refs, now)
            doubtful |= ~verdict.allowed | verdict.by_rule
        places = np.flatnonzero(doubtful)
        found: list[Removal] = []
        for start in range(0, len(places), HISTORIES):
            part = places[start : start + HISTORIES]
            asked: list[str] = as_texts(refs[part]).to_pylist()
            named = [b""] * len(part) if tokens is None else tokens.take(pa.array(part)).to_pylist()
            histories = await self.tx.consents.histories(asked)

            found += await in_thread(self._decided, asked, named, histories, now)
        by_person = {removal.subject_ref: removal for removal in self._not_theirs(refs, tokens, now)}
        by_person |= {removal.subject_ref: removal for removal in self._outdated(refs, tokens, now)}
        return [*(by_person | {removal.subject_ref: removal for removal in found}).values()]

    def _outdated(self, refs: Bytes, tokens: pa.Array | None, now: datetime) -> Iterator[Removal]:
        """Yield the rows whose values were corrected after they were sent."""
        people = from_texts(pa.array(sorted(self.corrected), pa.string()))
        for ref, token in self._rows_of(people, refs, tokens):
            asked = self.corrected[ref]
            removal = self._after(ref, token, CORRECTED, now)
            yield replace(removal, happened_at=asked.received_at, recorded_at=asked.received_at, channel=asked.channel)

    def _not_theirs(self, refs: Bytes, tokens: pa.Array | None, now: datetime) -> Iterator[Removal]:
        """Yield the rows that were the person's by a link that is gone, whom runs under way leave out (flow/lost)."""
        for ref, token in self._rows_of(self.unlinked, refs, tokens):
            yield self._after(ref, token, UNLINKED, now)

    def _rows_of(self, people: Bytes, refs: Bytes, tokens: pa.Array | None) -> Iterator[tuple[str, bytes]]:
        places = np.flatnonzero(among(people, refs, self.house.limits.threads))
        found: list[str] = as_texts(refs[places]).to_pylist()
        named = [b""] * len(found) if tokens is None else tokens.take(pa.array(places)).to_pylist()
        return zip(found, named, strict=True)

    def _after(self, ref: str, token: bytes, reason: str, now: datetime) -> Removal:
        return Removal(self.run.job_id, ref, token, reason, Timing.AFTER, None, None, "", now)

    def _decided(
        self, refs: Sequence[str], tokens: Sequence[bytes], histories: Mapping[str, History], now: datetime
    ) -> list[Removal]:
        """Ask the rule about members one by one. Blocks."""
        uses = self.terms.gates, self.terms.column_gates
        judged = (
            removal_of(self.run, ref, token, histories[ref], *uses, self.registry, now)
            for ref, token in zip(refs, tokens, strict=True)
        )
        return [removal for removal in judged if removal is not None]


# ---- rows off the disk -----------------------------------------------------------------------------------------------


async def _take_out(house: House, troubles: list[AssentError]) -> None:
    async with house.store.read() as tx:
        jobs = await tx.removals.unfinished(house.spool.spool_id)
    for job_id in jobs:
        try:
            while await _take_some(house, job_id):
                continue
        except AssentError as error:
            troubles.append(error)


async def _take_some(house: House, job_id: str) -> bool:
    """Rewrite a run's rows without some whose removal was decided, and prepare the notices; False when none is left.

    The rows go first. After a crash they are looked for again, found gone, and the partner is told all the same.
    """
    async with house.store.read() as tx:
        pending = await tx.removals.pending(job_id, TAKEN_TOGETHER)
        if not pending:
            return False
        job, run = await tx.jobs.get(job_id), await tx.runs.get(job_id)
        if run is None:
            raise StateError("LOG_INCONSISTENT", f"job {job_id} has removals and no run; restore a backup of the store")
        terms = await terms_of_run(tx, house, job)
    await house.results.delete_subjects(job_id, [removal.subject_ref for removal in pending])
    told = await _told(house, run, terms, pending)
    now = house.clock.now()
    async with house.store.begin() as tx:
        fresh = await tx.removals.finish(job_id, [removal.subject_ref for removal in pending], now)
        await note_removals(tx, job_id, sorted(fresh))
        pending = [removal for removal in pending if removal.subject_ref in fresh]
        naming = [removal for removal in pending if removal.token in told]
        by_subject: dict[str, str] = {}
        named = {removal.subject_ref: tokens_in(removal.token, terms.names) for removal in naming}
        tokens = sorted({token for found in named.values() for token in found})
        for start in range(0, len(tokens), MAX_TOKENS):
            part = tokens[start : start + MAX_TOKENS]
            since = min(removal.decided_at for removal in naming)
            notice = await make_notice(tx, house, run, NoticeKind.TOMBSTONE, part, since, now)
            of_notice = [ref for ref, found in named.items() if any(part[0] <= token <= part[-1] for token in found)]
            await tx.removals.tell(job_id, of_notice, notice.notice_id)
            by_subject |= dict.fromkeys(of_notice, notice.notice_id)
        await tx.audit.append(
            [_removed(run, removal, by_subject.get(removal.subject_ref, ""), now) for removal in pending]
        )
    house.bells.ring("audit")
    return True


async def _told(house: House, run: ReleasedRun, terms: Terms, pending: Sequence[Removal]) -> set[bytes]:
    """Return the tokens under which the partner may hold something.

    A sender's row lies at the receiver. A receiver's lies at the sender only where the agreement lets it learn the
    matches: otherwise a notice would tell it who matched. While another of a household keeps the row, it stays.
    """
    tokens = {removal.token for removal in pending if removal.token}
    if not tokens or (run.side is Side.RECEIVER and not terms.direction.to_sender):
        return set()
    if run.side is Side.SENDER:
        return tokens
    stored = await house.results.open(run.job_id)
    return tokens if stored is None else tokens - await in_thread(_kept, stored, sorted(tokens))


def tokens_in(names: bytes, count: int) -> list[bytes]:
    """Return the row tokens of one member; a match key that the member has no row of has zeros.

    Args:
        names: as the map of what was sent holds them.
        count: how many there may be, of equal length.
    """
    width = len(names) // count
    found = [names[start : start + width] for start in range(0, len(names), width)]
    return [token for token in found if any(token)] if count > 1 else found


def _kept(stored: StoredRows, tokens: Sequence[bytes]) -> set[bytes]:
    """Return which tokens still name a row. Blocks."""
    wanted = pa.array(tokens, stored.schema.field("row_token").type)
    kept: set[bytes] = set()
    for batch in stored.batches():
        column = whole(pa.chunked_array([batch.column("row_token")]))
        kept.update(column.filter(pc.is_in(column, wanted)).to_pylist())
    return kept


def _removed(run: ReleasedRun, removal: Removal, notice_id: str, now: datetime) -> AuditEvent:
    """Make the audit entry of a row that is gone, under the salt of its person."""
    return AuditEvent(
        type=LeafType.ROW_REMOVED,
        time=now,
        subject_ref=removal.subject_ref,
        payload={
            "job": run.job_id,
            "session": run.session_id,
            "partner": run.partner,
            "side": run.side.value,
            "reason": removal.reason_code,
            "timing": removal.timing.value,
            "notice": notice_id,
        },
    )
