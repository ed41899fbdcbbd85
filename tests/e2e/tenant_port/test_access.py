"""Who gets in over a real socket, and who does not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.client import (
    AsyncClient,
    Purpose,
)
from gateway.errors import AccessError, RequestError, StateError
from gateway.route.caller import Role
from gateway.v1 import consent_pb2, consent_pb2_grpc, job_pb2, job_pb2_grpc
from tests.e2e.tenant_port.tenant import CUSTOMERS, Tenant, channel_to, status_of
from tests.unit.gateway.flow.houses import open_house

PURPOSE = "profile_enrichment"
UUID = "7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11"


@pytest.mark.parametrize(
    "metadata", [(), (("authorization", "Bearer x"),), (("authorization", "Basic dXNlcg=="),), (("cookie", "token=x"),)]
)
async def test_no_call_works_without_a_token(tenant: Tenant, metadata: tuple[tuple[str, str], ...]) -> None:
    async with channel_to(tenant) as channel:
        jobs: Any = job_pb2_grpc.JobServiceStub(channel)
        consents: Any = consent_pb2_grpc.ConsentServiceStub(channel)
        name = f"jobs/{UUID}"
        calls = [
            jobs.GetJob(job_pb2.GetJobRequest(name=name), metadata=metadata),
            aiter(jobs.WatchJob(job_pb2.WatchJobRequest(name=name), metadata=metadata)).__anext__(),
            consents.ImportEvents(iter([consent_pb2.ImportEventsRequest()]), metadata=metadata),
            channel.unary_unary("/gateway.v1.JobService/NoSuchMethod")(b"", metadata=metadata),
            channel.unary_unary("/no.such.Service/Method")(b"", metadata=metadata),
        ]
        for call in calls:
            assert await status_of(call) is grpc.StatusCode.UNAUTHENTICATED


async def test_health_answers_without_a_token_and_nothing_else_does(tenant: Tenant) -> None:
    async with channel_to(tenant) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", "gateway.v1.JobService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_an_import_without_a_token_does_not_wait_for_its_rows(tenant: Tenant) -> None:
    """A stream is refused before a single message of it is read."""
    async with channel_to(tenant) as channel:
        consents: Any = consent_pb2_grpc.ConsentServiceStub(channel)
        call = consents.ImportEvents()
        assert await asyncio.wait_for(call.code(), 5) is grpc.StatusCode.UNAUTHENTICATED


async def _refused(tenant: Tenant, token: str) -> AccessError:
    async with AsyncClient.connect(tenant.target, tenant.ca, token) as client:
        with pytest.raises(AccessError) as raised:
            await client.jobs.get(UUID)
        with pytest.raises(AccessError):
            [job async for job in client.jobs.watch(UUID)]
    return raised.value


async def test_a_token_of_another_party_is_refused(tenant: Tenant) -> None:
    assert (await _refused(tenant, tenant.token(party="platform"))).reason == "UNAUTHENTICATED"


async def test_an_expired_token_is_refused(tenant: Tenant) -> None:
    token = tenant.token(days=1)
    tenant.clock.advance(days=1, seconds=1)
    error = await _refused(tenant, token)
    assert error.reason == "UNAUTHENTICATED"
    assert "expired" in error.message


async def test_an_altered_token_is_refused(tenant: Tenant) -> None:
    head, body, signature = tenant.token().split(".")
    assert (await _refused(tenant, f"{head}.{body}.{signature[:-4]}AAAA")).reason == "UNAUTHENTICATED"
    assert (await _refused(tenant, f"{head}.{body}.")).reason == "UNAUTHENTICATED"


async def test_a_role_is_needed_and_named(tenant: Tenant) -> None:
    async with (
        tenant.client(Role.COMPLIANCE_OFFICER) as officer,
        tenant.client(Role.CDP_JOB) as cdp,
        tenant.client(Role.AUDITOR) as auditor,
    ):
        with pytest.raises(StateError, match="no entries yet"):
            await auditor.audit.checkpoint()
        assert [entry async for entry in auditor.audit.entries()] == []
        for call in (
            auditor.registry.create_purpose(Purpose(PURPOSE)),
            auditor.jobs.create(UUID, "MATCH", PURPOSE),
            auditor.audit.prove_membership("customer", CUSTOMERS[0], UUID),
            officer.jobs.create(UUID, "MATCH", PURPOSE),
            officer.registry.create_purpose(Purpose(PURPOSE)),
            cdp.registry.create_purpose(Purpose(PURPOSE)),
            cdp.datasets.get("customers"),
            cdp.audit.checkpoint(),
            cdp.witnesses.receipt(0),
            cdp.witnesses.get(),
            cdp.witnesses.policy(),
            cdp.consents.evaluate(
                CUSTOMERS[0], subject_type="customer", purpose=PURPOSE, category="c", method="psi_hash"
            ),
        ):
            with pytest.raises(AccessError) as raised:
                await call
            assert raised.value.reason == "ROLE_MISSING"
        for answers in (
            auditor.audit.entries(subject=("customer", CUSTOMERS[0])),
            cdp.audit.provisions(),
            cdp.consents.eligible(purpose=PURPOSE, category="c", method="psi_hash"),
            cdp.consents.coverage(purpose=PURPOSE, category="c", method="psi_hash"),
        ):
            with pytest.raises(AccessError) as raised:
                [answer async for answer in answers]
            assert raised.value.reason == "ROLE_MISSING"


async def test_plaintext_is_refused(tenant: Tenant) -> None:
    async with grpc.aio.insecure_channel(tenant.target) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        status = await status_of(health.Check(health_pb2.HealthCheckRequest(), timeout=5))
    assert status is grpc.StatusCode.UNAVAILABLE


async def test_a_gateway_under_another_authority_is_not_trusted(tenant: Tenant, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with open_house(other, "platform"):
        ca = (other / "keys" / "tls.crt").read_bytes()
    async with AsyncClient.connect(tenant.target, ca, tenant.token(), timeout_s=5) as client:
        with pytest.raises(StateError) as raised:
            await client.jobs.get(UUID)
    assert raised.value.reason == "PEER_UNAVAILABLE"


async def test_a_second_server_cannot_share_the_port(tenant: Tenant) -> None:
    from gateway.rpc.listener import listen, new_server

    credentials = grpc.ssl_server_credentials([(tenant.keys.tls.key, tenant.keys.tls.certificate)])
    with pytest.raises(RequestError, match="cannot be bound"):
        listen(new_server(), tenant.target, credentials, ())
