"""Deletions that the gateway itself saw to: about one recipient, whose runs lost the person's rows on both sides.

A task closes by itself once every run with that recipient was looked at, our own rows are gone and the partner has
acknowledged each notice, and no sink holds a row; what that rests on stands beside the task, in the log too. A task
stays open for an officer where a result with the person had been read, for its readers must delete as well, and where
no run held a row.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.errors import AssentError
from gateway.flow.deletion import mark_deleted
from gateway.flow.ports import House, Transaction
from gateway.route.job import Side
from gateway.route.notice import Removal
from gateway.route.task import DeletionEvidence, DeletionTask, SinkEvidence
from gateway.tlog.leaf import LeafType

PAGE = 1000
BY = "reach-runs"


async def close_deletions(house: House, troubles: list[AssentError]) -> None:
    """Close the deletion tasks that released runs have answered; a trouble with one holds up no other."""
    after = ""
    while True:
        async with house.store.read() as tx:
            tasks = await tx.deletions.reached(house.clock.now(), after, PAGE)
        for task in tasks:
            try:
                await _close(house, task)
            except AssentError as error:
                troubles.append(error)
        if len(tasks) < PAGE:
            return
        after = tasks[-1].task_id


async def _close(house: House, task: DeletionTask) -> None:
    async with house.store.begin() as tx:
        evidence = await _evidence(tx, task)
        if evidence:
            await mark_deleted(tx, house, task.task_id, BY, evidence)
    if evidence:
        house.bells.ring("audit")


async def _evidence(tx: Transaction, task: DeletionTask) -> list[DeletionEvidence]:
    """Return what became of the rows that a task covers; none while anything is left to do."""
    history = (await tx.consents.histories([task.subject_ref]))[task.subject_ref]
    found: list[DeletionEvidence] = []
    for ref in (task.subject_ref, *(other.subject for other in history.linked)):
        sinks = await tx.deliveries.removals_of(ref)
        if any(gone_at is None for _, gone_at in sinks):
            return []
        for removal in await tx.removals.of_subject(ref):
            run = await tx.runs.get(removal.job_id)
            if run is None or run.partner != task.recipient:
                continue
            if run.side is Side.RECEIVER and await tx.audit.find(LeafType.RESULT_READ, run.job_id) is not None:
                return []
            one = await _of(tx, run.partner, removal)
            if one is None:
                return []
            gone = ((delivery.sink, at) for delivery, at in sinks if delivery.job_id == removal.job_id and at)
            found.append(replace(one, sinks=tuple(SinkEvidence(sink, at) for sink, at in gone)))
    return list({one.job_id: one for one in found}.values())


async def _of(tx: Transaction, partner: str, removal: Removal) -> DeletionEvidence | None:
    if removal.removed_at is None:
        return None
    acknowledged = None
    if removal.notice_id:
        notice = await tx.notices.get(partner, True, removal.notice_id)
        if notice is None or notice.done_at is None:
            return None
        acknowledged = notice.done_at
    return DeletionEvidence(removal.job_id, removal.removed_at, removal.notice_id, acknowledged)
