"""Erasing a person: what goes, what stays for proof, and what stands in the way; on both databases."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from consent.evaluate import Use
from consent.request import Requester, RequestKind, RequestState, RightsRequest
from gateway.errors import AccessError, StateError
from gateway.flow import consent, identity
from gateway.flow.deletion import complete_deletion, list_deletions
from gateway.flow.erasure import erase_person, erased_name
from gateway.flow.ports import Erased, House
from gateway.flow.rights import advance_request, list_requests, open_request
from gateway.flow.trace import Presence, list_removals, trace_subject
from gateway.route.job import JobState, Side
from gateway.route.notice import ReleasedRun, Removal, Timing
from tests.contract.given import job
from tests.contract.timed import DAY, act, given, logged, ref, take, timed_house
from tests.unit.gateway.flow.houses import CDP, NOW, OFFICER, StoppedClock

S = RequestState


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def house(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[House]:
    async with timed_house(tmp_path, store_url, clock) as opened:
        yield opened


async def asked(
    house: House, kind: RequestKind = RequestKind.DELETION, done: bool = True, **more: Any
) -> RightsRequest:
    """A request of customer 1 whose deletion is carried out."""
    request = await open_request(
        house, OFFICER, str(uuid.uuid4()), "customer", "C-1", kind, Requester.SUBJECT, "app", **more
    )
    for state in (S.IDENTITY_VERIFIED, S.ACCEPTED):
        request = await advance_request(house, OFFICER, request.id, state)
    if not done:
        return request
    for task in await list_deletions(house, OFFICER, False, None, 10):
        if task.held_until is None:
            await complete_deletion(house, OFFICER, task.task_id)
    return await advance_request(house, OFFICER, request.id, S.DONE)


async def removed(house: House, number: int, changes: int = 100, at: Any = NOW) -> None:
    """A released run out of which a customer's row was taken, `at` None while it is not."""
    run = ReleasedRun("job-0001", "ab" * 32, "agreement-1", "platform", Side.RECEIVER, NOW, NOW, None, 1, changes)
    gone = Removal("job-0001", ref(house, number), b"", "RIGHTS_HOLD", Timing.AFTER, NOW, NOW, "app", NOW, "", at)
    async with house.store.begin() as tx:
        await tx.jobs.create(replace(job(), state=JobState.SUCCEEDED))
        await tx.runs.put(run)
        await tx.removals.add([gone])


async def linked(house: House) -> None:
    async def rows() -> AsyncIterator[list[tuple[int, str, str]]]:
        yield [(1, "K-1", "C-1"), (2, "K-2", "C-2"), (3, "K-3", "C-1")]

    await identity.import_links(house, OFFICER, "tills", "customer", rows())
    await identity.unlink(house, OFFICER, "tills", "K-3")


async def where_named(house: House, name: str) -> set[tuple[str, str]]:
    """The columns of the whole database in which a text stands."""
    found = set()
    async with house.store.read() as tx:
        connection = tx._connection  # type: ignore[attr-defined]
        from gateway.store.schema import metadata

        for table in metadata.sorted_tables:
            for row in await connection.rows(text(f"SELECT * FROM {table.name}")):
                found |= {(table.name, key) for key, value in row._mapping.items() if name in _text(value)}
    return found


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


async def test_an_erasure_leaves_commitments_and_registers_alone(house: House, clock: StoppedClock) -> None:
    await take(house, given(1), given(2))
    await linked(house)
    clock.advance(days=1)
    await removed(house, 1)
    request = await asked(house)
    before = await where_named(house, ref(house, 1))
    assert {"identity_links", "removals", "consent_events", "audit_payloads"} <= {table for table, _ in before}
    clock.advance(days=1)
    at, erased = await erase_person(house, OFFICER, request.id)
    assert (at, erased.events, erased.links, erased.removals) == (clock.now(), 2, 2, 1)
    assert erased.payloads > 5
    assert await where_named(house, ref(house, 1)) == set()
    # The registers tell that it was asked for and done, of somebody.
    name = erased_name(house, ref(house, 1))
    (stored,) = await list_requests(house, OFFICER, True, None, 10)
    (task,) = await list_deletions(house, OFFICER, True, None, 10)
    assert (stored.subject, stored.id, stored.state) == (name, request.id, S.DONE)
    assert (task.subject_ref, task.done_at) == (name, NOW + DAY)
    (entry,) = await logged(house, "subject_erased")
    assert (entry["id"], entry["by"], entry["links"], entry["removals"]) == (request.id, OFFICER.subject, 2, 1)
    # Others have lost nothing.
    async with house.store.read() as tx:
        assert len(await tx.identity.of_person(ref(house, 2))) == 1
    assert await consented(house, 2) == "OK_CONSENT"
    assert await list_removals(house, OFFICER) == []
    # Again changes nothing.
    assert await erase_person(house, OFFICER, request.id) == (at, Erased(0, 0, 0, 0))
    assert len(await logged(house, "subject_erased")) == 1


async def consented(house: House, number: int) -> str:
    use = Use("retailer", None, "profile_enrichment", "phone_hash", "psi_hash")
    return str((await consent.decide(house, OFFICER, "customer", f"C-{number}", use)).reason_code)


async def test_a_repeated_import_brings_nobody_back_and_a_new_consent_does(house: House, clock: StoppedClock) -> None:
    await take(house, given(1))
    await removed(house, 1)
    await erase_person(house, OFFICER, (await asked(house)).id)

    async def batches() -> AsyncIterator[Any]:
        yield [(1, given(1))]

    report = await consent.import_events(house, CDP, "customer", batches(), all_or_nothing=False)
    assert (report.accepted, report.replayed) == (0, 1)
    assert await consented(house, 1) == "NO_CONSENT"
    (trace,) = await trace_subject(house, OFFICER, "customer", "C-1")
    assert (trace.presence, trace.decision, trace.removal) == (Presence.ERASED, None, None)
    clock.advance(days=1)
    await take(house, given(1, event_id="anew", consent_id="anew", at=clock.now().isoformat()))
    assert await consented(house, 1) == "OK_CONSENT"
    (trace,) = await trace_subject(house, OFFICER, "customer", "C-1")
    assert trace.presence is Presence.ERASED
    # Who comes back may ask again.
    assert (await erase_person(house, OFFICER, (await asked(house)).id))[1].events == 2


async def test_nobody_is_erased_while_anything_is_owed(house: House, clock: StoppedClock) -> None:
    async def refused(request: RightsRequest, said: str) -> None:
        with pytest.raises(StateError, match=said) as caught:
            await erase_person(house, OFFICER, request.id)
        assert caught.value.reason == "STAGE_ORDER"
        assert await logged(house, "subject_erased") == []

    await take(house, given(1), given(2))
    await refused(await asked(house, RequestKind.ACCESS), "only a request to delete")
    await refused(await asked(house, categories=["phone_hash"]), "only a request to delete")
    await refused(await asked(house, done=False), "carry it out first")
    request = await asked(house)
    await take(house, act(1, "consent_withdrawn", at=clock.now(), by="subject"))
    with pytest.raises(AccessError):
        await erase_person(house, CDP, request.id)
    # A run that withdrawals have not reached, then a row that is still to go.
    await removed(house, 1, changes=1, at=None)
    await refused(request, "still to go")
    async with house.store.begin() as tx:
        await tx.runs.advance("job-0001", 100)
    await refused(request, "still to go")
    async with house.store.begin() as tx:
        await tx.removals.finish("job-0001", [ref(house, 1)], NOW)
    merge = act(1, "identity_merged", subjects=["C-1", "C-2"])
    await take(house, merge)
    await refused(request, "part them first")
    clock.advance(hours=1)
    await take(house, act(1, "identity_unmerged", at=clock.now(), subjects=["C-1", "C-2"]))
    assert (await erase_person(house, OFFICER, request.id))[1].removals == 1
    assert await consented(house, 2) == "OK_CONSENT"
