"""What opened an erased person's log entries, held sealed while a claim may come, then destroyed.

An erasure takes the link, the salt and the payloads out of the tables. Where two officers or more are named in the
settings it moves them here: sealed so that two of them are needed, and the home's own keys. The log says that evidence
is held, opened and destroyed, of whom it never says; tree and proofs are the same in all states. Without officers
nobody could open it, and everything is destroyed at once.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from consent.request import RightsRequest
from gateway.errors import AccessError, HostileInput, RequestError, StateError
from gateway.flow.access import require
from gateway.flow.log_recovery import two_officers
from gateway.flow.ports import House, RunSecrets, Store, Transaction
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import canonical_bytes
from gateway.route.evidence_hold import EvidenceHold, Openings
from gateway.tlog.leaf import LeafType, check_opening

VERSION = 1
PAGE = 100


async def hold_evidence(
    house: House,
    tx: Transaction,
    caller: Caller,
    request: RightsRequest,
    name: str,
    opened: Openings,
    now: datetime,
) -> EvidenceHold | None:
    """Seal what opened the entries of a person who is erased in this transaction.

    Args:
        house: ports.
        tx: of the erasure.
        caller: who erases.
        request: that is carried out; its subject is the person.
        name: under which what stays of the person stands.
        opened: salt and payloads.
        now: of the erasure.

    Returns:
        The hold; None where no officers are named.
    """
    if house.evidence is None:
        return None
    hold_id = str(uuid.uuid4())
    record = {
        "v": VERSION,
        "hold": hold_id,
        "subject": request.subject,
        "name": name,
        "request": request.id,
        "salt": base64.b64encode(opened.salt or b"").decode(),
        "entries": [{"index": entry, "payload": payload.decode()} for entry, payload in opened.payloads],
    }
    sealed = house.secrets.seal(_purpose(hold_id), house.evidence.seal(hold_id, canonical_bytes(record)))
    hold = EvidenceHold(
        hold_id=hold_id,
        name=name,
        request_id=request.id,
        held_at=now,
        keep_until=_years_later(now, house.limits.evidence_years),
        officers=house.evidence.officers,
        entries=len(opened.payloads),
        sealed=sealed,
    )
    await tx.evidence.put(hold)
    payload = {
        "id": hold_id,
        "request": request.id,
        "by": caller.subject,
        "entries": hold.entries,
        "keep_until": hold.keep_until.isoformat(),
        "officers": list(hold.officers),
        "sha256": sha256(sealed).hexdigest(),
    }
    await tx.audit.append([AuditEvent(LeafType.EVIDENCE_HELD, now, name, payload)])
    return hold


async def list_holds(store: Store, caller: Caller, after: str = "", limit: int = PAGE) -> list[EvidenceHold]:
    """Return holds by id; a compliance officer asks."""
    require(caller, Role.COMPLIANCE_OFFICER)
    async with store.read() as tx:
        return await tx.evidence.list(after, limit)


async def open_evidence(
    store: Store,
    secrets: RunSecrets,
    officers: Sequence[Caller],
    hold_id: str,
    reason: str,
    opener: Callable[[str, bytes], bytes],
    now: datetime,
) -> Mapping[str, Any]:
    """Open a hold for two officers; it is on record before they see anything, and stays sealed where it lies.

    Args:
        store: the database.
        secrets: of the home.
        officers: two, both among those to whom it was sealed.
        hold_id: which.
        reason: why, for whoever reads the log.
        opener: (hold id, record) -> clear bytes, with the keys of both.
        now: of the record.

    Returns:
        subject, name, request, salt (base64), and entries {index, payload}, each proven to open its log entry.

    Raises:
        AccessError: ROLE_MISSING unless these two can open it.
        RequestError: BAD_FIELD without a reason, or for a wrong key.
        StateError: NOT_FOUND; STAGE_ORDER after keep_until; LOG_INCONSISTENT when it does not open the log's entries.
    """
    names = two_officers(officers)
    if not reason.strip() or len(reason) > 2000:
        raise RequestError("BAD_FIELD", "field reason must say why the evidence is opened, in at most 2000 characters")
    async with store.begin() as tx:
        hold = await tx.evidence.get(hold_id)
        if now >= hold.keep_until:
            raise StateError("STAGE_ORDER", f"evidence {hold_id} was to be kept until {hold.keep_until}, and is closed")
        if not set(names) <= set(hold.officers):
            raise AccessError("ROLE_MISSING", f"evidence {hold_id} opens for two of {', '.join(hold.officers)} only")
        record: dict[str, Any] = json.loads(opener(hold_id, secrets.unseal(_purpose(hold_id), hold.sealed)))
        await _check(tx, record)
        payload = {"id": hold_id, "by": list(names), "reason": reason}
        await tx.audit.append([AuditEvent(LeafType.EVIDENCE_OPENED, now, hold.name, payload)])
    return record


async def destroy_evidence(house: House) -> Mapping[str, int]:
    """Destroy holds that were kept long enough."""
    count = 0
    while True:
        now = house.clock.now()
        async with house.store.begin() as tx:
            over = await tx.evidence.over(now, PAGE)
            gone = [hold for hold in over if await tx.evidence.destroy(hold.hold_id)]
            events = [
                AuditEvent(
                    LeafType.EVIDENCE_DESTROYED,
                    now,
                    hold.name,
                    {"id": hold.hold_id, "keep_until": hold.keep_until.isoformat()},
                )
                for hold in gone
            ]
            await tx.audit.append(events)
        count += len(gone)
        if gone:
            house.bells.ring("audit")
        if len(over) < PAGE:
            return {"destroyed": count}


async def _check(tx: Transaction, record: Mapping[str, Any]) -> None:
    """Check that every payload is the one that its log entry commits to."""
    salt = base64.b64decode(record["salt"])
    payloads = {entry["index"]: entry["payload"].encode() for entry in record["entries"]}
    leaves = await tx.evidence.leaves(payloads)
    for index, payload in payloads.items():
        try:
            check_opening(leaves.get(index, b""), payload, salt)
        except HostileInput as error:
            raise StateError(
                "LOG_INCONSISTENT", f"what is held does not open entry {index} of the log; run assent audit recover"
            ) from error


def _purpose(hold_id: str) -> str:
    return f"evidence {hold_id}"


def _years_later(at: datetime, years: int) -> datetime:
    try:
        return at.replace(year=at.year + years)
    except ValueError:  # 29 February
        return at.replace(year=at.year + years, month=3, day=1)
