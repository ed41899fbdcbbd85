"""Provisions, to messages; which are asked for, from them."""

from __future__ import annotations

from gateway.flow.provision import OutputClass, Provision
from gateway.route.provision import ProvisionFilter
from gateway.rpc.convert.field import time_or_none, time_to_proto
from gateway.rpc.convert.job import OPERATION_NUMBERS, SIDES
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import provision_pb2


def wanted_from_proto(message: provision_pb2.ListProvisionsRequest) -> ProvisionFilter:
    """Parse which provisions are asked for.

    Raises:
        RequestError: BAD_FIELD.
    """
    return ProvisionFilter(
        partner=id_of(message.partner, "parties", "partner") if message.partner else None,
        purpose=id_of(message.purpose, "purposes", "purpose") if message.purpose else None,
        since=time_or_none(message, "since_time", "since_time"),
        until=time_or_none(message, "until_time", "until_time"),
    )


def provision_to_proto(found: Provision) -> provision_pb2.Provision:
    """Write a provision."""
    return provision_pb2.Provision(
        name=name_of("provisions", found.provision_id),
        job=name_of("jobs", found.provision_id),
        session=found.session_id,
        agreement=name_of("agreements", found.contract_id),
        side=SIDES[found.side],
        operation=OPERATION_NUMBERS[found.operation],
        handler=name_of("parties", found.handler),
        recipient=name_of("parties", found.recipient),
        released_to=[name_of("parties", party) for party in found.released_to],
        purpose=name_of("purposes", found.purpose),
        methods=found.methods,
        categories=[name_of("categories", category) for category in found.categories],
        basis=found.basis,
        policy_version=found.policy_version,
        registry_version=found.registry_version,
        commitment=found.commitment,
        subject_count=found.subject_count,
        record_count=found.record_count,
        replaced_count=found.replaced_count,
        start_time=time_to_proto(found.started_at),
        judge_time=time_to_proto(found.judged_at),
        release_time=time_to_proto(found.released_at),
        output_class=_CLASSES[found.output_class],
        minimum_cohort=found.minimum_cohort,
        result_hash=found.result_hash or b"",
        signed_by=found.signed_by,
        impact_assessments=[name_of("impactAssessments", assessment) for assessment in found.assessments],
        assess_time=time_to_proto(found.assessed_at),
        export_mechanisms=found.mechanisms,
        keep_until_time=time_to_proto(found.keep_until),
    )


_CLASSES = {
    OutputClass.MEMBERSHIP: provision_pb2.OUTPUT_CLASS_MEMBERSHIP,
    OutputClass.ATTRIBUTES: provision_pb2.OUTPUT_CLASS_ATTRIBUTES,
    OutputClass.STATISTICS: provision_pb2.OUTPUT_CLASS_STATISTICS,
}
