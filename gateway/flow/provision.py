"""The log of provisions (NDSR 12, PIPL 55-56): what left to whom, for what, on which ground.

Nothing is written for it. A provision is read off what the release itself stored: the run, its job and the session
with the records that both sides signed, and the agreement. None of these is ever deleted, what retention destroys are
rows of people alone; and what was registered at a moment stays known, so that the ground of a run is found again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent.decision import ground
from gateway.errors import StateError
from gateway.flow.access import require_log_reader
from gateway.flow.authorize import direction_of, gates_for
from gateway.flow.decision_log import KEPT
from gateway.flow.export import exported
from gateway.flow.ports import House, Transaction
from gateway.flow.registry import load_registry
from gateway.psi.record import opening_of_record
from gateway.psi.run import RunHalf, receiver_run_half_of, sender_run_half_of
from gateway.route.agreement import Agreement, Operation
from gateway.route.caller import Caller
from gateway.route.job import Refusal, Side
from gateway.route.provision import ProvidedRun, ProvisionFilter


class OutputClass(StrEnum):
    """What a run yields: who is a customer of both, values about them, or statistics."""

    MEMBERSHIP = "membership"
    ATTRIBUTES = "attributes"
    STATISTICS = "statistics"


@dataclass(frozen=True, slots=True)
class Provision:
    """One run in which this house provided personal information to a partner.

    Attributes:
        provision_id: of our job; the partner's log has the run under an id of its own, and the same session.
        session_id: 64 hex digits.
        contract_id: the agreement, uuid.
        side: RECEIVER: our people's blinded identifiers went; SENDER: our table went, or figures about our people.
        operation: what was run.
        handler: this house.
        recipient: the partner.
        released_to: who learns the result by the agreement.
        purpose: purpose id.
        methods: each once.
        categories: of what was provided, each once.
        basis: legal basis.
        policy_version: rule and numbers of the house by which consent was judged.
        registry_version: digest of what was registered then.
        commitment: to the cohort, in the opening record that both signed; 32 bytes.
        subject_count: our people in the cohort that the commitment stands for.
        record_count: records of theirs that left, as signed; people who share a match key, of a RECEIVER, are one.
            None without a run record.
        replaced_count: records of theirs that were taken out between judgement and cut, as signed; None likewise.
        started_at: the session was opened.
        judged_at: consent was judged for the last time before anything left.
        released_at: the result stood, or the table had gone.
        output_class: what the run yields.
        minimum_cohort: fewest people behind a released figure, as both signed; None of rows.
        result_hash: hash over all that was exchanged, in the run record; None without one.
        signed_by: whose signatures under the run record we hold.
        assessments: impact assessments of this house that covered it, at `judged_at`.
        assessed_at: when the last of them was approved or recorded, whichever is later.
        mechanisms: ways out of the country.
        keep_until: the entry is kept at least until then.
    """

    provision_id: str
    session_id: str
    contract_id: str
    side: Side
    operation: Operation
    handler: str
    recipient: str
    released_to: tuple[str, ...]
    purpose: str
    methods: tuple[str, ...]
    categories: tuple[str, ...]
    basis: str
    policy_version: str
    registry_version: str
    commitment: bytes
    subject_count: int
    record_count: int | None
    replaced_count: int | None
    started_at: datetime
    judged_at: datetime
    released_at: datetime
    output_class: OutputClass
    minimum_cohort: int | None
    result_hash: bytes | None
    signed_by: tuple[str, ...]
    assessments: tuple[str, ...]
    assessed_at: datetime | None
    mechanisms: tuple[str, ...]
    keep_until: datetime


async def list_provisions(
    house: House,
    caller: Caller,
    wanted: ProvisionFilter,
    before: tuple[datetime, str] | None = None,
    limit: int = 100,
) -> list[Provision]:
    """Return provisions, the newest first.

    Args:
        house: ports.
        caller: a compliance officer or an auditor.
        wanted: which.
        before: (released_at, provision_id) of the page before, outside.
        limit: most provisions.
    """
    require_log_reader(caller)
    agreements: dict[str, Agreement] = {}
    found = []
    async with house.store.read() as tx:
        for kept in await tx.runs.provided(wanted, before, limit):
            agreement_id = kept.run.agreement_id
            if agreement_id not in agreements:
                agreements[agreement_id] = (await tx.agreements.get(agreement_id)).agreement
            found.append(await _provision(house, tx, kept, agreements[agreement_id]))
    return found


async def _provision(house: House, tx: Transaction, kept: ProvidedRun, agreement: Agreement) -> Provision:
    run, request = kept.run, kept.request
    direction = direction_of(agreement, request, house.custody.party, run.side, run.partner)
    if isinstance(direction, Refusal):
        raise StateError("LOG_INCONSISTENT", "the agreement of a released run does not name it; restore a backup")
    gates, column_gates = gates_for(agreement, direction, request, run.side)
    uses = (*gates, *(use for _, use in column_gates))
    half, opening = _half(kept), opening_of_record(kept.opening, run.session_id)
    ours = opening.receiver if run.side is Side.RECEIVER else opening.sender
    # What the job noted at a release may be the moment after it; the cut is what both signed.
    judged_at = run.judged_at if half is None else half.cut_at
    registry = await load_registry(tx, house)
    rests = ground(uses, judged_at, registry, await exported(tx, registry, run.partner, judged_at, judged_at))
    approved = [time for one in rests.assessments for time in (one.approved_at, one.recorded_at) if time is not None]
    terms = agreement.aggregate if request.operation.grouped else None
    return Provision(
        provision_id=run.job_id,
        session_id=run.session_id,
        contract_id=run.agreement_id,
        side=run.side,
        operation=request.operation,
        handler=gates[0].handler,
        recipient=run.partner,
        released_to=direction.result_to,
        purpose=request.purpose,
        methods=tuple(dict.fromkeys(use.method for use in uses)),
        categories=tuple(dict.fromkeys(use.category for use in uses)),
        basis=gates[0].basis,
        policy_version=rests.policy_version,
        registry_version=rests.registry_version,
        commitment=ours.commitment,
        subject_count=int(str(kept.report["consented"])),
        record_count=None if half is None else half.tokenised,
        replaced_count=None if half is None else half.replaced,
        started_at=kept.started_at,
        judged_at=judged_at,
        released_at=run.released_at,
        output_class=_OUTPUTS[request.operation],
        minimum_cohort=None if terms is None else terms.minimum_cohort,
        result_hash=None if half is None else half.transcript,
        signed_by=kept.signed_by,
        assessments=tuple(one.id for one in rests.assessments),
        assessed_at=max(approved, default=None),
        mechanisms=rests.mechanisms,
        keep_until=run.released_at + KEPT,
    )


def _half(kept: ProvidedRun) -> RunHalf | None:
    if not kept.run_record:
        return None
    read = receiver_run_half_of if kept.run.side is Side.RECEIVER else sender_run_half_of
    return read(kept.run_record, kept.run.session_id)


_OUTPUTS = {
    Operation.MATCH: OutputClass.MEMBERSHIP,
    Operation.ENRICH: OutputClass.ATTRIBUTES,
    Operation.AGGREGATE: OutputClass.STATISTICS,
    Operation.OVERLAP: OutputClass.STATISTICS,
}
