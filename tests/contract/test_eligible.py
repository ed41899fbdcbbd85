"""Everybody who is eligible, on both databases: the law that streamed is who `may_use` allows, person by person."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from consent.asking import asking_helps
from consent.ending import NEVER_BEGAN
from consent.evaluate import Decision, History, Kind, Question, Use, may_use
from consent.event import ConsentEvent, EventType
from consent.mechanism import Exported
from consent.projection import TRUST_ALL
from consent.registry import Registry
from gateway.flow import eligible as flow
from gateway.flow.eligible import ELIGIBLE, Coverage, allowed, covered
from gateway.flow.export import exported, standing_with
from gateway.store import SqlStore, open_store, people
from gateway.store.schema import (
    consent_events,
    consent_links,
    consent_projection,
    consent_use_groups,
    consent_uses,
    subjects,
)
from tests.contract.given import DAY, NOW, row
from tests.contract.given import USE as STORED
from tests.contract.given import event as told_of
from tests.contract.people import texts
from tests.contract.test_consent_people import A, B, C, D, E, append, say
from tests.property.consent_tales import ANYTHING, QUIET, Teller
from tests.unit.consent.scene import USE, day, event, gives, item, refuses, withdraws, world
from tests.unit.gateway.flow.consent_book import ConsentBook, person

PEOPLE = 24
MICRO = timedelta(microseconds=1)
RANGE = ("2" * 26, "z" * 26)


async def stream(store: SqlStore, registry: Registry, use: Use, at: datetime) -> dict[str, str | None]:
    async with store.read() as tx, aclosing(allowed(tx, registry, use, at)) as tables:
        found = [table async for table in tables]
    for table in found:
        assert table.schema == ELIGIBLE
    names = pa.concat_tables(found).column("subject_ref").to_pylist() if found else []
    assert names == sorted(set(names))
    return {one["subject_ref"]: one["consent_id"] for table in found for one in table.to_pylist()}


class Book(ConsentBook):
    """The consent book over either database, emptied for each tale."""

    @classmethod
    async def over(cls, url: str, home: object) -> Book:
        return cls(await open_store(url), home)  # type: ignore[arg-type]

    async def empty(self) -> None:
        async with self.store.begin() as tx:
            for table in (
                consent_projection,
                consent_use_groups,
                consent_uses,
                consent_links,
                consent_events,
                subjects,
            ):
                await tx._connection.execute(delete(table))


class Town:
    """Some people, what they said, and what was registered."""

    def __init__(self, seed: int) -> None:
        self.teller = Teller(seed)
        self.people = [person(number * 37) for number in range(PEOPLE)]
        self.registry = self.teller.registry()
        self.number = 0

    def tale(self, ref: str) -> list[ConsentEvent]:
        kind = self.teller.one_of(["plain"] * 3 + ["withdrawn", "refused", "renewed", "quiet", "anything", "silent"])
        give = gives(self.teller.time(), None, item(), notice="SENSITIVE@1", valid_until=self.teller.often(None, 9))
        told: list[ConsentEvent] = []
        if kind in ("plain", "withdrawn", "refused", "renewed"):
            told = [give]
        if kind in ("withdrawn", "renewed"):
            told.append(withdraws(8, self.teller.often(8, 11)))
        if kind == "refused":
            told.append(refuses(7))
        if kind == "renewed":
            told.append(gives(10, None, item(), notice="SENSITIVE@1"))
        if kind in ("quiet", "anything"):
            told = list(self.teller.tale(QUIET if kind == "quiet" else ANYTHING))
        return [self.of(one, ref) for one in told]

    def of(self, one: ConsentEvent, ref: str) -> ConsentEvent:
        self.number += 1
        return replace(one, subject=ref, event_id=f"e{self.number}")

    def batches(self) -> Iterator[list[ConsentEvent]]:
        yield [one for ref in self.people for one in self.tale(ref)]
        joined = tuple(sorted(self.teller.random.sample(self.people, 2)))
        yield [self.of(event(EventType.MERGED, 3, subjects=joined), joined[0])]
        # Said by somebody who is joined, and by somebody who is not.
        yield [one for ref in (joined[1], self.teller.one_of(self.people)) for one in self.tale(ref)]
        if self.teller.one_of([True, False]):
            yield [self.of(event(EventType.UNMERGED, 6, subjects=joined), joined[0])]

    def uses(self) -> list[Use]:
        asked = [USE, self.teller.use(), self.teller.use(), replace(USE, recipient=None)]
        return [
            *asked,
            replace(USE, category="statistics"),
            replace(USE, recipient=self.teller.one_of(["heir", "cloud"])),
        ]


async def live(seed: int, book: Book, seen: Counter[str]) -> None:
    town = Town(seed)
    await book.empty()
    for batch in town.batches():
        await book.take(town.registry, batch)
    async with book.store.read() as tx:
        histories = await tx.consents.histories(town.people)
    for use in town.uses():
        for at in (day(town.teller.time()), day(town.teller.time()) - MICRO, day(60)):
            async with book.store.read() as tx:
                abroad = await exported(tx, town.registry, use.recipient, at)
            questions = {ref: asks(ref, use, at, abroad) for ref in town.people}
            ruled = {ref: may_use(questions[ref], histories[ref], town.registry) for ref in town.people}
            yes = {ref for ref, decision in ruled.items() if decision.allowed}
            found = await stream(book.store, town.registry, use, at)
            assert found.keys() == yes, (use, at)
            for ref, consent_id in found.items():
                said = ruled[ref].consent_id
                assert consent_id == said or alone(histories[ref], consent_id, use, at, town.registry)
            seen.update(decision.reason_code for decision in ruled.values())
        async with book.store.read() as tx:
            counted = await covered(tx, town.registry, use, at)
            on_file = {*texts(await tx.consents.on_file(*RANGE))}
        asked = {ref: decision for ref, decision in ruled.items() if ref in on_file}
        prompts = {
            ref: may_use(asks(ref, use, at, abroad, Kind.PROMPT), histories[ref], town.registry) for ref in asked
        }
        expected = by_hand(standing_with(use, at, town.registry, abroad), use, at, asked, prompts)
        assert counted == expected, (counted, expected)
        seen["gain"] += counted.gain
        seen["barred"] += counted.barred


def alone(history: History, consent_id: str | None, use: Use, at: datetime, registry: Registry) -> bool:
    """Whether a consent allows the use without the others: of two given together the one is as good as the other."""
    left = [one for one in history.events if one.type is not EventType.GIVEN or one.consent_id == consent_id]
    question = Question(history.subject, use, at, at)
    return not history.linked and may_use(question, replace(history, events=tuple(left)), registry).allowed


def asks(ref: str, use: Use, at: datetime, abroad: Exported, kind: Kind = Kind.USE) -> Question:
    went = {"exported_this_year": abroad.people, "sensitive_exported_this_year": abroad.sensitive}
    return Question(ref, use, at, at, kind, **went)


def by_hand(
    against: Decision | None, use: Use, at: datetime, ruled: dict[str, Decision], prompts: dict[str, Decision]
) -> Coverage:
    no = {ref: decision for ref, decision in ruled.items() if not decision.allowed}
    helped = [ref for ref, decision in no.items() if asking_helps(decision)]
    gain = sum(prompts[ref].allowed for ref in helped)
    reasons = dict(sorted(Counter(decision.reason_code for decision in no.values()).items()))
    if against is not None:  # everybody's reason, and no consent repairs it
        return Coverage(use, at, len(ruled), 0, {against.reason_code: len(ruled)} if ruled else {}, 0, 0)
    return Coverage(use, at, len(ruled), len(ruled) - len(no), reasons, gain, len(helped) - gain)


TOWNS = 20 if os.environ.get("ASSENT_THOROUGH") else 3
"""Random towns per database that the law is asked of."""


@pytest.mark.parametrize("few", [0, PEOPLE])
def test_streamed_is_who_may_be_used(store_url: str, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # In many ranges, and in one.
    monkeypatch.setattr(flow, "_FEW", few)
    monkeypatch.setattr(people, "FEW", few)
    seen: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        book = runner.run(Book.over(store_url, None))

        @settings(max_examples=TOWNS if few else 1)
        @given(st.integers(0, 2**32 - 1))
        def town(seed: int) -> None:
            runner.run(live(seed, book, seen))

        try:
            town()
        finally:
            runner.run(book.store.close())
    # Otherwise the law would hold of little.
    told = ("OK_CONSENT", "CONSENT_WITHDRAWN", "NO_CONSENT", "SCOPE_MISMATCH", "gain")
    assert few == 0 or min(seen[code] for code in told) > 5, seen


async def test_rows_tell_people_apart(store: SqlStore) -> None:
    await say(
        store,
        row(A, "yes", valid_until=NOW + MICRO, closed_from=NOW + MICRO),
        row(B, "over", valid_until=NOW, closed_from=NOW),
        row(C, "ask", plain=False),
        row(D, "never", plain=False, closed_from=NEVER_BEGAN),
        row(E, "not yet", plain=False, closed_from=NOW + MICRO),
        row(E, "own", recipient=None),
    )
    async with store.read() as tx:
        told = await tx.consents.told_apart(STORED, TRUST_ALL, NOW, *RANGE, whoever_receives=False)
        assert told.plain.to_pydict() == {"subject_ref": [A], "consent_id": ["yes"]}
        assert texts(told.doubtful) == [C, E]
        # A floor trusts no row that took effect before it, for a yes; a no needs no trust in notices.
        told = await tx.consents.told_apart(STORED, NOW, NOW, *RANGE, whoever_receives=False)
        assert (told.plain.num_rows, texts(told.doubtful)) == (0, [A, C, E])
        told = await tx.consents.told_apart(STORED, TRUST_ALL, NOW, B, C, whoever_receives=False)
        assert (told.plain.num_rows, texts(told.doubtful)) == (0, [C])
        # What was said of another recipient bears on own use: everybody who said anything is asked about.
        own = replace(STORED, recipient=None)
        told = await tx.consents.told_apart(own, TRUST_ALL, NOW, *RANGE, whoever_receives=True)
        assert told.plain.column("subject_ref").to_pylist() == [E]
        assert texts(told.doubtful) == [A, B, C, D]
        unknown = replace(STORED, purpose="nobody spoke of it")
        told = await tx.consents.told_apart(unknown, TRUST_ALL, NOW, *RANGE, whoever_receives=False)
        assert (told.plain.num_rows, texts(told.doubtful)) == (0, [])
        assert await tx.consents.pairs_of("retailer", "enrich", "platform") == [("phone", "psi_hash")]
        assert await tx.consents.pairs_of("retailer", "enrich", None) == [("phone", "psi_hash")]
        assert await tx.consents.pairs_of("retailer", "enrich", "heir") == []


async def test_who_is_joined_to_others_is_asked_about(store: SqlStore) -> None:
    await say(store, row(A, "yes"))
    await append(store, told_of(B, "m1", EventType.MERGED, handler=None, subjects=(B, C)), **{B: [], C: []})
    async with store.read() as tx:
        told = await tx.consents.told_apart(STORED, TRUST_ALL, NOW, *RANGE, whoever_receives=False)
    assert told.plain.column("subject_ref").to_pylist() == [A]
    assert texts(told.doubtful) == [B, C]


async def test_a_use_has_one_number_however_often_it_is_spoken_of(store: SqlStore) -> None:
    await say(store, row(A), row(A, category="segment"))
    await say(store, row(B), row(B, method="he_aggregate"), row(C, category="segment"))
    async with store.read() as tx:
        connection = tx._connection
        numbers = await connection.rows(consent_uses.select())
        assert sorted(one.use_id for one in numbers) == [1, 2, 3]
        groups = {one.group_id: one.use_ids for one in await connection.rows(consent_use_groups.select())}
        assert sorted(groups) == [-2, -1] and all(1 in use_ids for use_ids in groups.values())
        rows = await connection.rows(consent_projection.select())
        assert {(one.subject_ref, one.use_id) for one in rows} == {(A, -1), (B, -2), (C, groups[-1][1])}


@pytest.mark.parametrize("at", [NOW - DAY, NOW])
async def test_an_empty_store_has_nobody(store: SqlStore, at: datetime) -> None:
    assert await stream(store, world(), USE, at) == {}
    async with store.read() as tx:
        assert await covered(tx, world(), USE, at) == Coverage(USE, at, 0, 0, {}, 0, 0)
