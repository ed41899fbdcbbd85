"""Any message that protobuf can carry is parsed or refused by name; nothing else ever comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.assessment import Assessment
from consent.basis import BasisRule
from consent.errors import ConsentError
from consent.event import ConsentEvent
from consent.mechanism import ExportMechanism
from consent.notice import Notice
from consent.party import Party, PartyEvent
from consent.purpose import Category, Purpose
from gateway.errors import RequestError
from gateway.rpc.convert import agreement, consent, event, job, notice, party, registry
from gateway.v1 import agreement_pb2, consent_pb2, job_pb2, notice_pb2, party_pb2, registry_pb2
from tests.unit.gateway.rpc.convert.messages import UUID, WHEN

TEXTS = st.one_of(
    st.sampled_from(
        [
            "", " ", "customer", "psi_hash", "2012-06-01", "N-SHARE@1", "purposes/p", "purposes/", "categories/c",
            "parties/platform-b", f"agreements/{UUID}", f"agreements/{UUID}/binding", "datasets/customers", UUID,
            "impactAssessments/a", "notices/N/versions/1", "N",
        ]
    ),
    st.text(max_size=20),
)  # fmt: skip
INT64 = st.one_of(st.integers(-2, 2), st.sampled_from([-(2**63), 2**63 - 1, 253_402_300_799]))
INT32 = st.one_of(st.integers(-2, 12), st.sampled_from([-(2**31), 2**31 - 1, 999_999_999]))
SCALARS = {
    FieldDescriptor.TYPE_STRING: TEXTS,
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=40),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT64: INT64,
    FieldDescriptor.TYPE_INT32: INT32,
    FieldDescriptor.TYPE_ENUM: INT32,
}


def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    one = _messages(field.message_type, depth - 1) if field.message_type else SCALARS[field.type]
    return st.lists(one, max_size=3) if field.is_repeated else one


def _messages(of: Descriptor, depth: int = 4) -> st.SearchStrategy[Message]:
    fields = {field.name: _values(field, depth) for field in of.fields if depth > 0}
    return st.fixed_dictionaries({}, optional=fields).map(lambda found: GetMessageClass(of)(**found))


def _nothing(parsed: Any) -> None:
    return None


PARSERS: list[tuple[type[Message], Callable[[Any], Any], Callable[[Any], Any]]] = [
    (job_pb2.CreateJobRequest, lambda message: job.job_request_from_proto(message, "somebody"), _nothing),
    (job_pb2.ReadResultRequest, job.control_segment_from_proto, _nothing),
    (agreement_pb2.BindAgreementRequest, agreement.binding_from_proto, _nothing),
    (agreement_pb2.AcceptAgreementRequest, agreement.expected_hash_from_proto, _nothing),
    (registry_pb2.CreatePurposeRequest, registry.purpose_from_proto, Purpose.from_mapping),
    (registry_pb2.CreateCategoryRequest, registry.category_from_proto, Category.from_mapping),
    (registry_pb2.CreateImpactAssessmentRequest, registry.assessment_from_proto, Assessment.from_mapping),
    (notice_pb2.CreateNoticeRequest, notice.notice_from_proto, Notice.draft),
    (consent_pb2.EvaluateConsentRequest, lambda message: consent.use_from_proto(message, "retailer"), _nothing),
    (consent_pb2.EvaluateConsentRequest, consent.circumstances_from_proto, _nothing),
    (
        registry_pb2.CreateBasisRuleRequest,
        lambda message: registry.basis_rule_from_proto(message)[0],
        BasisRule.from_mapping,
    ),
    (party_pb2.CreatePartyRequest, lambda message: party.party_from_proto(message)[0], Party.from_mapping),
    (party_pb2.CreatePartyEventRequest, party.event_from_proto, PartyEvent.from_mapping),
    (
        party_pb2.CreateExportMechanismRequest,
        lambda message: party.mechanism_from_proto(message)[0],
        ExportMechanism.from_mapping,
    ),
    (party_pb2.GetPartyRequest, lambda message: party.party_version(message.name), _nothing),
    (consent_pb2.ListConsentsRequest, consent.subject_from_proto, _nothing),
    (consent_pb2.ImportOptions, event.options_from_proto, _nothing),
    (consent_pb2.ConsentEventBatch, event.batch_from_proto, _nothing),
    (
        consent_pb2.ConsentEvent,
        event.event_from_proto,
        lambda mapping: ConsentEvent.from_mapping(mapping, recorded_at=WHEN),
    ),
]


@pytest.mark.parametrize(("kind", "parse", "read"), PARSERS, ids=[kind.__name__ for kind, _, _ in PARSERS])
def test_parsed_or_refused(kind: type[Message], parse: Callable[[Any], Any], read: Callable[[Any], Any]) -> None:
    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(_messages(kind.DESCRIPTOR))
    def holds(message: Message) -> None:
        try:
            parsed = parse(message)
        except RequestError as error:
            assert error.reason == "BAD_FIELD"
            assert error.message.startswith("field ")
            return
        # What consent reads of it may be refused too, by consent's own errors.
        try:
            read(parsed)
        except ConsentError as error:
            assert error.field

    holds()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_document_or_refused(document: bytes) -> None:
    try:
        assert isinstance(agreement.document_from_proto(document), dict)
    except RequestError as error:
        assert error.message.startswith("field document ")
