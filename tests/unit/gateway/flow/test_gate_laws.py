"""The law of `doubted`: who is not named by it, and was not let in by the rule, keeps a verdict that still holds.

Every example is a seed from which a house lives through some weeks: people say things and are joined, the registry
learns, time passes. Now and then its cohort is judged again the short way, everybody anew beside it, and each person
by the rule itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import count

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.evaluate import Question, Use, may_use
from consent.event import ConsentEvent, EventType
from consent.registry import Registry
from gateway.flow.gate import Verdict, as_texts, doubted, judge_all
from gateway.flow.ports.people import Mark
from gateway.store import SqlTransaction
from tests.property.consent_tales import ANYTHING, QUIET, Teller
from tests.unit.consent.scene import USE, day, event, gives, item, withdraws, world
from tests.unit.gateway.flow.consent_book import ConsentBook, as_refs, person

PEOPLE, STEPS = 12, 12
BOTH = (item(categories=("phone", "purchases")),)
houses, numbers = count(), count()


class House:
    """What a cohort remembers of its judgement, and what has happened since."""

    def __init__(self, seed: int, book: ConsentBook, seen: Counter[str]) -> None:
        self.teller, self.book, self.seen = Teller(seed), book, seen
        first = PEOPLE * next(houses)
        self.people = [person(first + number) for number in range(PEOPLE)]
        self.now = day(0)
        self.all_registered = self.teller.registry()
        self.known = self.registry()
        self.uses: tuple[Use, ...] = (self.teller.often(USE, self.teller.use()),)
        if self.teller.one_of([True, False]):
            self.uses = (*self.uses, replace(USE, category="purchases"))

    async def live(self) -> None:
        await self.say(self.people)
        await self.judge_everybody()
        for _ in range(STEPS):
            act = self.teller.one_of(
                [self.some_speak] * 2 + [self.join_or_part] + [self.wait] * 3 + [self.judge_again] * 4
            )
            await act()
        await self.judge_again()

    def registry(self) -> Registry:
        """What is registered by now of all that ever will be."""
        whole = self.all_registered
        return world(
            notices=[one for one in whole.notices.values() if one.recorded_at is None or one.recorded_at <= self.now],
            party_events=[one for one in whole.party_events if one.recorded_at <= self.now],
        )

    async def some_speak(self) -> None:
        await self.say(self.teller.random.sample(self.people, 2))

    async def say(self, people: list[str]) -> None:
        """Let people say what is plain, mostly, and anything else besides."""
        told: list[ConsentEvent] = []
        for ref in people:
            ending = self.teller.one_of([None, None, self.now + timedelta(days=self.teller.random.randint(0, 4))])
            more = {"consent_id": f"c{next(numbers)}", "notice": "SENSITIVE@1", "valid_until": ending}
            kind = self.teller.one_of(["plain", "plain", "plain", "limited", "withdrawn", "quiet", "anything"])
            if kind == "plain":
                tale: tuple[ConsentEvent, ...] = (gives(0, None, *BOTH, **more),)
            elif kind == "limited":
                limited = {"max_uses": 9, "valid_until": self.now + timedelta(days=self.teller.random.randint(1, 4))}
                phone, purchases = item(), item(categories=("purchases",))
                tale = (
                    gives(0, None, phone, **more),
                    gives(0, None, purchases, **more | limited | {"consent_id": "c"}),
                )
            elif kind == "withdrawn":
                tale = (withdraws(0),)
            else:
                tale = (gives(0, None, *BOTH, **more), *self.teller.tale(QUIET if kind == "quiet" else ANYTHING))
            told += [self.of(one, ref, kind in ("plain", "limited", "withdrawn")) for one in tale]
        await self.book.take(self.known, told)

    def of(self, told: ConsentEvent, ref: str, now: bool) -> ConsentEvent:
        at = self.now if now else told.at
        return replace(told, subject=ref, event_id=f"e{next(numbers)}", at=at, recorded_at=self.now)

    async def join_or_part(self) -> None:
        named = tuple(sorted(self.teller.random.sample(self.people, 2)))
        kind = self.teller.one_of([EventType.MERGED, EventType.UNMERGED])
        await self.book.take(self.known, [self.of(event(kind, 0, subjects=named), named[0], now=True)])

    async def wait(self) -> None:
        self.now += timedelta(days=self.teller.one_of([0.01, 0.5, 1.0, 1.0]))
        registry = self.registry()
        if (registry.notices, registry.party_events) != (self.known.notices, self.known.party_events):
            self.known = registry
            await self.book.change_registry(self.now)

    async def judge_everybody(self) -> None:
        async with self.book.store.read() as tx:
            self.mark: Mark = await tx.consents.mark()
            self.keep(self.people, await self.judged(tx, self.people), anew=True)
        self.judged_at = self.now

    async def judge_again(self) -> None:
        limit = self.teller.often(100, 0, 2)
        async with self.book.store.read() as tx:
            named = await doubted(tx, self.known, self.uses, self.mark, self.judged_at, self.now, limit)
            asked = self.people
            if named is not None:
                refs = as_texts(named).to_pylist()
                assert refs == sorted(set(refs)) and len(refs) <= limit
                asked = sorted({*refs, *self.by_rule} & {*self.people})
            before = set(self.allowed)
            self.keep(asked, await self.judged(tx, asked), anew=named is None)
            anew = await self.judged(tx, self.people)
            histories = await tx.consents.histories(self.people)
            self.mark = await tx.consents.mark()
        self.judged_at = self.now
        self.seen["everybody" if named is None else "some" if asked else "nobody"] += 1
        for ref, allowed in zip(self.people, anew.allowed.tolist(), strict=True):
            ruled = [may_use(Question(ref, use, self.now, self.now), histories[ref], self.known) for use in self.uses]
            assert allowed is all(decision.allowed for decision in ruled)
            if ref in before or ref in asked:
                assert (ref in self.allowed) is allowed
            else:
                assert ref not in self.allowed
            self.seen["kept unasked"] += ref in self.allowed and ref not in asked
            self.seen["lost"] += named is not None and ref in before and ref not in self.allowed

    async def judged(self, tx: SqlTransaction, people: list[str]) -> Verdict:
        return await judge_all(tx, self.known, self.uses, as_refs(people), self.now)

    def keep(self, people: list[str], verdict: Verdict, *, anew: bool) -> None:
        """Remember what a judgement of some people said."""
        if anew:
            self.allowed, self.by_rule = set[str](), set[str]()
        asked = np.array(people, dtype=object)
        self.allowed = self.allowed - {*people} | {*asked[verdict.allowed]}
        self.by_rule = self.by_rule - {*people} | {*asked[verdict.by_rule]}


def test_whoever_is_not_doubted_keeps_a_verdict_that_holds() -> None:
    seen: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        book = runner.run(ConsentBook.open())

        @settings(max_examples=15)
        @given(st.integers(0, 2**32 - 1))
        def live(seed: int) -> None:
            runner.run(House(seed, book, seen).live())

        try:
            live()
        finally:
            runner.run(book.close())
    # Otherwise the law would hold of nothing.
    assert seen["kept unasked"] > 100 and seen["lost"] > 10, seen
    assert min(seen[kind] for kind in ("everybody", "some", "nobody")) > 3, seen
