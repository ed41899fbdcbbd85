"""The composition root: settings in, one running gateway out. Nothing else reads settings."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gateway.dataset import Datasets
from gateway.engine import (
    ProcessBells,
    Scheduler,
    SpawnedProcesses,
    SystemClock,
    WitnessSeeker,
    Worker,
    WorkerLimits,
    sequence_for_ever,
    write_decisions,
    write_decisions_for_ever,
)
from gateway.errors import RequestError
from gateway.flow.audit import sequence
from gateway.flow.memory import Memory
from gateway.flow.ports import House, Limits, Witnessing
from gateway.flow.schedule import DELIVERIES
from gateway.keys.certificate import spki_pin
from gateway.keys.custody import HomeKeys
from gateway.keys.evidence import OfficerSeal
from gateway.keys.provider import FileKeyProvider
from gateway.keys.sealer import Sealer
from gateway.keys.token import TokenVerifier
from gateway.peer.channel import Channels
from gateway.peer.directory import Directory
from gateway.peer.partner import GrpcPeer
from gateway.rpc.exchange import peer_server
from gateway.rpc.server import tenant_server
from gateway.settings import Settings, load_datasets, load_settings
from gateway.settings.tables import LogSettings
from gateway.sink import Sinks
from gateway.spool import Results, Spool
from gateway.store import open_store
from gateway.tlog.note import parse_vkey
from gateway.tlog.policy import parse_policy

RESULTS_FOLDER = "results"


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that serves.

    Attributes:
        tenant_port: TCP port of the tenant API.
        peer_port: TCP port for partners.
        tasks: worker, schedulers, sequencer, seeker of witnesses, decision writer and directory; the end of any of
            them is a fault.
    """

    tenant_port: int
    peer_port: int
    tasks: tuple[asyncio.Task[None], ...]


@asynccontextmanager
async def running(settings: Settings, grace_s: float = 5.0) -> AsyncIterator[Running]:
    """Open everything, serve, and close in the opposite order.

    Args:
        settings: of one home.
        grace_s: seconds that present calls get at the end.

    Raises:
        AssentError: something cannot be opened; the message says what to do.
    """
    keys = HomeKeys.load(settings.home, settings.log.signer)
    witnessing = witnessing_of(settings.log, keys.log_vkey())
    sealer = Sealer(FileKeyProvider.load(settings.home))
    clock, bells = SystemClock(), ProcessBells()
    channels = Channels(keys.tls.certificate, keys.tls.key)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(channels.close)
        store = await open_store(settings.store.url.get_secret_value())
        stack.push_async_callback(store.close)
        house = House(
            store=store,
            custody=keys,
            secrets=sealer,
            spool=Spool(settings.spool.directory, sealer),
            datasets=Datasets(lambda: load_datasets(settings.home)),
            results=Results(settings.home / RESULTS_FOLDER, sealer),
            sinks=Sinks(lambda: load_settings(settings.home).sinks),
            peer=GrpcPeer(channels),
            clock=clock,
            bells=bells,
            processes=SpawnedProcesses(settings.engine.processes),
            memory=Memory(settings.engine.memory_limit << 20),
            limits=Limits(
                threads=settings.engine.threads,
                deadline_days=settings.rights.deadline_days,
                holidays=frozenset(settings.rights.holidays),
                notice_deadline=timedelta(hours=settings.engine.notice_hours),
                evidence_years=settings.rights.evidence_years,
            ),
            witnessing=witnessing,
            evidence=OfficerSeal(officers) if (officers := settings.rights.evidence_officers) else None,
        )
        # When nobody is answered any more and nothing else writes.
        stack.push_async_callback(write_decisions, house)
        # A log that does not continue what was signed stops the gateway before anybody is answered.
        await sequence(house)
        directory = Directory(store, bells, spki_pin)
        await directory.refresh()
        verifier = TokenVerifier.load(settings.home, keys.party, clock)
        tenant = tenant_server(house, verifier, settings.server.tenant_address, keys.tls.certificate, keys.tls.key)
        peer = peer_server(
            house,
            directory.identify,
            directory.anchors,
            settings.server.peer_address,
            keys.tls.certificate,
            keys.tls.key,
        )
        owner = _owner()
        worker = Worker(house, owner, WorkerLimits(settings.engine.jobs, settings.engine.lease_s))
        tasks = tuple(
            asyncio.create_task(work, name=name)
            for name, work in (
                ("directory", directory.follow()),
                ("sequencer", sequence_for_ever(house)),
                ("witnesses", WitnessSeeker(house).work()),
                ("decisions", write_decisions_for_ever(house)),
                ("worker", worker.work()),
                ("scheduler", Scheduler(house, owner).work()),
                # Apart: a large result on its way to a slow sink holds up nothing else.
                ("deliveries", Scheduler(house, owner, tasks=DELIVERIES).work()),
            )
        )
        stack.push_async_callback(_stopped, tasks)
        # The tenant port last: whoever sees it serving finds everything there.
        for listener in (peer, tenant):
            await listener.start()
            stack.push_async_callback(listener.stop, grace_s)
        yield Running(tenant.port, peer.port, tasks)


def witnessing_of(settings: LogSettings, log_vkey: str) -> Witnessing:
    """Read who is to witness our log.

    Raises:
        RequestError: BAD_FIELD for a policy that cannot be read, is malformed or is about other logs.
    """
    policy = None
    if settings.policy:
        try:
            policy = parse_policy(Path(settings.policy).read_bytes())
        except OSError as error:
            raise RequestError("BAD_FIELD", f"log.policy cannot be read ({error.strerror}); correct it") from error
        if policy.logs and parse_vkey(log_vkey) not in policy.logs:
            raise RequestError("BAD_FIELD", "log.policy does not name our log; add a line `log` with its vkey")
    return Witnessing(settings.witnesses, settings.quorum, policy, frozenset(settings.compare_with))


def _owner() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


async def _stopped(tasks: tuple[asyncio.Task[None], ...]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
