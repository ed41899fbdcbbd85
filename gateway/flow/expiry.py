"""Consents that end by time or by their last use: each end is put on record once.

A decision does not wait for this: `may_use` and the projection know the end of every consent and count it in. What
is recorded here is that a consent ended, when, and why, so that the log tells the whole life of it. Released runs are
judged anew only when something happened: whose consent ended by time is woken for it (flow/reach).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from consent.event import ConsentEvent, EventType
from consent.history import History
from consent.record import State, records
from gateway.flow.ports import EndedConsent, House, Transaction
from gateway.route.canonical import Frame, quoted, time_text
from gateway.tlog.leaf import LeafType

TASK = "expire-consents"
WINDOW = 20_000  # uses of consents looked at together
BATCH = 5_000  # consents per transaction

OVERLAP = timedelta(hours=1)
"""Looked at again, for consents that were recorded while their end passed."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BY_TIME = Frame({"why": "valid_until"}, ("consent", "ended_at"))
_BY_USE = Frame({"why": "max_uses"}, ("consent", "ended_at"))


async def expire_consents(house: House) -> Mapping[str, int]:
    """Record the consents that ended since the last run."""
    return {"by_time": await _by_time(house), "by_use": await _by_use(house)}


async def _by_time(house: House) -> int:
    now, count = house.clock.now(), 0
    async with house.store.read() as tx:
        after = _EPOCH + timedelta(microseconds=(await tx.tasks.mark(TASK)).get("ended_until", 0))
    after = max(_EPOCH, after - OVERLAP)
    while after < now:
        async with house.store.read() as tx:
            until = await tx.ends.window(after, now, WINDOW)
            pieces = [] if until is None else await tx.ends.ended(after, until)
        after = now if until is None else until
        for piece in pieces:
            for start in range(0, len(piece), BATCH):
                count += await _record_ends(house, piece[start : start + BATCH], now)
        async with house.store.begin() as tx:
            await _advance(tx, "ended_until", (after - _EPOCH) // timedelta(microseconds=1))
    return count


async def _record_ends(house: House, ends: Sequence[EndedConsent], now: datetime) -> int:
    """Record consents whose end has passed, unless something else ended them before."""
    async with house.store.begin() as tx:
        await tx.tasks.mark(TASK)  # whoever else runs this waits
        doubtful = sorted({end.subject_ref for end in ends if not end.plain})
        histories = await tx.consents.histories(doubtful) if doubtful else {}
        expired = await asyncio.to_thread(_expired, histories, now)
        really = [end for end in ends if end.plain or (end.subject_ref, end.consent_id) in expired]
        fresh = await tx.ends.record(really)
        joined = {one.subject for history in histories.values() for one in history.linked}
        await tx.consents.wake(joined.union(end.subject_ref for end in fresh) if fresh else ())
        await _log(tx, fresh, _BY_TIME, now)
    if fresh:
        house.bells.ring("audit")
    return len(fresh)


def _expired(histories: Mapping[str, History], now: datetime) -> set[tuple[str, str | None]]:
    return {
        (ref, record.consent_id)
        for ref, history in histories.items()
        for record in records(history)
        if record.state_at(now) is State.EXPIRED
    }


async def _by_use(house: House) -> int:
    """Record consents whose last use was used up; found by the uses on file since the last run."""
    now, count = house.clock.now(), 0
    while True:
        async with house.store.begin() as tx:
            after = (await tx.tasks.mark(TASK)).get("changes", 0)
            until, used = await tx.ends.acts(after, WINDOW, {EventType.USED})
            if until == after:
                return count
            histories = await tx.consents.histories(sorted({event.subject for event in used})) if used else {}
            fresh = await tx.ends.record(await asyncio.to_thread(_used_up, histories, used))
            await _log(tx, fresh, _BY_USE, now)
            await _advance(tx, "changes", until)
        count += len(fresh)
        if fresh:
            house.bells.ring("audit")


def _used_up(histories: Mapping[str, History], used: Sequence[ConsentEvent]) -> list[EndedConsent]:
    last: dict[tuple[str, str | None], datetime] = {}
    for event in used:
        key = event.subject, event.consent_id
        last[key] = max(last.get(key, event.later), event.later)
    spent = {
        (ref, record.consent_id)
        for ref, history in histories.items()
        for record in records(history)
        if record.state is State.EXPIRED and record.max_uses is not None and record.uses >= record.max_uses
    }
    return [
        EndedConsent(ref, consent_id, at, plain=False)
        for (ref, consent_id), at in sorted(last.items())
        if consent_id is not None and (ref, consent_id) in spent
    ]


async def _log(tx: Transaction, ends: Sequence[EndedConsent], frame: Frame, now: datetime) -> None:
    await tx.audit.append_encoded(
        LeafType.CONSENT_EXPIRED,
        now,
        [end.subject_ref for end in ends],
        [end.consent_id for end in ends],
        [frame.filled(quoted(end.consent_id), quoted(time_text(end.ended_at))).encode() for end in ends],
    )


async def _advance(tx: Transaction, name: str, value: int) -> None:
    mark = await tx.tasks.mark(TASK)
    await tx.tasks.set_mark(TASK, {**mark, name: max(value, mark.get(name, 0))})
