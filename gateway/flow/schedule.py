"""The tasks that come round, all in one place: `gateway.engine` runs each on one of the servers of a database.

A task is an async function over the house that does what is due and returns what it counted. It may be run twice at
once, by a server that lost its lease and by the next one, and may be killed anywhere: what it does it does in
transactions that do nothing the second time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from gateway.flow.access import require_reader
from gateway.flow.decision_log import purge_decisions
from gateway.flow.deletion import open_deletions
from gateway.flow.ending import warn_of_ends
from gateway.flow.evidence_hold import destroy_evidence
from gateway.flow.expiry import expire_consents
from gateway.flow.membership.condense import number_memberships
from gateway.flow.ports import House
from gateway.flow.projecting import TASK as SETTLE_PROJECTION
from gateway.flow.projecting import settle_projection
from gateway.flow.reach import reach_runs
from gateway.flow.recurring.round import run_schedules
from gateway.flow.retention import expire_sessions, purge_sketches, sweep_results
from gateway.flow.sinks.deliver import deliver_results
from gateway.flow.witness.comparing import compare_checkpoints
from gateway.route.caller import Caller
from gateway.route.task import TaskRow


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is done again and again.

    Attributes:
        name: lower case and hyphens.
        every: from one run to the next.
        run: does what is due; returns counts.
        local: it works on files of a spool, so that each spool's servers have it for themselves.
        loud: what it counts is for the operator: logged as a warning.
    """

    name: str
    every: timedelta
    run: Callable[[House], Awaitable[Mapping[str, int]]]
    local: bool = False
    loud: bool = False

    def row_name(self, house: House) -> str:
        """Return the name of its row."""
        return f"{self.name}@{house.spool.spool_id}" if self.local else self.name


TASKS = (
    Task("run-schedules", timedelta(seconds=10), run_schedules),
    Task("expire-consents", timedelta(minutes=10), expire_consents),
    Task("open-deletions", timedelta(minutes=10), open_deletions),
    Task("sweep-results", timedelta(minutes=10), sweep_results, local=True),
    Task("expire-sessions", timedelta(minutes=1), expire_sessions),
    Task("reach-runs", timedelta(seconds=30), reach_runs, local=True),
    Task("number-memberships", timedelta(seconds=30), number_memberships, local=True),
    Task("purge-sketches", timedelta(hours=6), purge_sketches),
    Task("destroy-evidence", timedelta(hours=1), destroy_evidence),
    Task("purge-decisions", timedelta(hours=6), purge_decisions),
    Task(SETTLE_PROJECTION, timedelta(hours=6), settle_projection),
    Task("compare-checkpoints", timedelta(minutes=1), compare_checkpoints),
    Task("warn-of-ends", timedelta(hours=1), warn_of_ends, loud=True),
)

DELIVERIES = (Task("deliver-results", timedelta(seconds=10), deliver_results, local=True),)
"""What may take as long as the results are large; a scheduler of its own runs it."""


async def list_tasks(house: House, caller: Caller) -> list[TaskRow]:
    """Return all tasks of this database by name; what is read here concerns no person."""
    require_reader(caller)
    async with house.store.read() as tx:
        return await tx.tasks.list()
