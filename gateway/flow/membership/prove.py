"""A proof that a person was, or was not, in the cohort of a run, and under which consent; see `tlog.membership`."""

from __future__ import annotations

import base64
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from consent.evaluate import Question, Use, may_use
from consent.history import members
from gateway import kernel
from gateway.errors import StateError
from gateway.flow.access import require
from gateway.flow.audit import run_evidence
from gateway.flow.checkpoint import log_key, newest_checkpoint, tile_set
from gateway.flow.consent import person_ref
from gateway.flow.erasure import erased_name
from gateway.flow.export import exported
from gateway.flow.membership.condense import Bits
from gateway.flow.pipeline import in_turn
from gateway.flow.ports import House, Transaction
from gateway.flow.reach import terms_of_run
from gateway.flow.registry import load_registry
from gateway.flow.threads import in_thread
from gateway.psi.fields import Fields
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import canonical_bytes, parse_canonical, time_text
from gateway.route.membership import Membership
from gateway.route.subject_ref import from_texts, once
from gateway.tlog.audit_path import inclusion_proof, tiles_for_inclusion
from gateway.tlog.leaf import LeafType, opening_of
from gateway.tlog.membership import BUNDLE_VERSION, Place, PlaceFinder

PEOPLE = 100_000
"""Numbered people read at a time."""
TRIES = 3
MOST_ENTRIES = 1000
"""Consent events of one person that a proof opens, the oldest."""


async def prove_membership(house: House, caller: Caller, subject_type: str, subject: str, session_id: str) -> bytes:
    """Make the proof of one person and run; it is on record.

    Args:
        house: ports.
        caller: a compliance officer.
        subject_type: type label of the raw value.
        subject: the raw value.
        session_id: 64 hex digits.

    Returns:
        RFC 8785 bytes, for `assent-verify membership`.

    Raises:
        RequestError: BAD_FIELD.
        StateError: NOT_FOUND for a run that kept no cohort, and for an erased person; STAGE_ORDER while the cohort is
            not numbered yet; LOG_INCONSISTENT when what is kept does not lead to the commitment that both signed.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    ref = person_ref(house, subject_type, subject)
    membership, place = await _found(house, ref, session_id)
    evidence = await run_evidence(house, session_id)
    async with house.store.read() as tx:
        record: dict[str, Any] = {
            "v": BUNDLE_VERSION,
            "kind": "membership",
            "party": house.custody.party,
            "side": membership.side.value.lower(),
            "made": time_text(house.clock.now()),
            "subject": ref,
            "salt": _base64(membership.salt),
            "member": place.member,
            "people": place.people,
            "leaves": [leaf.to_mapping() for leaf in place.leaves],
            "run": parse_canonical(evidence.content),
            "judgement": await _judgement(house, tx, membership, ref),
            "log": await _log(house, tx, ref),
        }
    record["signature"] = _base64(house.custody.sign_record("membership", canonical_bytes(record)))
    payload = {"by": caller.subject, "session": session_id, "member": place.member}
    await house.store.append([AuditEvent(LeafType.MEMBERSHIP_PROVED, house.clock.now(), ref, payload)])
    house.bells.ring("audit")
    return canonical_bytes(record)


async def _found(house: House, ref: str, session_id: str) -> tuple[Membership, Place]:
    """Find a person's place in a run's cohort, again where somebody was erased meanwhile."""
    for _ in range(TRIES):
        async with house.store.read() as tx:
            membership = await _membership(tx, session_id)
            erased_at = await tx.erasure.erased_at(erased_name(house, ref))
            if erased_at is not None and membership.judged_at <= erased_at:
                raise StateError("NOT_FOUND", "this person was erased; nothing that is kept leads to them any more")
            bits = Bits(await tx.memberships.blocks(membership.job_id))
            apart = await tx.memberships.apart(membership.job_id)
            number = await tx.memberships.numbers(from_texts(pa.array([ref])))
            before = await tx.memberships.next_number()
        place = await _place(house, membership, bits, apart, ref)
        if place.root == membership.commitment and place.member == bool(bits.of(number)[0]):
            return membership, place
        async with house.store.read() as tx:
            after = await tx.memberships.next_number()
        if after == before:
            break
    raise StateError("LOG_INCONSISTENT", "what is kept of this run's people does not lead to its signed commitment")


async def _membership(tx: Transaction, session_id: str) -> Membership:
    membership = await tx.memberships.get(session_id)
    if membership is None:
        raise StateError("NOT_FOUND", "no cohort of such a session is kept here; `assent job list` names the sessions")
    if not membership.numbered:
        raise StateError("STAGE_ORDER", "the run has just ended and its people are being numbered; ask in a minute")
    session = await tx.sessions.get(session_id)
    if len(session.run_signatures) < 2:
        raise StateError("STAGE_ORDER", "this run ended before both parties had signed it: there is no evidence of it")
    return membership


async def _place(house: House, membership: Membership, bits: Bits, apart: list[bytes], ref: str) -> Place:
    """Build the cohort's tree again from the bits, and find a person's place in it."""
    finder = PlaceFinder(hmac.digest(membership.salt, ref.encode(), "sha256"))
    fields = Fields(mac=32)
    # The job's folder is gone: the sort may spill under a name of its own, so that two proofs do not meet.
    folder = f"proof-{membership.session_id[:16]}-{hmac.digest(membership.salt, ref.encode(), 'sha256').hex()[:16]}"
    with house.memory.lend() as memory:
        leaves = house.spool.sorter(folder, "leaves", fields.width, 32, memory)
        try:
            async for refs, numbers in _people(house):
                members = np.ascontiguousarray(refs[bits.of(numbers)])
                if len(members):
                    macs = await in_thread(kernel.hmac_sha256, membership.salt, members, house.limits.threads)
                    await in_thread(leaves.add, macs)
            if apart:
                leaves.add(np.frombuffer(b"".join(apart), np.uint8).reshape(-1, 32))
            async for piece in in_turn(leaves.pieces()):
                await in_thread(finder.add, once(piece)[0])
            return await in_thread(finder.place)
        finally:
            await in_thread(leaves.close)
            await in_thread(house.spool.drop, folder)


async def _people(house: House) -> AsyncIterator[tuple[Any, Any]]:
    after = ""
    while True:
        async with house.store.read() as tx:
            refs, numbers = await tx.memberships.people(after, PEOPLE)
        if not len(refs):
            return
        yield refs, numbers
        after = refs[-1].tobytes().decode("ascii")


async def _judgement(house: House, tx: Transaction, membership: Membership, ref: str) -> list[dict[str, object]]:
    """Ask the rule about each use again, as it was known at the judgement: what allowed, or what stood against it."""
    job = await tx.jobs.get(membership.job_id)
    registry, terms = await load_registry(tx, house), await terms_of_run(tx, house, job)
    history = (await tx.consents.histories([ref]))[ref]
    at = membership.judged_at
    abroad = await exported(tx, registry, job.partner, at, at)

    def asked(use: Use) -> dict[str, object]:
        question = Question(
            subject=ref,
            use=use,
            at=at,
            as_known_at=at,
            exported_this_year=abroad.people,
            sensitive_exported_this_year=abroad.sensitive,
        )
        decision = may_use(question, history, registry)
        return {
            "handler": use.handler,
            "recipient": use.recipient or "",
            "purpose": use.purpose,
            "category": use.category,
            "method": use.method,
            "allowed": decision.allowed,
            "reason": str(decision.reason_code),
            "consent": decision.consent_id or "",
        }

    return [asked(use) for use in terms.gates]


async def _log(house: House, tx: Transaction, ref: str) -> Mapping[str, object]:
    """Open all entries of a person's consent events, each proven in the newest checkpoint."""
    signed = await newest_checkpoint(tx, log_key(house))
    size, now = signed.checkpoint.size, house.clock.now()
    entries = []
    history = (await tx.consents.histories([ref]))[ref]
    # Whoever was merged with this person is the same person: a consent may have been given under either reference.
    people = [one.subject for one in members(history, now, now)]
    indexes = sorted({index for one in people for index in await tx.audit.acts_of(one, MOST_ENTRIES)})
    for index in indexes[:MOST_ENTRIES]:
        async for entry in tx.audit.entries(index, index + 1):
            opening = opening_of(entry)
            if opening is None:
                continue
            path = inclusion_proof(index, size, await tile_set(tx, tiles_for_inclusion(index, size)))
            entries.append(
                {
                    "index": index,
                    "entry": entry.leaf.decode(),
                    "payload": parse_canonical(opening[0]),
                    "salt": _base64(opening[1]),
                    "path": [_base64(value) for value in path],
                }
            )
    return {"vkey": house.custody.log_vkey(), "checkpoint": signed.note.decode(), "entries": entries}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
