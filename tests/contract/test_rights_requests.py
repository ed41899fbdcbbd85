"""Rights requests go their way step by step; an accepted one bars uses, and deletion comes before its end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consent.evaluate import Use
from consent.request import Requester, RequestKind, RequestState, RightsRequest
from gateway.errors import AccessError, AssentError, RequestError, StateError
from gateway.flow import consent
from gateway.flow.deletion import complete_deletion, list_deletions, open_deletions
from gateway.flow.ports import House
from gateway.flow.rights import advance_request, list_requests, open_request
from tests.contract.timed import DAY, act, given, logged, take, timed_house
from tests.unit.gateway.flow.houses import CDP, NOW, OFFICER, StoppedClock

S = RequestState


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def house(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[House]:
    async with timed_house(tmp_path, store_url, clock) as opened:
        yield opened


async def asked(house: House, kind: RequestKind, number: int = 1, request_id: str = "", **more: Any) -> RightsRequest:
    request_id = request_id or str(uuid.uuid4())
    return await open_request(
        house, OFFICER, request_id, "customer", f"C-{number}", kind, Requester.SUBJECT, "app", **more
    )


async def allowed(house: House, number: int, category: str = "phone_hash") -> str:
    use = Use(handler="retailer", recipient=None, purpose="profile_enrichment", category=category, method="psi_hash")
    return str((await consent.decide(house, OFFICER, "customer", f"C-{number}", use)).reason_code)


async def moved(house: House, request: RightsRequest, *states: RequestState) -> RightsRequest:
    for state in states:
        request = await advance_request(house, OFFICER, request.id, state)
    return request


async def test_a_request_goes_its_way_with_its_times(house: House, clock: StoppedClock) -> None:
    request = await asked(house, RequestKind.ACCESS)
    assert (request.state, request.received_at) == (S.RECEIVED, NOW)
    assert request.due_at == datetime(2026, 12, 11, 16, tzinfo=UTC)
    for state in (S.IDENTITY_VERIFIED, S.ACCEPTED, S.DONE):
        clock.advance(hours=1)
        assert (await moved(house, request, state)).state is state
        assert (await moved(house, request, state)).state is state, "again changes nothing"
    (done,) = await list_requests(house, OFFICER, True, None, 10)
    hour = DAY / 24
    assert (done.verified_at, done.decided_at, done.done_at) == (NOW + hour, NOW + 2 * hour, NOW + 3 * hour)
    assert await list_requests(house, OFFICER, False, None, 10) == []
    entries = await logged(house, "rights_request")
    assert [entry["state"] for entry in entries] == ["received", "identity_verified", "accepted", "done"]
    assert all(entry["id"] == request.id for entry in entries)


@pytest.mark.parametrize(
    ("reached", "to", "reason", "error"),
    [
        ((), S.ACCEPTED, "", "STAGE_ORDER"),
        ((), S.DONE, "", "STAGE_ORDER"),
        ((S.IDENTITY_VERIFIED,), S.DONE, "", "STAGE_ORDER"),
        ((S.IDENTITY_VERIFIED,), S.REFUSED, "", "BAD_FIELD"),
        ((S.IDENTITY_VERIFIED,), S.REFUSED, "  ", "BAD_FIELD"),
        ((S.IDENTITY_VERIFIED,), S.ACCEPTED, "because", "BAD_FIELD"),
        ((S.IDENTITY_VERIFIED, S.ACCEPTED), S.REFUSED, "late", "STAGE_ORDER"),
        ((S.IDENTITY_VERIFIED, S.ACCEPTED), S.IDENTITY_VERIFIED, "", "STAGE_ORDER"),
        ((S.IDENTITY_VERIFIED, S.ACCEPTED, S.DONE), S.RECEIVED, "", "STAGE_ORDER"),
    ],
)
async def test_no_other_step_is_taken(
    house: House, reached: tuple[RequestState, ...], to: RequestState, reason: str, error: str
) -> None:
    request = await asked(house, RequestKind.COPY)
    before = await moved(house, request, *reached)
    with pytest.raises(AssentError) as caught:
        await advance_request(house, OFFICER, request.id, to, reason)
    assert caught.value.reason == error
    assert (await list_requests(house, OFFICER, True, None, 10)) == [before]
    assert len(await logged(house, "rights_request")) == 1 + len(reached)


async def test_a_refusal_says_why_and_is_told(house: House) -> None:
    request = await asked(house, RequestKind.TRANSFER)
    await moved(house, request, S.IDENTITY_VERIFIED)
    refused = await advance_request(house, OFFICER, request.id, S.REFUSED, "technically not possible")
    assert (refused.state, refused.reason) == (S.REFUSED, "technically not possible")
    assert (await moved(house, request, S.DONE)).reason == "technically not possible"


async def test_an_accepted_deletion_bars_uses_and_must_be_carried_out(house: House, clock: StoppedClock) -> None:
    await take(house, given(1), given(2))
    clock.advance(days=1)
    request = await asked(house, RequestKind.DELETION)
    await moved(house, request, S.IDENTITY_VERIFIED)
    assert await allowed(house, 1) == "OK_CONSENT", "nobody who merely says to be the person stops anything"
    clock.advance(days=1)
    await moved(house, request, S.ACCEPTED)
    assert await allowed(house, 1) == "RIGHTS_HOLD"
    assert await allowed(house, 2) == "OK_CONSENT"
    use = Use("retailer", None, "profile_enrichment", "phone_hash", "psi_hash")
    back = await consent.decide(house, OFFICER, "customer", "C-1", use, at=NOW + DAY, as_known_at=clock.now())
    assert back.reason_code == "RIGHTS_HOLD", "dated back to its receipt"
    (task,) = await list_deletions(house, OFFICER, False, None, 10)
    assert task.event_id == f"request-{request.id}"
    with pytest.raises(StateError, match="complete it first"):
        await moved(house, request, S.DONE)
    await open_deletions(house)
    assert len(await list_deletions(house, OFFICER, True, None, 10)) == 1, "one event, one task"
    await complete_deletion(house, OFFICER, task.task_id)
    assert (await moved(house, request, S.DONE)).state is S.DONE
    events = await logged(house, "consent_event")
    assert events[-1]["type"] == "deletion_requested"
    assert events[-1]["at"].startswith("2026-11-21T08:30")


async def test_under_a_hold_a_deletion_is_answered_with_storage_only(house: House, clock: StoppedClock) -> None:
    await take(house, given(1), act(1, "statutory_hold"))
    request = await moved(house, await asked(house, RequestKind.DELETION), S.IDENTITY_VERIFIED, S.ACCEPTED, S.DONE)
    assert request.state is S.DONE
    (task,) = await list_deletions(house, OFFICER, False, None, 10)
    assert task.done_at is None


async def test_a_restriction_bites_within_its_scope_and_a_closure_everywhere(house: House, clock: StoppedClock) -> None:
    await take(house, given(1), given(2))
    clock.advance(hours=1)
    narrow = await asked(house, RequestKind.RESTRICTION, 1, categories=["purchase_history"])
    await moved(house, narrow, S.IDENTITY_VERIFIED, S.ACCEPTED, S.DONE)
    assert await allowed(house, 1, "phone_hash") == "OK_CONSENT"
    assert await allowed(house, 1, "purchase_history") == "RIGHTS_HOLD"
    closed = await asked(house, RequestKind.CLOSURE, 2)
    await moved(house, closed, S.IDENTITY_VERIFIED, S.ACCEPTED)
    assert await allowed(house, 2, "phone_hash") == "RIGHTS_HOLD"
    assert [task.why.value for task in await list_deletions(house, OFFICER, False, None, 10)] == ["account_closed"]


async def test_somebody_of_whom_nothing_is_on_file_may_ask(house: House) -> None:
    request = await asked(house, RequestKind.DELETION, 77)
    await moved(house, request, S.IDENTITY_VERIFIED, S.ACCEPTED)
    assert len(await list_deletions(house, OFFICER, False, None, 10)) == 1


async def test_a_repeated_request_is_the_same_and_another_under_its_id_is_refused(house: House) -> None:
    first = await asked(house, RequestKind.ACCESS)
    await moved(house, first, S.IDENTITY_VERIFIED)
    again = await asked(house, RequestKind.ACCESS, request_id=first.id)
    assert again.state is S.IDENTITY_VERIFIED
    with pytest.raises(StateError) as caught:
        await asked(house, RequestKind.DELETION, request_id=first.id)
    assert caught.value.reason == "REVISION_CONFLICT"
    assert len(await logged(house, "rights_request")) == 2


async def test_bad_requests(house: House) -> None:
    with pytest.raises(RequestError, match="receive_time"):
        await asked(house, RequestKind.ACCESS, received_at=NOW + DAY)
    with pytest.raises(RequestError, match="purpose"):
        await asked(house, RequestKind.ACCESS, purpose="profile_enrichment")
    with pytest.raises(RequestError, match="subject"):
        await open_request(
            house, OFFICER, str(uuid.uuid4()), "customer", "", RequestKind.ACCESS, Requester.SUBJECT, "app"
        )
    with pytest.raises(AccessError):
        await list_requests(house, CDP, True, None, 10)
    unknown = await asked(house, RequestKind.DELETION, purpose="nobody_knows")
    await moved(house, unknown, S.IDENTITY_VERIFIED)
    with pytest.raises(RequestError, match="purpose"):
        await moved(house, unknown, S.ACCEPTED)
    assert (await list_requests(house, OFFICER, True, None, 10))[0].state is S.IDENTITY_VERIFIED
