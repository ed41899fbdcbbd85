"""Every consent that ends by time or by use is put on record once, and none that something else ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.flow import expiry
from gateway.flow.expiry import expire_consents
from gateway.flow.ports import House
from tests.contract.timed import DAY, act, given, logged, take, timed_house
from tests.unit.gateway.flow.houses import NOW, StoppedClock


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def house(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[House]:
    async with timed_house(tmp_path, store_url, clock) as opened:
        yield opened


async def test_a_consent_that_ended_is_recorded_once_with_its_end(house: House, clock: StoppedClock) -> None:
    await take(house, given(1, NOW + DAY), given(2, NOW + 3 * DAY), given(3))
    assert await expire_consents(house) == {"by_time": 0, "by_use": 0}
    clock.at = NOW + DAY
    assert (await expire_consents(house))["by_time"] == 1, "the end is exclusive"
    assert (await expire_consents(house))["by_time"] == 0
    clock.advance(days=30)
    assert (await expire_consents(house))["by_time"] == 1
    ended = await logged(house, "consent_expired")
    assert ended == [
        {"consent": "c-1", "ended_at": "2026-11-21T08:30:00.000000Z", "why": "valid_until"},
        {"consent": "c-2", "ended_at": "2026-11-23T08:30:00.000000Z", "why": "valid_until"},
    ]
    async with house.store.read() as tx:
        assert (await tx.tasks.mark("expire-consents"))["ended_until"] > 0
        assert await tx.audit.misfiled(0, await tx.audit.appended()) == []


async def test_what_was_withdrawn_or_renewed_before_does_not_expire(house: House, clock: StoppedClock) -> None:
    await take(house, given(1, NOW + DAY), given(2, NOW + DAY))
    clock.advance(hours=1)
    renewed = {"event_id": "e-again", "consent_id": "c-again", "at": clock.at.isoformat()}
    withdrawn = act(1, "consent_withdrawn", clock.at, consent_id="c-1")
    await take(house, withdrawn, given(2, NOW + 9 * DAY, **renewed))
    clock.at = NOW + 2 * DAY
    assert (await expire_consents(house))["by_time"] == 0
    clock.at = NOW + 9 * DAY
    assert (await expire_consents(house))["by_time"] == 1
    assert [entry["consent"] for entry in await logged(house, "consent_expired")] == ["c-again"]


async def test_the_last_use_ends_a_consent(house: House, clock: StoppedClock) -> None:
    await take(house, given(1, max_uses=2), given(2, max_uses=2))
    for number in (1, 2):
        clock.advance(hours=1)
        used = [act(1, "consent_used", clock.at, consent_id="c-1", event_id=f"u-{number}")]
        await take(house, *used)
        assert (await expire_consents(house))["by_use"] == number - 1
    assert (await expire_consents(house))["by_use"] == 0
    assert [(entry["consent"], entry["why"]) for entry in await logged(house, "consent_expired")] == [
        ("c-1", "max_uses")
    ]


async def test_a_run_that_was_killed_is_gone_on_with(
    house: House, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "WINDOW", 3)
    monkeypatch.setattr(expiry, "BATCH", 2)
    # Many end at one moment, some alone.
    await take(house, *(given(number, NOW + DAY + timedelta(minutes=number // 8)) for number in range(20)))
    clock.at = NOW + 2 * DAY
    true_record, calls = expiry._record_ends, 0

    async def killed(*arguments: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return await true_record(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(expiry, "_record_ends", killed)
    with pytest.raises(KeyboardInterrupt):
        await expire_consents(house)
    monkeypatch.setattr(expiry, "_record_ends", true_record)
    await expire_consents(house)
    ended = [entry["consent"] for entry in await logged(house, "consent_expired")]
    assert sorted(ended) == sorted(f"c-{number}" for number in range(20))
