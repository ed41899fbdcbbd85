"""One tenant port on loopback for tests: TLS, tokens, store and results are real; rows are a few lines here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import grpc.aio
import pyarrow as pa
import pytest

from gateway.client import AsyncClient
from gateway.engine.bells import ProcessBells
from gateway.errors import StateError
from gateway.flow.ports import DatasetDescription, DatasetPart, House
from gateway.keys.custody import HomeKeys
from gateway.keys.evidence import OfficerSeal, new_key
from gateway.keys.provider import FileKeyProvider
from gateway.keys.sealer import Sealer
from gateway.keys.token import TokenVerifier, issue_token
from gateway.route.agreement import AgreementBinding
from gateway.route.caller import Role
from gateway.route.job import Job
from gateway.rpc.listener import Listener
from gateway.rpc.server import tenant_server
from gateway.spool import Results
from tests.unit.gateway.flow.houses import NOW, StoppedClock, open_house

PARTY = "retailer"
CUSTOMERS = [f"C-{number:06d}" for number in range(5)]
SECRETS = [*CUSTOMERS, "13800138000"]


class Customers:
    """Two data sets: one of five customers, one whose reader has a bug that quotes a row."""

    columns = (("customer_id", "string"), ("phone", "string"))

    async def declared(self) -> list[DatasetDescription]:
        broken = DatasetDescription("broken", "csv", (), "id", places=("/srv/broken.csv",))
        held = {"phone": "phone@HK"}
        return [broken, replace(await self.describe("customers"), columns=(), identifiers=held, places=("/a", "/b"))]

    async def describe(self, name: str) -> DatasetDescription:
        if name == "broken":
            raise ValueError("row 7: 13800138000")
        if name != "customers":
            raise StateError("NOT_FOUND", "no such data set; assent dataset add declares one")
        parts = (DatasetPart("core", "csv", "customer_id"), DatasetPart("cards", "parquet", "card", "cards"))
        return DatasetDescription(name, "csv", self.columns, "customer_id", parts=parts)

    async def parts(self, name: str) -> tuple[DatasetPart, ...]:
        return (DatasetPart("", "csv", "customer_id"),)

    async def identifiers(self, name: str) -> tuple[dict[str, str], ...]:
        return ({},)

    def subject_pieces(self, binding: AgreementBinding, part: int = 0) -> Iterator[pa.StringArray]:
        yield pa.array(CUSTOMERS, pa.string())


@dataclass
class Tenant:
    """A running tenant port."""

    home: Path
    house: House
    clock: StoppedClock
    keys: HomeKeys
    listener: Listener

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.listener.port}"

    @property
    def ca(self) -> bytes:
        return self.keys.tls.certificate

    def token(self, *roles: Role, party: str = PARTY, days: int = 30, subject: str = "somebody") -> str:
        return issue_token(self.home, subject, roles or tuple(Role), party, self.clock.now(), days)

    def client(self, *roles: Role, timeout_s: float = 10.0) -> AsyncClient:
        return AsyncClient.connect(self.target, self.ca, self.token(*roles), timeout_s=timeout_s)

    async def restart(self) -> None:
        """Cut every call and serve again on the same port."""
        port = self.listener.port
        await self.listener.stop(0)
        self.listener = serve(self.home, self.house, self.clock, self.keys, port)
        await self.listener.start()

    async def change(self, job_id: str, **changes: Any) -> Job:
        """Do a worker's part: lease the job, change it, give it back."""
        async with self.house.store.begin() as tx:
            job = await tx.jobs.get(job_id)
            now = self.clock.now()
            leased = await tx.jobs.lease("test", job.spool_id, now, now + timedelta(seconds=30))
            assert leased is not None
            assert leased.job_id == job_id
            job = await tx.jobs.update(job_id, leased.fence, changes)
            if not job.state.final:
                await tx.jobs.release(job_id, leased.fence, now)
        self.house.bells.ring(job_id)
        return job


@asynccontextmanager
async def open_tenant(home: Path) -> AsyncIterator[Tenant]:
    """Open a gateway of the retailer with its tenant port on a free port of loopback."""
    clock = StoppedClock()
    async with open_house(home, PARTY, clock) as bare:
        keys = HomeKeys.load(home)
        house = replace(
            bare,
            datasets=cast(Any, Customers()),
            results=Results(home / "results", Sealer(FileKeyProvider.load(home))),
            spool=cast(Any, SimpleNamespace(spool_id="spool-1")),
            bells=ProcessBells(),
            evidence=OfficerSeal({name: new_key(f"passphrase of {name}")[1] for name in ("li", "wu")}),
        )
        tenant = Tenant(home, house, clock, keys, serve(home, house, clock, keys))
        await tenant.listener.start()
        try:
            yield tenant
        finally:
            await tenant.listener.stop(0.2)


def channel_to(tenant: Tenant) -> grpc.aio.Channel:
    """Dial without the client, to send what it never would."""
    return grpc.aio.secure_channel(tenant.target, grpc.ssl_channel_credentials(tenant.ca))


async def status_of(call: Any) -> grpc.StatusCode:
    """Return how a call failed."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    code: grpc.StatusCode = raised.value.code()
    return code


def serve(home: Path, house: House, clock: StoppedClock, keys: HomeKeys, port: int = 0) -> Listener:
    """Bind a tenant port on loopback."""
    verifier = TokenVerifier.load(home, PARTY, clock)
    return tenant_server(house, verifier, f"127.0.0.1:{port}", keys.tls.certificate, keys.tls.key)


__all__ = ["CUSTOMERS", "NOW", "PARTY", "SECRETS", "Tenant", "channel_to", "open_tenant", "serve", "status_of"]
