"""Consent: events into the book in batches, and questions to it.

A batch is one transaction: subjects locked, replays recognised, events, projection
and audit entries stored together. An event that is known by its id and content is a
replay and changes nothing, so that a broken import is repeated as a whole.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar, cast

from consent.decision import on_record
from consent.evaluate import Decision, History, Kind, ProjectionRow, Question, Use, may_use
from consent.event import ConsentEvent
from consent.fields import said
from consent.projection import project
from consent.record import ConsentRecord, records
from consent.registry import Registry
from gateway.errors import RequestError
from gateway.flow.access import require
from gateway.flow.dated_ahead import dated_ahead
from gateway.flow.export import exported
from gateway.flow.import_report import ImportReport, Settled, Tally
from gateway.flow.intake import (
    SUBJECT_TYPE,
    Row,
    RowError,
    Rows,
    SubjectNames,
    TakenRow,
    last_row,
    row_count,
    subject_fault,
    take_in,
)
from gateway.flow.ports import House, Store, Transaction
from gateway.flow.registry import load_registry
from gateway.flow.shared_commit import SharedCommit
from gateway.flow.unmet import given_in, naming, unmet
from gateway.flow.wording import Wordings
from gateway.route.caller import Caller, Role
from gateway.route.consent import EventGroup, FirstEvents
from gateway.route.decision import AnsweredQuestion

FEW_ROWS = 16  # that are read in a millisecond
SMALL_BATCH = 100  # rows of a batch that shares its transaction with others
ROWS_TOGETHER = 1000  # of such a transaction
MAX_ROWS_AT_ONCE = 1_000_000  # of an import that is all or nothing, which is held in memory

_Key = TypeVar("_Key")

Piece = Sequence[Row] | Sequence[EventGroup]
"""A stretch of an import. Rows of its groups may lie among each other, but not among those of the next piece."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a question says besides person, use and times; the fields are those of `consent.question.Question`.

    Attributes:
        exported_this_year: None takes the house's own counter, as known.
        sensitive_exported_this_year: as `exported_this_year`.
    """

    kind: Kind = Kind.USE
    group_size: int | None = None
    linkable: bool = False
    exported_this_year: int | None = None
    sensitive_exported_this_year: int | None = None
    necessary_for_service: bool = False


async def import_events(
    house: House,
    caller: Caller,
    subject_type: str,
    rows: AsyncIterator[Piece],
    all_or_nothing: bool,
    trial: bool = False,
) -> ImportReport:
    """Store consent events; arguments and errors as of `follow_import`, all of it in one report."""
    tally = Tally(house.limits.rejected_rows_named)
    follow = follow_import(house, caller, subject_type, rows, all_or_nothing, trial)
    async with aclosing(cast(AsyncGenerator[Settled, None], follow)) as steps:
        async for step in steps:
            tally.add(step)
    return tally.report()


def check_import(house: House, caller: Caller, subject_type: str) -> None:
    """Check what can be told before a row is wanted; arguments and errors as of `follow_import`."""
    require(caller, Role.CDP_JOB, Role.COMPLIANCE_OFFICER)
    _names(house, subject_type)


async def follow_import(
    house: House,
    caller: Caller,
    subject_type: str,
    rows: AsyncIterator[Piece],
    all_or_nothing: bool,
    trial: bool = False,
) -> AsyncIterator[Settled]:
    """Store consent events, and tell of every batch once it is committed.

    Args:
        house: ports.
        caller: a CDP job or a compliance officer.
        subject_type: type label of the raw subject values, as in the binding.
        rows: (row number, fields), or groups of such, in pieces of any size; subjects are raw.
        all_or_nothing: look at every row first, and store none when one is bad.
            Otherwise good rows are stored and bad ones reported.
        trial: look at every row and store none. Of two events under one id, the second is
            found out when the first is stored or among the MAX_ROWS_AT_ONCE events before it.

    Raises:
        RequestError: BAD_FIELD for a bad subject type, or too many rows at once.
        StateError: REVISION_CONFLICT when another import stored one of the ids
            meanwhile; repeat the import.
    """
    check_import(house, caller, subject_type)
    names = _names(house, subject_type)
    batches = _in_batches(rows, house.limits.import_batch)
    if trial or all_or_nothing:
        kept: list[Rows] = []
        looked, bad = Settled(0, 0, 0, ()), False
        async for step in _looked_at(house, names, batches, None if trial else kept):
            bad = bad or bool(step.rejected)
            looked = Settled(step.row, looked.accepted + step.accepted, looked.replayed + step.replayed, ())
            # Whether a good row would be stored is not known before the last one was looked at.
            warned = step.warned if trial else ()
            yield Settled(step.row, 0, 0, step.rejected, warned) if all_or_nothing else step
        if trial:
            if all_or_nothing and not bad:
                yield looked
            return
        if bad:
            return
        batches = _again(kept)
    storing: asyncio.Task[Settled] | None = None
    try:
        async for batch in batches:
            # Read while the database takes the batch before.
            read = await _read_as_last(house, names, batch)
            if storing is not None:
                yield await storing
            storing = asyncio.create_task(_store(_Batch(house, names, batch, read)))
        if storing is not None:
            yield await storing
    finally:
        if storing is not None:
            await _ended(storing)


async def decide(
    house: House,
    caller: Caller,
    subject_type: str,
    subject: str,
    use: Use,
    at: datetime | None = None,
    as_known_at: datetime | None = None,
    given: Circumstances | None = None,
) -> Decision:
    """Answer a question about a person; question and answer are logged (`decision_log`).

    Args:
        house: ports.
        caller: a compliance officer.
        subject_type: type label of the raw value.
        subject: the raw value.
        use: handler, recipient, purpose, category, method, basis.
        at: the moment asked about; None is now.
        as_known_at: what was recorded by then counts; None is `at`. Of a time to come, now: what will be recorded until
            then nobody knows, and the answer must come again.
        given: what else is asked; None asks about the use alone.

    Raises:
        RequestError: BAD_FIELD.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    now = house.clock.now()
    moment = now if at is None else at
    known_by = min(now, moment if as_known_at is None else as_known_at)
    given = given or Circumstances()
    ref = person_ref(house, subject_type, subject)
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
        abroad = await exported(tx, registry, use.recipient, moment, known_by)
        history = (await tx.consents.histories([ref]))[ref]
    people, sensitive = given.exported_this_year, given.sensitive_exported_this_year
    question = Question(
        subject=ref,
        use=use,
        at=moment,
        as_known_at=known_by,
        kind=given.kind,
        group_size=given.group_size,
        linkable=given.linkable,
        exported_this_year=abroad.people if people is None else people,
        sensitive_exported_this_year=abroad.sensitive if sensitive is None else sensitive,
        necessary_for_service=given.necessary_for_service,
    )
    found = may_use(question, history, registry)
    if found.allowed and at is None and as_known_at is None:
        # Another server's clock may be ahead of ours: what it recorded against the use counts at once all the same.
        newest = max((event.recorded_at for one in (history, *history.linked) for event in one.events), default=now)
        if newest > now:
            question = replace(question, at=newest, as_known_at=newest)
            found = may_use(question, history, registry)
    decision = on_record(found, question, history, registry)
    await house.decisions.add(house, AnsweredQuestion(house.clock.now(), caller.subject, question, decision))
    return decision


async def consents_of(house: House, caller: Caller, subject_type: str, subject: str) -> list[ConsentRecord]:
    """Return the consent records of a person, as known now; none for an unknown one.

    Raises:
        RequestError: BAD_FIELD.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    ref = person_ref(house, subject_type, subject)
    async with house.store.read() as tx:
        history = (await tx.consents.histories([ref]))[ref]
    return list(records(history, house.clock.now()))


def _names(house: House, subject_type: str) -> SubjectNames:
    if SUBJECT_TYPE.fullmatch(subject_type) is None:
        raise RequestError("BAD_FIELD", "field subject_type must be 1 to 32 of a-z, 0-9 and _, e.g. customer")
    return SubjectNames(house.custody.subject_key(), subject_type, house.limits.threads)


def person_ref(house: House, subject_type: str, subject: str) -> str:
    """Return the reference of a raw value in this house.

    Raises:
        RequestError: BAD_FIELD.
    """
    names = _names(house, subject_type)
    if (fault := subject_fault(subject)) is not None:
        raise RequestError("BAD_FIELD", f"field subject {fault}")
    return names.refs([subject])[0]


async def _in_batches(pieces: AsyncIterator[Piece], size: int) -> AsyncIterator[Rows]:
    """Cut pieces of any size into batches of one size; groups are not cut, and make a batch as large as they are."""
    batch: list[Row | EventGroup] = []
    groups = False
    async for piece in pieces:
        batch.extend(piece)
        groups = groups or any(type(row) is EventGroup for row in piece)
        if groups:
            if row_count(batch) >= size:
                yield batch
                batch, groups = [], False
            continue
        while len(batch) >= size:
            yield batch[:size]
            batch = batch[size:]
    if batch:
        yield batch


async def _again(kept: list[Rows]) -> AsyncIterator[Rows]:
    for batch in kept:
        yield batch


@dataclass(frozen=True, slots=True)
class _Read:
    """A batch as it was read.

    Attributes:
        wordings: by which.
        taken: rows that are events.
        errors: of the other rows.
    """

    wordings: Wordings
    taken: list[TakenRow]
    errors: list[RowError]


async def _read(house: House, names: SubjectNames, batch: Rows) -> _Read:
    """Read a batch under the present registry."""
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
    return await _taken_in(house, names, batch, registry)


async def _read_as_last(house: House, names: SubjectNames, batch: Rows) -> _Read:
    """Read a batch under the registry of the last one, for what reads it again where the registry has changed."""
    last = _read_before.get(house.store)
    return await (_read(house, names, batch) if last is None else _taken_in(house, names, batch, last.registry))


async def _taken_in(house: House, names: SubjectNames, batch: Rows, registry: Registry) -> _Read:
    wordings, now = _wordings(house, registry), house.clock.now()
    if row_count(batch) <= FEW_ROWS:  # less work than to wake a thread
        return _Read(wordings, *take_in(batch, names, registry, now, wordings))
    return _Read(wordings, *await asyncio.to_thread(take_in, batch, names, registry, now, wordings))


async def _looked_at(
    house: House, names: SubjectNames, batches: AsyncIterator[Rows], kept: list[Rows] | None
) -> AsyncIterator[Settled]:
    """Find the bad rows of an import without storing anything.

    Args:
        house: ports.
        names: how subjects are named here.
        batches: the import.
        kept: where batches are put to be stored afterwards; None when they never will be.

    Raises:
        RequestError: BAD_FIELD for more rows than are kept.
    """
    seen: dict[str, str] = {}  # what earlier batches would have stored
    given: dict[tuple[str, str | None], None] = {}  # and the consents among it
    count = 0
    async for batch in batches:
        count += row_count(batch)
        if kept is not None:
            if count > MAX_ROWS_AT_ONCE:
                raise RequestError(
                    "BAD_FIELD", f"field all_or_nothing allows {MAX_ROWS_AT_ONCE} rows; import more in several files"
                )
            kept.append(batch)
        read = await _read(house, names, batch)
        event_ids = [row.event_id for row in read.taken]
        async with house.store.read() as tx:
            known = await tx.consents.known_events(event_ids)
        # What is stored weighs more than what would have been: an id names one event for ever.
        before = {event_id: seen[event_id] for event_id in event_ids if event_id in seen}
        fresh, replayed, clashes = _parted(read.taken, before | known)
        given.update(dict.fromkeys(given_in(fresh)))
        means = naming(fresh)
        histories: Mapping[str, History] = {}
        if means:
            async with house.store.read() as tx:
                histories = await tx.consents.histories(sorted({row.subject for row in means}))
        warned = [*unmet(means, given, histories), *dated_ahead(fresh, house.clock.now())]
        yield _settled(batch, read, len(fresh), replayed, clashes, warned)
        seen.update((row.event_id, row.content_hash) for row in fresh)
        _shorten(seen)
        _shorten(given)


def _shorten(earlier: dict[_Key, Any]) -> None:
    """Forget what came first of what a trial remembers."""
    while len(earlier) > MAX_ROWS_AT_ONCE:
        del earlier[next(iter(earlier))]


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch that is to be stored.

    Attributes:
        house: ports.
        names: how subjects are named here.
        rows: as they came.
        read: as they were read.
    """

    house: House
    names: SubjectNames
    rows: Rows
    read: _Read


_shared_commits: weakref.WeakKeyDictionary[Store, SharedCommit[_Batch, Settled]] = weakref.WeakKeyDictionary()


async def _store(batch: _Batch) -> Settled:
    """Store a batch's good rows; small batches that come at the same time share a transaction."""
    if row_count(batch.rows) > SMALL_BATCH:
        return (await _store_together([batch]))[0]
    shared = _shared_commits.get(batch.house.store)
    if shared is None:
        shared = SharedCommit(_store_together, lambda one: row_count(one.rows), ROWS_TOGETHER)
        _shared_commits[batch.house.store] = shared
    return await shared.join(batch)


async def _store_together(batches: Sequence[_Batch]) -> list[Settled]:
    """Store the good rows of batches, as if one came after the other, in one transaction of one store.

    What is told of them is committed.
    """
    house = batches[0].house
    async with house.store.begin() as tx:
        now = house.clock.now()
        registry = await load_registry(tx, house)
        reads = [await _read_under(registry, batch) for batch in batches]
        taken = [row for read in reads for row in read.taken]
        on_file = await tx.consents.lock_subjects([row.subject for row in taken])
        held = await tx.consents.known_events([row.event_id for row in taken])
        parted = [_parted(read.taken, held) for read in reads]
        fresh = [row for rows, _, _ in parted for row in rows]
        histories = await _append(tx, reads[0].wordings, fresh, on_file, now) if fresh else {}
    house.bells.ring("audit")
    told: list[Settled] = []
    given: dict[tuple[str, str | None], None] = {}
    for batch, read, (rows, replayed, clashes) in zip(batches, reads, parted, strict=True):
        means = naming(rows)
        given.update(dict.fromkeys(given_in(rows)))
        warned = [*(unmet(means, given, histories) if means else ()), *dated_ahead(rows, now)]
        told.append(_settled(batch.rows, read, len(rows), replayed, clashes, warned))
    return told


async def _read_under(registry: Registry, batch: _Batch) -> _Read:
    """Return how a batch was read, or read it again if that was under another registry."""
    if registry is batch.read.wordings.registry:
        return batch.read
    return await _taken_in(batch.house, batch.names, batch.rows, registry)


def _settled(
    batch: Rows,
    read: _Read,
    accepted: int,
    replayed: int,
    clashes: Sequence[RowError],
    warned: Sequence[RowError],
) -> Settled:
    rejected = sorted([*read.errors, *clashes], key=lambda error: error.row)
    told = sorted(warned, key=lambda error: error.row)
    return Settled(last_row(batch), accepted, replayed, tuple(rejected), tuple(told))


async def _ended(storing: asyncio.Task[Settled]) -> None:
    """Wait until a transaction is over; one that nobody waits for any more is rolled back."""
    storing.cancel()
    await asyncio.wait({storing})
    if not storing.cancelled():
        storing.exception()  # seen: the caller has it, or an earlier one


_read_before: weakref.WeakKeyDictionary[Store, Wordings] = weakref.WeakKeyDictionary()


def _wordings(house: House, registry: Registry) -> Wordings:
    """Return what was read before under a registry, which is the same object as long as nothing of it changed."""
    found = _read_before.get(house.store)
    if found is None or found.registry is not registry:
        found = _read_before[house.store] = Wordings(registry)
    return found


def _parted(taken: Sequence[TakenRow], held: dict[str, str]) -> tuple[list[TakenRow], int, list[RowError]]:
    """Part new events from replays and from other events under a known id, within the batch too.

    Args:
        taken: the batch.
        held: {event_id: content hash} of what is known; its new events are added.
    """
    fresh, clashes = list[TakenRow](), list[RowError]()
    for row in taken:
        if row.event_id not in held:
            held[row.event_id] = row.content_hash
            fresh.append(row)
        elif held[row.event_id] != row.content_hash:
            clashes.append(RowError(row.row, "event_id", "is the id of another event"))
    return fresh, len(taken) - len(fresh) - len(clashes), clashes


async def _append(
    tx: Transaction, wordings: Wordings, fresh: Sequence[TakenRow], on_file: Collection[str], now: datetime
) -> Mapping[str, History]:
    """Store events, the projection of everybody whom they concern, and an audit entry for each.

    Args:
        tx: for writing.
        wordings: that the rows were read by.
        fresh: new events.
        on_file: which of their subjects have events on file.
        now: when our server takes them in (UTC).

    Returns:
        What was on file before of those of whom anything else is known.
    """
    first, others = _first_and_others(fresh, on_file)
    events = [(fresh[place].event(now), fresh[place].content_hash) for place in others]
    said_by: dict[str, list[ConsentEvent]] = {}
    for event, _ in events:
        said_by.setdefault(event.subject, []).append(event)
    histories = await tx.consents.histories(list(said_by)) if said_by else {}
    projection = await asyncio.to_thread(_projected, histories, said_by, wordings.registry)
    recorded_at = said(now)
    records = [row.record(recorded_at) for row in fresh]
    columns = await asyncio.to_thread(_columns, [(fresh[place], records[place]) for place in first], wordings, now)
    await tx.consents.append(events, projection, columns)
    await tx.audit.append_acts(now, [row.subject for row in fresh], [row.event_id for row in fresh], records)
    return histories


def _first_and_others(fresh: Sequence[TakenRow], on_file: Collection[str]) -> tuple[list[int], list[int]]:
    """Part events of people of whom nothing else is known, here or on file, from those that stand in a history.

    Returns:
        Their places; of the first, in order of their subjects.
    """
    acts = Counter([row.subject for row in fresh])
    joined = {ref for row in fresh for ref in row.wording.act.subjects}
    first, others = list[int](), list[int]()
    for place, row in enumerate(fresh):
        alone = acts[row.subject] == 1 and row.subject not in on_file and row.subject not in joined
        (first if alone and not row.wording.act.subjects else others).append(place)
    first.sort(key=lambda place: fresh[place].subject)
    return first, others


def _projected(
    histories: Mapping[str, History], said_by: Mapping[str, Sequence[ConsentEvent]], registry: Registry
) -> dict[str, tuple[ProjectionRow, ...]]:
    """Project the touched people; whoever a merge names keeps no row, and is judged one by one.

    Those whom events joined to them before are touched too: what one of them says bears on all.
    """
    merged = {ref for events in said_by.values() for event in events for ref in event.subjects}
    joined = {other.subject: () for history in histories.values() for other in history.linked}
    return joined | {
        ref: ()
        if ref in merged
        else project(History(ref, (*histories[ref].events, *events), histories[ref].linked), registry)
        for ref, events in said_by.items()
    }


def _columns(first: Sequence[tuple[TakenRow, str]], wordings: Wordings, now: datetime) -> FirstEvents:
    """Write out events, with their records, of people of whom nothing else is known."""
    return FirstEvents(
        event_ids=[row.event_id for row, _ in first],
        subjects=[row.subject for row, _ in first],
        content_hashes=[row.content_hash for row, _ in first],
        records=[record for _, record in first],
        projections=[wordings.projection(row.wording, row.at, now, row.valid_until) for row, _ in first],
        consent_ids=[row.consent_id or "" for row, _ in first],
        effective_from=[max(now, row.at) for row, _ in first],
        valid_until=[row.valid_until for row, _ in first],
    )
