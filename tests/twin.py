"""Two whole gateways in one process: real stores, spools, keys and kernel; only the network is a function call.

The counterparty behind the real `PeerPort`, so that a test can stop either side between any two durable steps.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from gateway.agreement.card import card_file
from gateway.engine import ProcessBells
from gateway.errors import StateError
from gateway.flow import agreement as agreements
from gateway.flow import consent, notice, notices, partner, registry, session
from gateway.flow.job import create_job
from gateway.flow.lease import Lease
from gateway.flow.memory import Memory
from gateway.flow.ports import House, Limits
from gateway.flow.ports.peer import Acceptance, Closing, Cosigned, Held
from gateway.flow.run import cancel, run
from gateway.flow.witness import comparing, serving
from gateway.keys.custody import HomeKeys
from gateway.keys.material import initialise
from gateway.keys.provider import FileKeyProvider
from gateway.keys.sealer import Sealer
from gateway.route.agreement import AgreementBinding, Operation
from gateway.route.caller import Caller, Role
from gateway.route.job import Job, JobRequest, Refusal
from gateway.route.notice import Signed
from gateway.route.party import PartyCard
from gateway.route.session import Chunk, SessionOffer, SessionStatus
from gateway.settings import SinkSettings
from gateway.sink import Sinks
from gateway.spool import Results, Spool
from gateway.store import open_store
from tests.inline_processes import InlineProcesses
from tests.results import read_result
from tests.table_datasets import TableDatasets

EVERYBODY = Caller("test", frozenset(Role))
PURPOSE = "profile_enrichment"
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@dataclass
class TestClock:
    """A clock that tests move."""

    __test__ = False
    at: datetime = START

    def now(self) -> datetime:
        # Every look is a little later than the one before, as on a machine.
        self.at += timedelta(microseconds=10)
        return self.at


class LoopbackPeer:
    """The partner's flow, called directly; `cut` stands for the network."""

    def __init__(self) -> None:
        self.others: dict[str, Gateway] = {}
        self.own: Gateway | None = None
        self.cut = False
        self.tamper: Callable[[Chunk], Chunk] = lambda chunk: chunk
        self.pulled: list[Chunk] = []
        self.pushed: list[Chunk] = []
        self.delivered: list[Signed] = []

    async def _other(self, card: PartyCard) -> tuple[Gateway, Any]:
        await asyncio.sleep(0)
        if self.cut or self.others[card.party].down:
            raise StateError("PEER_UNAVAILABLE", f"{card.party} does not answer")
        other = self.others[card.party]
        assert self.own is not None
        async with other.house.store.read() as tx:
            return other, await tx.partners.get(self.own.party)

    async def open_session(self, card: PartyCard, offer: SessionOffer) -> Acceptance | Refusal:
        other, caller = await self._other(card)
        return await session.open_session(other.house, caller, offer)

    async def push(self, card: PartyCard, chunks: AsyncIterator[Chunk]) -> int:
        other, caller = await self._other(card)
        last = -1
        async for chunk in chunks:
            await self._other(card)
            chunk = self.tamper(chunk)
            self.pushed.append(chunk)
            last = await session.receive_chunk(other.house, caller, chunk)
        return last

    async def pull(self, card: PartyCard, session_id: str, stage: int, from_seq: int) -> AsyncIterator[Chunk]:
        other, caller = await self._other(card)
        async for chunk in session.serve_stage(other.house, caller, session_id, stage, from_seq):
            await self._other(card)
            self.pulled.append(chunk)
            yield self.tamper(chunk)

    async def get_session(self, card: PartyCard, session_id: str) -> SessionStatus:
        other, caller = await self._other(card)
        return await session.session_status(other.house, caller, session_id)

    async def close_session(
        self, card: PartyCard, session_id: str, half: bytes, record: bytes, signature: bytes
    ) -> Closing:
        other, caller = await self._other(card)
        return await session.close_session(other.house, caller, session_id, half, record, signature)

    async def abort_session(self, card: PartyCard, session_id: str, reason: str) -> None:
        other, caller = await self._other(card)
        await session.abort_session(other.house, caller, session_id, reason)

    async def propose_agreement(self, card: PartyCard, document: bytes, signature: bytes) -> None:
        other, caller = await self._other(card)
        await agreements.receive_proposal(other.house, caller, document, signature)

    async def countersign_agreement(self, card: PartyCard, agreement_id: str, hash: bytes, signature: bytes) -> None:
        other, caller = await self._other(card)
        await agreements.receive_countersignature(other.house, caller, agreement_id, hash, signature)

    async def deliver_notice(self, card: PartyCard, notice: Signed) -> Signed:
        other, caller = await self._other(card)
        self.delivered.append(notice)
        return await notices.receive_notice(other.house, caller, notice)

    async def collect_notices(self, card: PartyCard, limit: int, after: str = "") -> list[Signed]:
        other, caller = await self._other(card)
        return await notices.waiting_notices(other.house, caller, limit, after)

    async def acknowledge_notice(self, card: PartyCard, acknowledgement: Signed) -> None:
        other, caller = await self._other(card)
        await notices.take_acknowledgement(other.house, caller, acknowledgement)

    async def add_checkpoint(self, card: PartyCard, body: bytes) -> Cosigned | Held:
        other, caller = await self._other(card)
        return await serving.add_checkpoint(other.house, caller, body)

    async def compare_checkpoint(self, card: PartyCard, checkpoint: bytes) -> bytes:
        other, caller = await self._other(card)
        return await comparing.shown_checkpoint(other.house, caller, checkpoint)

    async def prove_consistency(self, card: PartyCard, old_size: int, size: int) -> tuple[bytes, ...]:
        other, _ = await self._other(card)
        return await serving.prove_consistency(other.house, old_size, size)


OPEN_STORES: list[Any] = []


async def close_all() -> None:
    """Close every store that a test opened, also when it failed half-way."""
    while OPEN_STORES:
        await OPEN_STORES.pop().close()


class Gateway:
    """One gateway of the twin."""

    def __init__(self, home: Path, party: str, clock: TestClock, datasets: TableDatasets, url: str | None) -> None:
        self.home, self.party, self.clock, self.datasets = home, party, clock, datasets
        self.url = url or f"sqlite+aiosqlite:///{home}/assent.db"
        self.peer = LoopbackPeer()
        self.peer.own = self
        self.sinks: dict[str, SinkSettings] = {}
        self.down = False
        self.wrap: Callable[[House], House] = lambda house: house
        self.house: House

    async def start(self) -> None:
        """Open everything from disk, as a process does."""
        keys, sealer = HomeKeys.load(self.home), Sealer(FileKeyProvider.load(self.home))
        store = await open_store(self.url)
        OPEN_STORES.append(store)
        self.house = self.wrap(
            House(
                store=store,
                custody=keys,
                secrets=sealer,
                spool=Spool(self.home / "spool", sealer),
                datasets=self.datasets,
                results=Results(self.home / "results", sealer),
                sinks=Sinks(lambda: self.sinks),
                peer=self.peer,
                clock=self.clock,
                bells=ProcessBells(),
                processes=InlineProcesses(),
                memory=Memory(256 << 20),
                limits=Limits(threads=1),
            )
        )
        self.down = False

    async def stop(self) -> None:
        """Leave as a killed process does: nothing is finished."""
        self.down = True
        await self.house.store.close()

    async def lease(self) -> Lease | None:
        """Lease one job, whoever held it before."""
        self.clock.at += timedelta(seconds=60)
        now = self.clock.now()
        async with self.house.store.begin() as tx:
            job = await tx.jobs.lease("test", self.house.spool.spool_id, now, now + timedelta(seconds=30))
        return Lease(self.house, job) if job is not None else None

    async def work(self) -> None:
        """Carry on every job until it ends."""
        while (lease := await self.lease()) is not None:
            await (cancel(lease) if lease.job.cancel_requested else run(lease))

    async def job(self, job_id: str) -> Job:
        async with self.house.store.read() as tx:
            return await tx.jobs.get(job_id)

    async def import_events(self, rows: Sequence[Mapping[str, object]]) -> Any:
        async def batches() -> AsyncIterator[Sequence[tuple[int, Mapping[str, object]]]]:
            yield [(number, row) for number, row in enumerate(rows, 1)]

        return await consent.import_events(self.house, EVERYBODY, "customer", batches(), all_or_nothing=False)


@dataclass
class Twin:
    """Retailer (R) and platform (S) with an agreement in force and bound."""

    retailer: Gateway
    platform: Gateway
    clock: TestClock
    agreement_id: str

    async def run(self, operation: Operation, columns: tuple[str, ...] = (), request_id: str = "") -> Job:
        """Create a job at the retailer and carry both sides to their ends."""
        job = await self.create(operation, columns, request_id)
        await self.settle()
        return await self.retailer.job(job.job_id)

    async def create(self, operation: Operation, columns: tuple[str, ...] = (), request_id: str = "") -> Job:

        request = JobRequest(
            request_id or str(uuid.uuid4()), self.agreement_id, operation, PURPOSE, columns, EVERYBODY.subject
        )
        return await create_job(self.retailer.house, EVERYBODY, request)

    async def settle(self) -> None:
        """Work on both sides until no job is left; the platform's job appears during the retailer's."""
        ours = asyncio.create_task(self.retailer.work())
        try:
            while not ours.done():
                await self.platform.work()
                # The bell may ring before anybody waits for it: the platform looks again soon anyway.
                rung = asyncio.create_task(self.platform.house.bells.wait("jobs", 0.1))
                await asyncio.wait({ours, rung}, return_when=asyncio.FIRST_COMPLETED)
                rung.cancel()
            await self.platform.work()
        finally:
            ours.cancel()
            await asyncio.gather(ours, return_exceptions=True)
        if not ours.cancelled():
            ours.result()

    async def result(self, job: Job) -> pa.Table:
        table = await read_result(self.retailer.house.results, job.job_id)
        assert table is not None
        return table

    async def stop(self) -> None:
        await self.retailer.stop()
        await self.platform.stop()


METHODS = ("psi_hash", "he_aggregate")
CATEGORIES = ("phone_hash", "loyalty", "purchases")
RETAILER, PLATFORM = "retailer", "platform"
ASKED = START - timedelta(days=30)


def opaque(party: str, customer: str) -> str:
    """Ids of consents and events say nothing: they are stored as they are."""
    return hashlib.sha256(f"{party}/{customer}".encode()).hexdigest()[:16]


def given(party: str, customer: str, categories: Sequence[str] = CATEGORIES, **changes: object) -> dict[str, object]:
    """A separate consent of a customer of `party` to provision to the other party."""
    other = PLATFORM if party == RETAILER else RETAILER
    row: dict[str, object] = {
        "event_id": f"{opaque(party, customer)}-given",
        "type": "consent_given",
        "at": ASKED.isoformat(),
        "subject": customer,
        "handler": party,
        "consent_id": opaque(party, customer),
        "notice": "N-SHARE@1",
        "by": "subject",
        "mode": "explicit",
        "evidence": True,
        "channel": "app",
        "items": [
            {
                "purpose": PURPOSE,
                "categories": list(categories),
                "methods": list(METHODS),
                "recipients": [other],
                "form": "separate",
            }
        ],
    }
    return row | changes


def withdrawn(party: str, customer: str, at: datetime) -> dict[str, object]:
    """The withdrawal of such a consent."""
    other = PLATFORM if party == RETAILER else RETAILER
    return {
        "event_id": f"{opaque(party, customer)}-withdrawn-{at.timestamp()}",
        "type": "consent_withdrawn",
        "at": at.isoformat(),
        "subject": customer,
        "handler": party,
        "by": "subject",
        "purpose": PURPOSE,
        "recipient": other,
    }


def notice_body(party: str, cards: Mapping[str, PartyCard]) -> dict[str, object]:
    """A complete notice of provision to the other party."""
    other = cards[PLATFORM if party == RETAILER else RETAILER]
    told = {"purposes": [PURPOSE], "methods": list(METHODS), "categories": list(CATEGORIES)}
    return {
        "id": "N-SHARE",
        "version": 1,
        "language": "zh-CN",
        "title": "向合作方提供个人信息告知",
        "text": "我们将在您单独同意后，与所列接收方匹配您的手机号摘要并补充会员画像。",
        "handler_name": cards[party].legal_name,
        "handler_contact": cards[party].contact,
        "retention": "自同意之日起一年",
        "after_retention": "删除",
        "rights_channel": "app: 我的-隐私",
        "withdrawal_channel": "app: 我的-隐私-撤回同意",
        "closure_channel": "app: 我的-注销",
        "automated_effect": "用于画像补充，不影响价格",
        "automated_categories": list(CATEGORIES),
        **told,
        "recipients": [
            {"party": other.party, "name": other.legal_name, "contact": other.contact, "rights_channel": "web", **told}
        ],
    }


EXACT: dict[str, object] = {"dummies": "NONE", "noise": "NONE"}


def agreement_draft(
    agreement_id: str,
    terms: Mapping[str, object] = MappingProxyType({}),
    result_to: Sequence[str] = (RETAILER,),
    **changes: object,
) -> dict[str, object]:
    """Every operation: the retailer receives rows and holds the segments, `result_to` learns the statistics."""
    columns = [
        {"name": "tier", "category": "loyalty", "type": "band", "max_bytes": 16},
        {"name": "channel", "category": "loyalty", "type": "category", "max_bytes": 16},
        {"name": "spend", "category": "purchases", "type": "number", "min": "0", "max": "100000", "scale": 2},
    ]
    draft: dict[str, object] = {
        "id": agreement_id,
        "parties": [
            {"id": RETAILER, "impact_assessment": "PIA-1"},
            {"id": PLATFORM, "impact_assessment": "PIA-1"},
        ],
        "purposes": [PURPOSE],
        "directions": [
            {"operation": "MATCH", "receiver": RETAILER, "sender": PLATFORM},
            {
                "operation": "ENRICH",
                "receiver": RETAILER,
                "sender": PLATFORM,
                # Exact sums of a column are not agreed beside its values.
                "columns": ["tier"] if terms.get("noise") == "NONE" else [column["name"] for column in columns],
            },
            {
                "operation": "AGGREGATE",
                "receiver": RETAILER,
                "sender": PLATFORM,
                "columns": ["channel", "spend"],
                "result_to": list(result_to),
            },
            {"operation": "OVERLAP", "receiver": RETAILER, "sender": PLATFORM, "result_to": list(result_to)},
        ],
        "aggregate": {
            "segments": 8,
            "minimum_cohort": 20,
            "scheme": {"name": "paillier", "key_bits": 2048, "mode": "short_exponent", "legacy": True},
            "measures": [
                {"column": "spend", "epsilon": ["sum", "sum_of_squares"]},
                {"column": "channel", "values": ["web", "app"], "epsilon": ["share"]},
            ],
            **terms,
        },
        "match_keys": [{"name": "phone.e164", "category": "phone_hash"}],
        "columns": columns,
        "caps": {"rows_receiver": 100_000, "rows_sender": 100_000, "runs_per_day": 1000},
        "retention_days": 180,
        "valid_from": (START - timedelta(days=60)).isoformat(),
        "valid_until": (START + timedelta(days=360)).isoformat(),
        "legal_text_hash": "ab" * 32,
        "sandbox": True,
    }
    return draft | changes


def customers(first: int, count: int, prefix: str) -> pa.Table:
    """Customers whose phone follows from a running number; two sides share people by sharing numbers."""
    numbers = np.arange(first, first + count)
    return pa.table(
        {
            "id": pa.array([f"{prefix}{number:06d}" for number in numbers]),
            "phone": pa.array([f"+86138{number:08d}" for number in numbers]),
            "tier": pa.array([("gold", "silver", None)[number % 3] for number in numbers], pa.string()),
            "arm": pa.array([("mail", "none")[number // 7 % 2] for number in numbers]),
            "channel": pa.array([("web", "app")[number % 2] for number in numbers]),
            "spend": pa.array([Decimal(int(number)) for number in numbers], pa.decimal128(18, 2)),
        }
    )


@dataclass(frozen=True, slots=True)
class Homes:
    """The homes of a twin as they were when it stood ready: setting up costs a second, a copy of them nothing."""

    directory: Path
    agreement_id: str
    at: datetime


HOMES: dict[str, Homes] = {}


async def make_twin(
    directory: Path,
    rows: tuple[int, int] = (40, 50),
    shared: int = 20,
    urls: tuple[str | None, str | None] = (None, None),
    consents: bool = True,
    tables: tuple[pa.Table, pa.Table] | None = None,
    values: tuple[str, ...] = ("tier", "channel", "spend"),
    cohorts: tuple[int, int] = (0, 0),
    **agreement: object,
) -> Twin:
    """Two gateways that exchanged cards, agreed, bound and asked their customers.

    `tables` replaces what `customers` would make, `values` names the platform's columns, `cohorts` is the minimum
    cohort that each side binds itself to.
    """
    clock = TestClock(ASKED - timedelta(days=10))
    retailer = Gateway(directory / RETAILER, RETAILER, clock, TableDatasets(), urls[0])
    platform = Gateway(directory / PLATFORM, PLATFORM, clock, TableDatasets(), urls[1])
    crm, users = tables or (customers(0, rows[0], "A"), customers(rows[0] - shared, rows[1], "B"))
    retailer.datasets.tables["crm"], platform.datasets.tables["users"] = crm, users
    retailer.peer.others[PLATFORM], platform.peer.others[RETAILER] = platform, retailer
    twin = Twin(retailer, platform, clock, str(uuid.uuid4()))
    if tables is not None or urls != (None, None):
        await _set_up(twin, consents, values, cohorts, agreement)
        return twin
    key = repr((rows, shared, consents, values, cohorts, sorted(agreement.items())))
    if key not in HOMES:
        await _set_up(twin, consents, values, cohorts, agreement)
        await twin.stop()
        kept = Path(tempfile.mkdtemp(prefix="as-twin-"))
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
        shutil.copytree(directory / RETAILER, kept / RETAILER)
        shutil.copytree(directory / PLATFORM, kept / PLATFORM)
        HOMES[key] = Homes(kept, twin.agreement_id, clock.at)
    else:
        shutil.copytree(HOMES[key].directory, directory, dirs_exist_ok=True)
    twin.agreement_id, clock.at = HOMES[key].agreement_id, HOMES[key].at
    await retailer.start()
    await platform.start()
    return twin


async def _set_up(
    twin: Twin, consents: bool, values: tuple[str, ...], cohorts: tuple[int, int], agreement: Mapping[str, object]
) -> None:
    """Make the homes of a twin; its gateways run afterwards."""
    retailer, platform, clock = twin.retailer, twin.platform, twin.clock
    for side, port in ((retailer, 1), (platform, 2)):
        party, address = side.party, f"127.0.0.1:{port}"
        initialise(
            side.home, party, f"{party} 有限公司", f"dpo@{party}.example", "CN", address, address, f"{party}.example",
            clock.now(),
        )  # fmt: skip
        await side.start()
    cards = {side.party: side.house.custody.own_card() for side in (retailer, platform)}
    for side, other in ((retailer, platform), (platform, retailer)):
        house, signed = side.house, cards[other.party]
        await partner.accept_partner(house, EVERYBODY, card_file(signed), signed.fingerprint)
        await registry.create_purpose(house, EVERYBODY, {"id": PURPOSE, "text": "画像补充", "automated": True})
        for category in CATEGORIES:
            await registry.create_category(house, EVERYBODY, {"id": category, "text": category})
        await registry.create_assessment(
            house,
            EVERYBODY,
            {
                "id": "PIA-1",
                "approved_at": clock.now().isoformat(),
                "purposes": [PURPOSE],
                "recipients": [RETAILER, PLATFORM],
                "methods": list(METHODS),
                "approver": "dpo",
            },
        )
        body = notice_body(side.party, {party: signed.card for party, signed in cards.items()})
        await notice.create_notice(house, EVERYBODY, body)
        await notice.publish_notice(house, EVERYBODY, "N-SHARE", 1)
    clock.at = ASKED - timedelta(days=1)
    agreement_id = twin.agreement_id
    draft = agreement_draft(agreement_id, **agreement)
    copy = await agreements.propose(retailer.house, EVERYBODY, draft, str(uuid.uuid4()))
    await agreements.accept(platform.house, EVERYBODY, agreement_id, copy.agreement.hash.hex())
    for side, dataset, names, minimum in (
        (retailer, "crm", (), cohorts[0]),
        (platform, "users", values, cohorts[1]),
    ):
        binding = AgreementBinding(
            agreement_id,
            dataset,
            "id",
            "customer",
            tuple((key, "email" if key.startswith("email") else "phone") for key in copy.agreement.match_keys),
            tuple((name, name) for name in names),
            "arm" if side is retailer and copy.agreement.aggregate else "",
            minimum,
        )
        await agreements.bind(side.house, EVERYBODY, binding)
    clock.at = START
    if consents:
        for side, dataset in ((retailer, "crm"), (platform, "users")):
            ids = side.datasets.tables[dataset].column("id").to_pylist()
            report = await side.import_events([given(side.party, customer) for customer in ids])
            assert report.rejected_count == 0, report
