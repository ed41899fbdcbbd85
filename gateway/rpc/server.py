"""The tenant port: all services of gateway.v1 behind TLS and a bearer token."""

from __future__ import annotations

import grpc

from gateway.errors import RequestError
from gateway.flow.ports import House
from gateway.rpc.agreement import AgreementServicer
from gateway.rpc.audit import AuditServicer
from gateway.rpc.auth import TokenInterceptor, TokenVerifier
from gateway.rpc.consent import ConsentServicer
from gateway.rpc.dataset import DatasetServicer
from gateway.rpc.decision import DecisionServicer
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.job import JobServicer
from gateway.rpc.listener import Listener, listen, new_server
from gateway.rpc.notice import NoticeServicer
from gateway.rpc.party import PartyServicer
from gateway.rpc.registry import RegistryServicer
from gateway.rpc.rights import RightsServicer
from gateway.rpc.schedule import ScheduleServicer
from gateway.rpc.sink import SinkServicer
from gateway.rpc.task import TaskServicer
from gateway.rpc.witness import WitnessServicer
from gateway.v1 import (
    agreement_pb2,
    agreement_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    consent_pb2,
    consent_pb2_grpc,
    dataset_pb2,
    dataset_pb2_grpc,
    decision_pb2,
    decision_pb2_grpc,
    identity_pb2,
    identity_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    notice_pb2,
    notice_pb2_grpc,
    party_pb2,
    party_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
    rights_pb2,
    rights_pb2_grpc,
    schedule_pb2,
    schedule_pb2_grpc,
    sink_pb2,
    sink_pb2_grpc,
    task_pb2,
    task_pb2_grpc,
    witness_pb2,
    witness_pb2_grpc,
)

_FILES = (
    agreement_pb2,
    audit_pb2,
    consent_pb2,
    dataset_pb2,
    decision_pb2,
    identity_pb2,
    job_pb2,
    notice_pb2,
    party_pb2,
    registry_pb2,
    rights_pb2,
    schedule_pb2,
    sink_pb2,
    task_pb2,
    witness_pb2,
)
SERVICES = tuple(service.full_name for file in _FILES for service in file.DESCRIPTOR.services_by_name.values())


def tenant_server(
    house: House, verifier: TokenVerifier, address: str, certificate_chain: bytes, private_key: bytes
) -> Listener:
    """Make the tenant server, bound but not started.

    Args:
        house: ports of this gateway.
        verifier: reads bearer tokens.
        address: host:port; TLS also on loopback, port 0 takes a free one.
        certificate_chain: leaf first, PEM.
        private_key: of the leaf, PEM.

    Raises:
        RequestError: BAD_FIELD when the address cannot be bound or the key material cannot be read.
    """
    server = new_server([TokenInterceptor(verifier)])
    agreement_pb2_grpc.add_AgreementServiceServicer_to_server(AgreementServicer(house), server)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(AuditServicer(house), server)
    consent_pb2_grpc.add_ConsentServiceServicer_to_server(ConsentServicer(house), server)
    dataset_pb2_grpc.add_DatasetServiceServicer_to_server(DatasetServicer(house), server)
    decision_pb2_grpc.add_DecisionServiceServicer_to_server(DecisionServicer(house), server)
    identity_pb2_grpc.add_IdentityServiceServicer_to_server(IdentityServicer(house), server)
    job_pb2_grpc.add_JobServiceServicer_to_server(JobServicer(house), server)
    notice_pb2_grpc.add_NoticeServiceServicer_to_server(NoticeServicer(house), server)
    party_pb2_grpc.add_PartyServiceServicer_to_server(PartyServicer(house), server)
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(RegistryServicer(house), server)
    task_pb2_grpc.add_TaskServiceServicer_to_server(TaskServicer(house), server)
    schedule_pb2_grpc.add_ScheduleServiceServicer_to_server(ScheduleServicer(house), server)
    sink_pb2_grpc.add_SinkServiceServicer_to_server(SinkServicer(house), server)
    rights_pb2_grpc.add_RightsServiceServicer_to_server(RightsServicer(house), server)
    witness_pb2_grpc.add_WitnessServiceServicer_to_server(WitnessServicer(house), server)
    return listen(server, address, _credentials(certificate_chain, private_key), SERVICES)


def _credentials(certificate_chain: bytes, private_key: bytes) -> grpc.ServerCredentials:
    if not certificate_chain or not private_key:
        raise RequestError("BAD_FIELD", "the tenant port needs a certificate chain and its private key")
    return grpc.ssl_server_credentials([(private_key, certificate_chain)])
