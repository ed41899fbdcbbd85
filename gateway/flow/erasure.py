"""Erasing a person whose deletion was asked for and is done: rows, links, removals, and what opens the log's entries.

What must stay for proof stays without the person: leaves as salted commitments, ids and content hashes of consent
events, so that a repeated import brings nothing back, and the registers of requests and deletions under another name.
That name follows from the reference and the house's key, so that a trace can say that somebody was erased; nothing
leads back from it. Where officers are named for it, what opened the log's entries is held sealed for a time: see
`evidence_hold`. The erasure's own entry names those that it closed, so that a verifier tells erased from altered.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from consent.history import members
from consent.request import RequestKind, RequestState, RightsRequest
from gateway import kernel
from gateway.errors import StateError
from gateway.flow.access import require
from gateway.flow.deletion import held
from gateway.flow.evidence_hold import hold_evidence
from gateway.flow.ports import Erased, House, Transaction
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.subject_ref import as_texts
from gateway.tlog.leaf import LeafType

LABEL = "erased:"
"""Under which a reference is hashed to the name that stays; no type of subjects is called so."""

ENTRIES = 3000
"""Entries that one leaf names; their numbers have up to 16 digits, and a payload at most 65,535 bytes."""


def erased_name(house: House, subject_ref: str) -> str:
    """Return the name under which what must stay of an erased person stands."""
    rows = kernel.subject_refs(house.custody.subject_key(), LABEL, pa.array([subject_ref]), 1)
    name: str = as_texts(rows)[0].as_py()
    return name


async def erase_person(house: House, caller: Caller, request_id: str) -> tuple[datetime, Erased]:
    """Erase the person of a request; who was erased already stays so.

    Args:
        house: ports.
        caller: a compliance officer.
        request_id: of a deletion or closure, of everything, that is done.

    Returns:
        When, and what was destroyed now.

    Raises:
        StateError: NOT_FOUND; STAGE_ORDER while anything is still to be done first, and says what.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    await house.decisions.write(house)  # what waits there names people too
    async with house.store.begin() as tx:
        now = house.clock.now()
        request = await tx.requests.get(request_id)
        before = await tx.erasure.erased_at(request.subject)
        if before is not None:
            return before, Erased(0, 0, 0, 0)
        await tx.consents.lock_subjects([request.subject])
        await _check(tx, request, now)
        name = erased_name(house, request.subject)
        opened = await tx.evidence.openings(request.subject)
        erased = await tx.erasure.erase(request.subject, name, now)
        payload = {
            "id": request_id,
            "by": caller.subject,
            "events": erased.events,
            "links": erased.links,
            "removals": erased.removals,
            "payloads": erased.payloads,
        }
        await tx.audit.append(_leaves(payload, [entry for entry, _ in opened.payloads], name, now))
        hold = await hold_evidence(house, tx, caller, request, name, opened, now)
        if hold is not None:
            erased = replace(erased, hold=hold.hold_id, keep_until=hold.keep_until)
    house.bells.ring("audit")
    return now, erased


def _leaves(payload: dict[str, object], entries: list[int], name: str, now: datetime) -> list[AuditEvent]:
    """Put an erasure on record with the entries that nobody opens any more, in as many leaves as they need."""
    parts = [payload | {"entries": entries[:ENTRIES]}]
    parts += [
        {"id": payload["id"], "entries": entries[at : at + ENTRIES]} for at in range(ENTRIES, len(entries), ENTRIES)
    ]
    return [AuditEvent(LeafType.SUBJECT_ERASED, now, name, part) for part in parts]


async def _check(tx: Transaction, request: RightsRequest, now: datetime) -> None:
    """Check that nothing is owed to or because of the person any more."""
    limited = request.purpose or request.recipient or request.categories
    if request.kind not in (RequestKind.DELETION, RequestKind.CLOSURE) or limited:
        raise _not_yet("only a request to delete everything, or to close the account, erases a person")
    if request.state is not RequestState.DONE:
        raise _not_yet(f"the request is {request.state}; carry it out first")
    for task in await tx.deletions.list(request.subject, False, None, 1):
        why = "the law demands keeping this still" if held(task, now) else "complete it first"
        raise _not_yet(f"deletion task {task.task_id} is open: {why}")
    if await tx.erasure.owed(request.subject, now):
        raise _not_yet("rows of released runs are still to go, or partners to acknowledge; see `assent rights notices`")
    history = (await tx.consents.histories([request.subject]))[request.subject]
    if len(members(history, now, now)) > 1:
        raise _not_yet("the person is merged with another, who would lose what was said; part them first")


def _not_yet(why: str) -> StateError:
    return StateError("STAGE_ORDER", f"nobody was erased: {why}")
