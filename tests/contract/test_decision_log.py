"""Decisions about single people are logged in batches, listed by an officer, and kept for three years."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from consent.evaluate import Use
from gateway.engine import write_decisions
from gateway.errors import AccessError, StateError
from gateway.flow import consent
from gateway.flow.decision_log import KEPT, DecisionLog, list_decisions, purge_decisions
from gateway.flow.ports import House, Transaction
from gateway.route.caller import Caller, Role
from gateway.route.decision import DecisionFilter, LoggedDecision
from gateway.store.schema import decisions
from tests.contract.timed import DAY, act, given, logged, ref, take, timed_house
from tests.unit.gateway.flow.houses import ADMIN, CDP, NOW, OFFICER, StoppedClock

OWN = Use("retailer", None, "profile_enrichment", "phone_hash", "psi_hash")
SHARED = replace(OWN, recipient="platform")
EVERYTHING = DecisionFilter()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def house(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[House]:
    async with timed_house(tmp_path / "one", store_url, clock) as opened:
        yield opened


async def ask(house: House, number: int, use: Use = OWN, caller: Caller = OFFICER, **more: Any) -> Any:
    return await consent.decide(house, caller, "customer", f"C-{number}", use, **more)


async def listed(house: House, **wanted: Any) -> list[LoggedDecision]:
    return await list_decisions(house, OFFICER, DecisionFilter(**wanted), None, 100)


async def test_a_decision_is_logged_as_it_was_answered_and_comes_again(house: House, clock: StoppedClock) -> None:
    await take(house, given(1))
    answered = await ask(house, 1)
    assert (answered.allowed, answered.assessment_id, answered.consent_id) == (True, "pia-own", "c-1")
    clock.at = NOW + DAY
    await take(house, act(1, "consent_withdrawn", NOW + DAY))
    assert (await ask(house, 1)).reason_code == "CONSENT_WITHDRAWN"
    again = await ask(house, 1, at=NOW, as_known_at=NOW)
    assert again == answered
    assert len(house.decisions) == 3
    found = await listed(house)
    assert len(house.decisions) == 0
    assert [one.number for one in found] == [3, 2, 1]
    assert [one.answered.decision for one in reversed(found)] == [answered, found[1].answered.decision, again]
    first = found[-1].answered
    assert (first.caller, first.asked_at, first.question.use, first.question.subject) == (
        OFFICER.subject,
        NOW,
        OWN,
        ref(house, 1),
    )
    assert [one.number for one in await listed(house, decision_id=answered.decision_id)] == [3, 1]


async def test_an_answer_about_a_time_to_come_rests_on_what_is_known_now(house: House, clock: StoppedClock) -> None:
    """An answer that claimed to know what will be recorded until then would come out otherwise later."""
    await take(house, given(1, valid_until=NOW + 90 * DAY))
    ahead = await ask(house, 1, at=NOW + 60 * DAY)
    assert (ahead.reason_code, ahead.decided_at, ahead.as_known_at) == ("OK_CONSENT", NOW + 60 * DAY, NOW)
    assert await ask(house, 1, at=NOW + 60 * DAY, as_known_at=NOW + 70 * DAY) == ahead
    assert (await ask(house, 1, at=NOW + 90 * DAY)).reason_code == "CONSENT_EXPIRED"
    clock.at = NOW + DAY
    await take(house, act(1, "consent_withdrawn", NOW + DAY))
    assert (await ask(house, 1, at=NOW + 60 * DAY)).reason_code == "CONSENT_WITHDRAWN"
    again = await ask(house, 1, at=ahead.decided_at, as_known_at=ahead.as_known_at)
    assert again == ahead


async def test_a_batch_has_one_entry_of_the_log_and_names_nobody(house: House) -> None:
    await take(house, given(1))
    for number in (1, 2, 3):
        await ask(house, number)
    await write_decisions(house)
    await write_decisions(house)
    (entry,) = await logged(house, "decisions_logged")
    assert (entry["first"], entry["last"], len(entry["hash"])) == (1, 3, 64)
    found = await listed(house)
    assert not any(name in repr(found) + json.dumps(entry) for name in ("C-1", "C-2", "C-3"))


async def test_filters_and_pages(house: House, clock: StoppedClock) -> None:
    await take(house, given(1))
    other = Caller("auditor@house", frozenset({Role.COMPLIANCE_OFFICER}))
    await ask(house, 1)
    await ask(house, 2, caller=other)
    clock.at = NOW + DAY
    await ask(house, 1, SHARED)
    numbers = {
        (): [3, 2, 1],
        (("subject", ref(house, 1)),): [3, 1],
        (("caller", "auditor@house"),): [2],
        (("recipient", "platform"),): [3],
        (("recipient", ""),): [2, 1],
        (("purpose", "profile_enrichment"), ("reason_code", "OK_CONSENT")): [1],
        (("reason_code", "NO_CONSENT"),): [2],
        (("since", NOW + DAY),): [3],
        (("until", NOW + DAY),): [2, 1],
        (("purpose", "other"),): [],
    }
    for wanted, expected in numbers.items():
        assert [one.number for one in await listed(house, **dict(wanted))] == expected, wanted
    page = await list_decisions(house, OFFICER, EVERYTHING, None, 2)
    await ask(house, 1)  # what comes meanwhile moves no page
    rest = await list_decisions(house, OFFICER, EVERYTHING, page[-1].number, 2)
    assert [one.number for one in (*page, *rest)] == [3, 2, 1]


async def test_only_an_officer_lists(house: House) -> None:
    for caller in (CDP, ADMIN):
        with pytest.raises(AccessError):
            await list_decisions(house, caller, EVERYTHING, None, 1)


class Away:
    """A store whose transactions for writing cannot be opened, for as long as it is away."""

    def __init__(self, house: House) -> None:
        self.store, self.away = house.store, True

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        if self.away:
            raise StateError("STORE_UNAVAILABLE", "the database is away")
        async with self.store.begin() as tx:
            yield tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def test_what_cannot_be_written_waits_and_a_full_buffer_answers_nobody(house: House) -> None:
    away = Away(house)
    cut_off = replace(house, store=cast(Any, away), decisions=DecisionLog(most_waiting=2))
    for number in (1, 2):
        await ask(cut_off, number)
    await write_decisions(cut_off)
    assert len(cut_off.decisions) == 2
    with pytest.raises(StateError, match="away"):
        await ask(cut_off, 3)
    away.away = False
    await ask(cut_off, 4)
    assert [one.answered.question.subject for one in await listed(cut_off)] == [
        ref(house, number) for number in (4, 2, 1)
    ]


async def test_writers_at_once_and_one_who_gives_up_store_everything_once(house: House) -> None:
    for number in range(5):
        await ask(house, number)
    leaving = asyncio.create_task(house.decisions.write(house))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(house.decisions.write(house), house.decisions.write(house))
    await asyncio.gather(leaving, return_exceptions=True)
    assert [one.number for one in await listed(house)] == [5, 4, 3, 2, 1]


async def test_after_three_years_a_decision_goes(house: House, clock: StoppedClock) -> None:
    await ask(house, 1)
    clock.at = NOW + DAY
    await ask(house, 2)
    await write_decisions(house)
    clock.at = NOW + KEPT
    assert await purge_decisions(house) == {"purged": 0}
    clock.at += timedelta(microseconds=1)
    assert await purge_decisions(house) == {"purged": 1}
    assert [one.number for one in await listed(house)] == [2]
    (entry,) = await logged(house, "decisions_purged")
    assert entry["decisions"] == 1


async def test_a_stored_decision_that_was_changed_is_not_shown(house: House) -> None:
    await ask(house, 1)
    await write_decisions(house)
    async with house.store.begin() as tx:
        connection = cast(Any, tx)._connection
        body = (await connection.row(select(decisions.c.body))).body
        body["decision"]["reason_code"] = "OK_FINE"
        await connection.execute(decisions.update().values(body=body))
    with pytest.raises(StateError) as raised:
        await listed(house)
    assert raised.value.reason == "LOG_INCONSISTENT"
