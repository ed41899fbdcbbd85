from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from consent.evaluate import Question, may_use, standing
from consent.event import EventType
from consent.notice import Notice
from consent.party import PartyEvent, PartyEventType
from gateway.flow import gate
from gateway.flow.gate import Verdict, as_texts, doubted, judge, judge_all
from gateway.flow.ports.people import Mark
from gateway.store.consents import SqlConsentStore
from tests.property.consent_tales import ANYTHING, QUIET, Teller
from tests.unit.consent.scene import REGISTRY, USE, day, event, gives, item, notice, withdraws, world
from tests.unit.gateway.flow.consent_book import ConsentBook, as_refs, person

AT = day(20)
SECOND = timedelta(seconds=1)
WHOLE = gives(1, items=(item(categories=("phone", "purchases")),))


@pytest.fixture
async def book() -> AsyncIterator[ConsentBook]:
    opened = await ConsentBook.open()
    yield opened
    await opened.close()


@contextmanager
def counted(patch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count how often the store is asked what, and about how many people."""
    calls: Counter[str] = Counter()

    def watch(name: str) -> None:
        ask = getattr(SqlConsentStore, name)

        async def asked(self: Any, *arguments: Any) -> Any:
            calls[name] += 1
            calls["histories of"] += len(arguments[0]) if name == "histories" else 0
            return await ask(self, *arguments)

        patch.setattr(SqlConsentStore, name, asked)

    for name in ("plain", "plain_ids", "on_file", "histories"):
        watch(name)
    yield calls


def given(number: int, **more: Any) -> Any:
    return gives(1, subject=person(number), consent_id=f"c{number}", **more)


async def judged(book: ConsentBook, numbers: range, *uses: Any, ids: bool = True, registry: Any = REGISTRY) -> Verdict:
    async with book.store.read() as tx:
        refs = as_refs([person(number) for number in numbers])
        return await judge_all(tx, registry, uses or (USE,), refs, AT, ids=ids)


async def test_plain_people_the_doubtful_and_the_unknown(book: ConsentBook) -> None:
    await book.take(
        REGISTRY,
        [
            *(given(number) for number in (0, 1, 2, 3, 40)),
            withdraws(2, subject=person(1)),
            # A birthdate keeps a row from being plain; the rule lets an adult in all the same.
            event(EventType.BIRTHDATE, 2, subject=person(2), birthdate=day(-12000).date()),
            given(5, evidence=False),
        ],
    )
    verdict = await judged(book, range(8))
    assert verdict.allowed.tolist() == [True, False, True, True, False, False, False, False]
    assert verdict.by_rule.tolist() == [False, False, True, False, False, False, False, False]
    assert verdict.consent_ids is not None
    assert verdict.consent_ids.to_pylist() == ["c0", None, "c2", "c3", None, None, None, None]
    assert verdict.denied == {"CONSENT_WITHDRAWN": 1, "RECORD_UNTRUSTED": 1, "NO_CONSENT": 3}
    again = await judged(book, range(8), ids=False)
    assert again.consent_ids is None
    assert (again.allowed == verdict.allowed).all() and again.denied == verdict.denied


async def test_nobody_is_a_verdict_too(book: ConsentBook) -> None:
    for registry in (REGISTRY, world(assessments=())):
        verdict = await judged(book, range(0), registry=registry)
        assert (len(verdict.allowed), len(verdict.by_rule), verdict.denied) == (0, 0, {})
        assert verdict.consent_ids is not None and len(verdict.consent_ids) == 0


async def test_what_stands_against_everybody_is_the_answer(book: ConsentBook) -> None:
    await book.take(REGISTRY, [given(0)])
    verdict = await judged(book, range(3), registry=world(assessments=()))
    assert verdict.denied == {"PIA_MISSING": 3}
    assert not verdict.allowed.any() and not verdict.by_rule.any()
    assert verdict.consent_ids is not None and verdict.consent_ids.null_count == 3


async def test_a_person_counts_once_under_the_first_use_that_denies(book: ConsentBook) -> None:
    born = {"birthdate": day(-12000).date()}
    await book.take(
        REGISTRY,
        [
            given(0, items=(item(categories=("phone", "purchases")),)),
            given(1),
            given(2, items=(item(categories=("purchases",)),)),
            given(3, items=(item(categories=("phone", "purchases")),)),
            event(EventType.BIRTHDATE, 2, subject=person(3), **born),
            given(4),
            event(EventType.BIRTHDATE, 2, subject=person(4), **born),
            # Only the second use is not plain, because its number is limited.
            given(5),
            gives(1, None, item(categories=("purchases",)), subject=person(5), max_uses=9),
        ],
    )
    verdict = await judged(book, range(7), USE, replace(USE, category="purchases"))
    assert verdict.allowed.tolist() == [True, False, False, True, False, True, False]
    assert verdict.by_rule.tolist() == [False, False, False, True, False, True, False]
    assert verdict.consent_ids is not None
    assert verdict.consent_ids.to_pylist() == ["c0", None, None, "c3", None, "c5", None]
    assert sum(verdict.denied.values()) == 4
    assert verdict.denied["NO_CONSENT"] == 1


async def test_every_verdict_is_that_of_the_rule(book: ConsentBook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of random people, by random registries, whatever the size of the pieces."""
    told: Counter[str] = Counter()
    plainly = 0
    for seed in range(6):
        teller, numbers = Teller(seed), range(seed * 64, seed * 64 + 64)
        # All that is recorded later is not known yet, and no row has been made of it.
        registry, now = teller.registry(), day(teller.random.randint(12, 20))
        tellers = {number: Teller(1000 * seed + number) for number in numbers if number % 5}
        tales = {person(number): one.tale(one.often(QUIET, ANYTHING, times=3)) for number, one in tellers.items()}
        events = [
            replace(one, subject=ref, event_id=f"{ref}-{one.event_id}")
            for ref, tale in tales.items()
            for one in tale
            if one.recorded_at <= now
        ]
        events += [
            gives(1, subject=person(number), consent_id=f"c{number}", notice="SENSITIVE@1") for number in numbers[::3]
        ]
        await book.take(registry, events)
        refs = [person(number) for number in numbers]
        for rows, sparse, held in ((500_000, 300, 1000), (7, 300, 5), (100, 0, 3), (1, 1, 1)):
            monkeypatch.setattr(gate, "STORE_ROWS", rows)
            monkeypatch.setattr(gate, "SPARSE", sparse)
            monkeypatch.setattr(gate, "HISTORIES", held)
            use = teller.often(USE, teller.use(tuple(events)), times=1)
            async with book.store.read() as tx:
                verdict = await judge(tx, registry, use, as_refs(refs), now, ids=True)
                histories = await tx.consents.histories(refs)
            ruled = [may_use(Question(ref, use, now, now), histories[ref], registry) for ref in refs]
            assert verdict.allowed.tolist() == [decision.allowed for decision in ruled]
            if standing(use, now, registry) is None:
                assert verdict.denied == Counter(one.reason_code for one in ruled if not one.allowed)
            assert verdict.consent_ids is not None
            for decision, allowed_by, ref in zip(ruled, verdict.consent_ids.to_pylist(), refs, strict=True):
                assert (allowed_by is not None) == decision.allowed
                assert allowed_by is None or allowed_by in {one.consent_id for one in histories[ref].events}
            assert (verdict.allowed | ~verdict.by_rule).all()
            told.update(decision.reason_code for decision in ruled)
            plainly += int((verdict.allowed & ~verdict.by_rule).sum())
    assert plainly > 50 and len(told) > 8, (plainly, told)


async def test_plain_people_cost_a_few_questions_and_no_history(
    book: ConsentBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    await book.take(REGISTRY, [given(number) for number in range(900)])
    with counted(monkeypatch) as calls:
        verdict = await judged(book, range(900), ids=False)
    assert verdict.allowed.all() and not verdict.by_rule.any()
    assert set(calls) == {"plain", "histories of"} and calls["plain"] <= 4 and calls["histories of"] == 0


async def test_the_unknown_are_told_apart_without_a_history(book: ConsentBook, monkeypatch: pytest.MonkeyPatch) -> None:
    await book.take(REGISTRY, [given(number) for number in range(0, 900, 9)])
    with counted(monkeypatch) as calls:
        verdict = await judged(book, range(900), ids=False)
    assert verdict.denied == {"NO_CONSENT": 800}
    assert calls["histories of"] == 0


async def test_an_answer_is_never_larger_than_wanted(book: ConsentBook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second person of the store is asked about: two rows of the store for each."""
    await book.take(REGISTRY, [given(number) for number in range(1000)])
    sizes: list[int] = []
    ask = SqlConsentStore.plain

    async def measured(self: Any, *arguments: Any) -> Any:
        found = await ask(self, *arguments)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(SqlConsentStore, "plain", measured)
    monkeypatch.setattr(gate, "STORE_ROWS", 50)
    async with book.store.read() as tx:
        verdict = await judge(tx, REGISTRY, USE, as_refs([person(number) for number in range(0, 1000, 2)]), AT)
    assert verdict.allowed.all()
    assert max(sizes) <= 65 and len(sizes) < 30


async def test_a_few_people_of_a_large_store_are_asked_about_one_by_one(
    book: ConsentBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    await book.take(REGISTRY, [given(number) for number in range(1000)])
    monkeypatch.setattr(gate, "SPARSE", 20)
    with counted(monkeypatch) as calls:
        async with book.store.read() as tx:
            verdict = await judge(tx, REGISTRY, USE, as_refs([person(number) for number in range(0, 1000, 100)]), AT)
    assert verdict.allowed.all()
    assert calls["plain"] == 1 and calls["histories of"] == 8
    assert verdict.by_rule.tolist() == [False] * 2 + [True] * 8


async def named(book: ConsentBook, since: Mark, judged_at: Any, at: Any, limit: int = 9, **more: Any) -> Any:
    async with book.store.read() as tx:
        found = await doubted(tx, more.get("registry", REGISTRY), more.get("uses", (USE,)), since, judged_at, at, limit)
    return None if found is None else as_texts(found).to_pylist()


async def mark_of(book: ConsentBook) -> Mark:
    async with book.store.read() as tx:
        return await tx.consents.mark()


async def test_who_has_news_or_whose_consent_ends_is_doubted(book: ConsentBook) -> None:
    await book.take(REGISTRY, [given(0), given(1), given(2, valid_until=day(21)), given(3, valid_until=day(22))])
    since = await mark_of(book)
    assert await named(book, since, AT, AT) == []
    assert await named(book, since, AT, day(21) - SECOND) == []
    assert await named(book, since, AT, day(21)) == [person(2)]
    await book.take(REGISTRY, [withdraws(20, subject=person(1)), withdraws(20, subject=person(2)), given(9)])
    assert await named(book, since, AT, AT) == [person(1), person(2), person(9)]
    assert await named(book, since, AT, day(23)) == [person(number) for number in (1, 2, 3, 9)]
    assert await named(book, since, AT, day(23), limit=4) is not None
    # Three have news and one lapsed: none of the two questions is over the limit, both together are.
    assert await named(book, since, AT, day(23), limit=3) is None
    assert await named(book, since, AT, AT, limit=2) is None
    assert await named(book, await mark_of(book), day(23), day(24)) == []


async def test_what_concerns_everybody_makes_everybody_doubted(book: ConsentBook) -> None:
    await book.take(REGISTRY, [given(0)])
    since = await mark_of(book)
    assert await named(book, since, AT, day(21)) == []
    # A clock set back, or a store from a backup: nothing is known of what lies between.
    assert await named(book, since, AT, AT - SECOND) is None
    assert await named(book, Mark(since.changes + 1, since.registry), AT, AT) is None

    def version(**more: Any) -> Notice:
        return notice("N", 2, material_for=("enrichment",), recorded_at=day(1), published_at=day(1), **more)

    binding_later = world(more_notices=[version(effective_at=day(21))])
    assert await named(book, since, day(21), day(22), registry=binding_later) == []
    assert await named(book, since, AT, day(21), registry=binding_later) is None
    suspended = world(party_events=[PartyEvent(PartyEventType.SUSPENDED, day(21), day(21), "platform")])
    other_uses = (USE, replace(USE, recipient="heir"))
    assert await named(book, since, AT, day(21) - SECOND, registry=suspended) == []
    assert await named(book, since, AT, day(21), registry=suspended) is None
    assert await named(book, since, AT, day(21), registry=suspended, uses=other_uses[1:]) == []
    assert await named(book, since, AT, day(21), registry=suspended, uses=other_uses) is None
    # A use that is out of the question at both times hinders nothing.
    assert await named(book, since, day(21), day(22), registry=suspended) == []
    await book.change_registry(AT)
    assert await named(book, since, AT, AT) is None


async def test_a_verdict_can_be_written_on(book: ConsentBook) -> None:
    """Callers add to it what further uses say."""
    await book.take(REGISTRY, [given(0)])
    for registry in (REGISTRY, world(assessments=())):
        verdict = await judged(book, range(2), registry=registry)
        verdict.by_rule[np.array([0])] |= True
        verdict.allowed[0] = False
        assert verdict.by_rule.tolist() == [True, False]
