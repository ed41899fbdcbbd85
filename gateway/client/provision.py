"""Provisions of personal information to partners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.client.record import bare, required_time, time_of
from gateway.v1 import job_pb2, provision_pb2


@dataclass(frozen=True, slots=True)
class Provision:
    """A run in which this party provided personal information to a partner.

    Attributes:
        provision_id: id of our job.
        session: 64 hex digits; the partner's log of provisions has the same.
        contract: id of the agreement that both signed.
        side: "RECEIVER" or "SENDER", ours.
        operation: e.g. "MATCH".
        released_to: who learns the result.
        basis: legal basis, e.g. "consent".
        policy_version: rule and numbers of the house by which consent was judged.
        registry_version: digest of what was registered then.
        commitment: to the cohort, 32 bytes.
        subject_count: our people in the cohort that the commitment stands for.
        record_count: records of theirs that left, as both signed; None without a run record.
        replaced_count: records of theirs that were taken out between judgement and cut; None likewise.
        output_class: "MEMBERSHIP", "ATTRIBUTES" or "STATISTICS".
        minimum_cohort: fewest people behind a released figure; None of rows.
        result_hash: over all that was exchanged, 32 bytes; empty without a run record.
        signed_by: whose signatures under the run record are held here.
        impact_assessments: of this party, that covered it.
        assessed_at: when the last of them was approved or recorded, whichever is later.
        export_mechanisms: ways out of the country, `id@version`.
        keep_until: the entry is kept at least until then.
    """

    provision_id: str
    session: str
    contract: str
    side: str
    operation: str
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
    output_class: str
    minimum_cohort: int | None
    result_hash: bytes
    signed_by: tuple[str, ...]
    impact_assessments: tuple[str, ...]
    assessed_at: datetime | None
    export_mechanisms: tuple[str, ...]
    keep_until: datetime


def provision_of(found: provision_pb2.Provision) -> Provision:
    """Read a provision."""
    return Provision(
        provision_id=bare(found.name),
        session=found.session,
        contract=bare(found.agreement),
        side=job_pb2.Side.Name(found.side).removeprefix("SIDE_"),
        operation=job_pb2.Operation.Name(found.operation).removeprefix("OPERATION_"),
        handler=bare(found.handler),
        recipient=bare(found.recipient),
        released_to=tuple(bare(party) for party in found.released_to),
        purpose=bare(found.purpose),
        methods=tuple(found.methods),
        categories=tuple(bare(category) for category in found.categories),
        basis=found.basis,
        policy_version=found.policy_version,
        registry_version=found.registry_version,
        commitment=found.commitment,
        subject_count=found.subject_count,
        record_count=found.record_count if found.HasField("record_count") else None,
        replaced_count=found.replaced_count if found.HasField("replaced_count") else None,
        started_at=required_time(found, "start_time"),
        judged_at=required_time(found, "judge_time"),
        released_at=required_time(found, "release_time"),
        output_class=provision_pb2.OutputClass.Name(found.output_class).removeprefix("OUTPUT_CLASS_"),
        minimum_cohort=found.minimum_cohort if found.HasField("minimum_cohort") else None,
        result_hash=found.result_hash,
        signed_by=tuple(found.signed_by),
        impact_assessments=tuple(bare(assessment) for assessment in found.impact_assessments),
        assessed_at=time_of(found, "assess_time"),
        export_mechanisms=tuple(found.export_mechanisms),
        keep_until=required_time(found, "keep_until_time"),
    )
