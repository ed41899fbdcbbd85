"""Counting the people of a run whose partner is abroad, just before anything of them leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from consent.history import History, child_among
from consent.mechanism import export_year
from consent.policy import Policy
from gateway.flow.ends import RunRefused
from gateway.flow.export import WHOLE_HOUSE, line_of, near
from gateway.flow.gate import HISTORIES, Mask
from gateway.flow.lease import Lease
from gateway.flow.lost import Bytes, among
from gateway.flow.members import Members, somebody
from gateway.flow.pipeline import in_turn
from gateway.flow.ports import Transaction
from gateway.flow.registry import load_registry
from gateway.flow.threads import in_thread
from gateway.route.audit import AuditEvent
from gateway.route.job import AuthorizedJob, Refusal
from gateway.route.subject_ref import as_texts
from gateway.tlog.leaf import LeafType


async def count_exported(lease: Lease, job: AuthorizedJob, members: Members, lost: Bytes) -> None:
    """Count the members of a run as exported in this year, and refuse the run that would reach the line with them.

    Counted are all whom the run lets out, matched or not, and for good: what left has left even when the run
    fails later. Of a child under fourteen whatever leaves is sensitive (PIPL 28). Count, audit entry and the look
    at the line are one transaction, so that two runs never pass a line together. At home nothing happens.

    Args:
        lease: of the run.
        job: authorized.
        members: its cohort file.
        lost: (k, 26) ascending: those of them who stay in.

    Raises:
        RunRefused: NOT_READY; nobody is counted then.
    """
    house, recipient, at = lease.house, job.partner.card.party, lease.house.clock.now()
    async with house.store.read() as tx:
        registry = await load_registry(tx, house)
    party = registry.parties.get(recipient)
    if party is None or not party.abroad:
        return
    uses = (*job.gates, *(use for _, use in job.column_gates))
    sensitive = any(registry.sensitive(use.category) for use in uses)
    some_children = False
    year = export_year(at, registry.policy)
    async with house.store.begin() as tx:
        async for rows in in_turn(members.pieces()):
            people = await in_thread(_leaving, members, rows, lost, house.limits.threads)
            if sensitive:
                await tx.exports.add(year, recipient, people, at, sensitive=True)
                continue
            children = await children_among(tx, people, at, registry.policy)
            some_children = some_children or bool(children.any())
            for group, kind in ((people[~children], False), (people[children], True)):
                await tx.exports.add(year, recipient, np.ascontiguousarray(group), at, sensitive=kind)
        sensitive = sensitive or some_children
        total = await tx.exports.exported(year, WHOLE_HOUSE, at)
        if not any(way.carries(total, sensitive, registry.policy) for way in registry.ways_out(recipient, at, at)):
            raise RunRefused(
                Refusal("NOT_READY", "the registry of one side does not allow this use now; see its export counters")
            )
        line = line_of(registry, recipient, sensitive, at)
        counted = (total.sensitive if sensitive else total.people) or 0
        payload: dict[str, object] = {
            "job": job.job_id,
            "recipient": recipient,
            "year": year,
            "sensitive": sensitive,
            "people_this_year": counted,
            "line": line or 0,
            "warning": near(counted, line, registry),
        }
        await tx.audit.append([AuditEvent(LeafType.PEOPLE_EXPORTED, at, "", payload)])
    house.bells.ring("audit")


async def children_among(tx: Transaction, people: Bytes, at: datetime, policy: Policy) -> Mask:
    """Return which of some people are under fourteen, as far as known at that time.

    Args:
        tx: open transaction.
        people: (n, 26) ASCII.
        at: the moment.
        policy: of the registry.

    Returns:
        (n,).
    """
    found = np.zeros(len(people), dtype=bool)
    for start in range(0, len(people), HISTORIES):
        refs: list[str] = as_texts(people[start : start + HISTORIES]).to_pylist()
        histories = await tx.consents.histories(refs)
        found[start : start + len(refs)] = await in_thread(_children, refs, histories, at, policy)
    return found


def _children(refs: list[str], histories: Mapping[str, History], at: datetime, policy: Policy) -> list[bool]:
    return [child_among(histories[ref], at, at, policy) for ref in refs]


def _leaving(members: Members, rows: Bytes, lost: Bytes, threads: int) -> Bytes:
    refs = members.fields.of(rows, "ref")
    refs = refs[somebody(refs)]
    return np.ascontiguousarray(refs[~among(lost, refs, threads)])
