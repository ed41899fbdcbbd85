"""Deliveries and the rows that had to go from sinks, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.errors import StateError
from gateway.flow.sinks.asked import new_delivery
from gateway.route.delivery import Delivery, DeliveryState
from gateway.route.job import Failure, Side
from gateway.route.notice import ReleasedRun
from gateway.store import SqlStore
from tests.contract import given
from tests.contract.given import NOW, ref

SECOND = timedelta(seconds=1)


async def filled(store: SqlStore) -> tuple[list[Delivery], list[str]]:
    """Two jobs of two spools with one result each, in sinks a and b."""
    jobs = [given.job(number, spool_id=f"spool-{number}") for number in (1, 2)]
    made = [new_delivery(f"d{n}", "ab"[n], job.job_id, 3, 60, "cdp", NOW + n * SECOND) for n, job in enumerate(jobs)]
    async with store.begin() as tx:
        for job, delivery in zip(jobs, made, strict=True):
            await tx.jobs.create(job)
            run = ReleasedRun(
                job.job_id, job.session_id, "a", "platform", Side.RECEIVER, NOW, NOW, NOW + given.DAY, 5, 0
            )
            await tx.runs.put(run)
            assert await tx.deliveries.create(delivery) == delivery
    return made, [job.job_id for job in jobs]


async def test_a_delivery_is_found_by_whoever_has_its_files(store: SqlStore) -> None:
    (first, second), (job, _) = await filled(store)
    failed = replace(first, attempt=1, not_before=NOW + 60 * SECOND, failure=Failure("DISK_FULL", "no room"))
    async with store.begin() as tx:
        assert await tx.deliveries.waiting("spool-1", NOW, 10) == [first]
        assert await tx.deliveries.waiting("spool-3", NOW, 10) == []
        assert await tx.deliveries.create(replace(first, created_at=NOW + given.DAY)) == first
        await tx.deliveries.update(failed)
        with pytest.raises(StateError, match="something else"):
            await tx.deliveries.create(replace(first, sink="c"))
    async with store.read() as tx:
        assert await tx.deliveries.get("d0") == failed
        assert await tx.deliveries.waiting("spool-1", NOW, 10) == []
        assert await tx.deliveries.of_job(job) == await tx.deliveries.of_sink("a") == [failed]
        assert await tx.deliveries.list("", None, 10) == [second, failed]
        assert await tx.deliveries.list("", (second.created_at, "d1"), 10) == [failed]
        assert await tx.deliveries.list("b", None, 10) == [second]
        assert await tx.deliveries.over(NOW, "spool-2") == []
        assert await tx.deliveries.over(NOW + given.DAY, "spool-2") == [second]
        with pytest.raises(StateError, match="no such delivery"):
            await tx.deliveries.get("d9")


async def test_rows_that_must_go_are_owed_until_they_are_gone(store: SqlStore) -> None:
    (first, second), (job, _) = await filled(store)
    async with store.begin() as tx:
        await tx.deliveries.decide(["d0", "d1"], [ref(1), ref(2)])
        await tx.deliveries.decide(["d0"], [ref(2), ref(3)])
        assert await tx.deliveries.undone("spool-1") == [], "it is on its way"
        lying = replace(first, state=DeliveryState.DELIVERED, rows=5, delivered_at=NOW)
        await tx.deliveries.update(lying)
        assert await tx.deliveries.undone("spool-1") == [lying]
        assert await tx.deliveries.pending("d0", 2) == [ref(1), ref(2)]
        assert await tx.erasure.owed(ref(1), NOW)
    async with store.begin() as tx:
        assert await tx.deliveries.removed("d0", [ref(1), ref(2), ref(9)], NOW) == [ref(1), ref(2)]
        assert await tx.deliveries.removed("d0", [ref(1)], NOW + SECOND) == []
        assert await tx.deliveries.removals_of(ref(1)) == [(lying, NOW), (second, None)]
        assert await tx.deliveries.removed("d1", [ref(1)], NOW) == [ref(1)]
        assert not await tx.erasure.owed(ref(1), NOW)
        assert await tx.erasure.owed(ref(2), NOW)
        ended = replace(lying, state=DeliveryState.EMPTIED, ended_at=NOW)
        await tx.deliveries.update(ended)
        assert await tx.deliveries.of_job(job) == await tx.deliveries.of_sink("a") == []
        assert await tx.deliveries.undone("spool-1") == [ended], "what is owed of it is settled by the next round"
