"""Who may be used so, of everybody: cohorts of any size, and what stands in the way of the others.

Law: who is streamed is whom `may_use` allows, person by person. The projection tells most people apart; whoever it
has no plain word on is judged by the rule.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consent.asking import asking_helps, may_have_refused
from consent.evaluate import Decision, History, Kind, Question, Use, may_use, plain_floor
from consent.mechanism import Exported
from consent.reach import Reach, reach, serves_unnamed
from consent.registry import Registry
from gateway import kernel
from gateway.errors import RequestError
from gateway.flow.access import require
from gateway.flow.export import exported, standing_with
from gateway.flow.ports import House, Transaction
from gateway.flow.ports.people import Told
from gateway.flow.registry import load_registry
from gateway.flow.threads import in_thread
from gateway.route.caller import Caller, Role
from gateway.route.subject_ref import Bytes, as_texts, from_texts

ELIGIBLE = pa.schema({"subject_ref": pa.string(), "consent_id": pa.string()})

_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_EVERYBODY = (("2" * 26, "z" * 26),)
_RANGES = tuple((letter + "2" * 25, letter + "z" * 25) for letter in _LETTERS)
"""References are keyed hashes in base32: a 32nd of everybody in each range, so that memory is bounded by that."""
_FEW = 200_000
"""People whom one range may hold: 13 MB with their consent ids."""
_HISTORIES = 2000
"""People whose histories are held at once."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far consent reaches.

    Attributes:
        use: which.
        at: when.
        subjects: people of whom anything is on file.
        eligible: of them, whom the use is allowed about.
        denied: the others per reason code, what stands against everybody before anything personal; for our own
            people only.
        gain: of those, whom a new consent would let in and who may be asked now.
        barred: whom it would let in, but who may not be asked again yet.
    """

    use: Use
    at: datetime
    subjects: int
    eligible: int
    denied: Mapping[str, int]
    gain: int
    barred: int


async def eligible(house: House, caller: Caller, use: Use, at: datetime | None = None) -> AsyncIterator[pa.RecordBatch]:
    """Stream everybody whom a use is allowed about, as known at its time.

    Args:
        house: ports.
        caller: a compliance officer.
        use: handler, recipient, purpose, category, method.
        at: the moment asked about; None is now.

    Yields:
        Batches of `ELIGIBLE`, subject_refs ascending over all of them; consent_id is null on another basis.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    moment = house.clock.now() if at is None else at
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
        async with aclosing(allowed(tx, registry, use, moment)) as tables:
            async for table in tables:
                for batch in table.to_batches():
                    yield batch


async def allowed(tx: Transaction, registry: Registry, use: Use, at: datetime) -> AsyncGenerator[pa.Table, None]:
    """Yield everybody whom a use is allowed about, range by range, as tables of `ELIGIBLE`.

    Args:
        tx: open transaction (one snapshot).
        registry: as of the same snapshot.
        use: handler, recipient, purpose, category, method.
        at: time of the judgement (UTC), also as_known_at.
    """
    asking = await _Asking.about(tx, registry, use, at)
    if asking.against is not None:
        return
    # The next range is read while one is on its way to the caller.
    ranges = await _ranges(tx)
    reading = asyncio.create_task(asking.eligible(*ranges[0]))
    try:
        for following in ranges[1:]:
            table = await reading
            reading = asyncio.create_task(asking.eligible(*following))
            yield table
        yield await reading
    finally:
        # One that is left early must not read on behind the end of its transaction.
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def coverage(
    house: House,
    caller: Caller,
    scope: tuple[str, str, str | None],
    category: str | None,
    method: str | None,
    at: datetime | None = None,
) -> AsyncIterator[Coverage]:
    """Count whom uses are allowed about, why not the others, and how many a new consent would let in.

    Args:
        house: ports.
        caller: a compliance officer.
        scope: handler, purpose, recipient (None is own use).
        category: which; None is every one that anybody spoke of in this scope, whoever receives where no name is asked.
        method: likewise.
        at: the moment asked about; None is now.

    Raises:
        RequestError: BAD_FIELD when category or method are open and nobody spoke of any.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    moment = house.clock.now() if at is None else at
    handler, purpose, recipient = scope
    async with house.store.read() as tx:
        unnamed = serves_unnamed(recipient, moment, await load_registry(tx, house))
        pairs = await tx.consents.pairs_of(handler, purpose, None if unnamed else recipient)
    if category is not None and method is not None:
        pairs = [(category, method)]
    uses = [
        Use(handler, recipient, purpose, *pair)
        for pair in pairs
        if category in (None, pair[0]) and method in (None, pair[1])
    ]
    if not uses:
        raise RequestError(
            "BAD_FIELD", "fields category and method: no consent names any with this purpose and recipient; name both"
        )
    for use in uses:
        async with house.store.read() as tx:
            registry = await load_registry(tx, house)
            found = await covered(tx, registry, use, moment)
        yield found


async def covered(tx: Transaction, registry: Registry, use: Use, at: datetime) -> Coverage:
    """Count everybody by the answer about a use; arguments as of `allowed`."""
    return await (await _Asking.about(tx, registry, use, at)).coverage()


async def _ranges(tx: Transaction) -> Sequence[tuple[str, str]]:
    return _RANGES if await tx.consents.more_than(_FEW) else _EVERYBODY


@dataclass(frozen=True, slots=True)
class _Asking:
    """One use, asked about everybody in one snapshot."""

    tx: Transaction
    registry: Registry
    use: Use
    at: datetime
    abroad: Exported

    @classmethod
    async def about(cls, tx: Transaction, registry: Registry, use: Use, at: datetime) -> _Asking:
        """Count what the answer depends on besides."""
        return cls(tx, registry, use, at, await exported(tx, registry, use.recipient, at))

    @property
    def against(self) -> Decision | None:
        """The denial that meets everybody, or None."""
        return standing_with(self.use, self.at, self.registry, self.abroad)

    async def eligible(self, first: str, last: str) -> pa.Table:
        """Return whom of a range the use is allowed about, ascending."""
        told = await self._told(first, last)
        names: list[str | None] = []
        allowed: list[Bytes] = []
        for start in range(0, len(told.doubtful), _HISTORIES):
            asked = told.doubtful[start : start + _HISTORIES]
            decisions = [use for use, _ in await self._decided(asked, prompts=False)]
            allowed.append(asked[[decision.allowed for decision in decisions]])
            names += [decision.consent_id for decision in decisions if decision.allowed]
        if not names:
            return told.plain
        ruled = pa.table([as_texts(np.concatenate(allowed)), pa.array(names, pa.string())], schema=ELIGIBLE)
        both = pa.concat_tables([told.plain, ruled]).combine_chunks()
        return both.take(pc.sort_indices(both.column("subject_ref")))

    async def coverage(self) -> Coverage:
        """Count everybody."""
        against = self.against
        if against is not None:
            subjects = await self.tx.consents.subject_count()
            denied = {against.reason_code: subjects} if subjects else {}
            return Coverage(self.use, self.at, subjects, 0, denied, 0, 0)
        subjects = let_in = gain = barred = 0
        counted: Counter[str] = Counter()
        for first, last in await _ranges(self.tx):
            told = await self._told(first, last)
            on_file = await self.tx.consents.on_file(first, last)
            plain = from_texts(told.plain.column("subject_ref").combine_chunks())
            others = on_file[await in_thread(kernel.find_rows, plain, on_file) < 0]
            subjects += len(on_file)
            let_in += len(plain)
            for start in range(0, len(others), _HISTORIES):
                for decision, may_ask in await self._decided(others[start : start + _HISTORIES], prompts=True):
                    if decision.allowed:
                        let_in += 1
                        continue
                    counted[decision.reason_code] += 1
                    if asking_helps(decision):
                        gain += may_ask
                        barred += not may_ask
        return Coverage(self.use, self.at, subjects, let_in, dict(sorted(counted.items())), gain, barred)

    async def _told(self, first: str, last: str) -> Told:
        """Part the people of a range, such that nobody whom the rule may allow is left out."""
        bears = reach(self.use, self.at, self.registry)
        if bears is Reach.ANYTHING:
            return Told(ELIGIBLE.empty_table(), await self.tx.consents.on_file(first, last))
        floor = plain_floor(self.use, self.at, self.registry)
        wide = bears is Reach.ANY_RECIPIENT
        return await self.tx.consents.told_apart(self.use, floor, self.at, first, last, whoever_receives=wide)

    async def _decided(self, people: Bytes, *, prompts: bool) -> list[tuple[Decision, bool]]:
        """Ask the rule about people one by one: may they be used, and may they be asked again?"""
        refs: list[str] = as_texts(people).to_pylist()
        histories = await self.tx.consents.histories(refs)
        return await in_thread(self._ask, refs, histories, prompts)

    def _ask(self, refs: Sequence[str], histories: Mapping[str, History], prompts: bool) -> list[tuple[Decision, bool]]:
        answers = []
        for ref in refs:
            question = Question(
                subject=ref,
                use=self.use,
                at=self.at,
                as_known_at=self.at,
                exported_this_year=self.abroad.people,
                sensitive_exported_this_year=self.abroad.sensitive,
            )
            history, may_ask = histories[ref], True
            decision = may_use(question, history, self.registry)
            if prompts and asking_helps(decision) and may_have_refused(history):
                may_ask = may_use(replace(question, kind=Kind.PROMPT), history, self.registry).allowed
            answers.append((decision, may_ask))
        return answers
