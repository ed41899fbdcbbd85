"""Gateways in one process for tests of the routes: real keys, a real SQLite store, the partner a function call away."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from gateway.agreement.card import card_file
from gateway.errors import StateError
from gateway.flow import agreement as agreements
from gateway.flow import partner as partners
from gateway.flow import registry
from gateway.flow.audit import sequence
from gateway.flow.memory import Memory
from gateway.flow.ports import DatasetDescription, House, Limits
from gateway.flow.ports.peer import Cosigned, Held
from gateway.flow.witness import comparing, serving
from gateway.keys.custody import HomeKeys
from gateway.keys.material import initialise
from gateway.keys.provider import FileKeyProvider
from gateway.keys.sealer import Sealer
from gateway.route.caller import Caller, Role
from gateway.route.party import PartyCard
from gateway.sink import Sinks
from gateway.spool.spool import Spool
from gateway.store import open_store
from tests.empty_stores import empty_sqlite

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
ADMIN = Caller("admin", frozenset({Role.ADMINISTRATOR}))
OFFICER = Caller("officer", frozenset({Role.COMPLIANCE_OFFICER}))
CDP = Caller("cdp", frozenset({Role.CDP_JOB}))


class StoppedClock:
    """Shows one time until it is moved."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class CountedBells:
    """Counts rings."""

    rung: list[str] = field(default_factory=list)

    def ring(self, key: str) -> None:
        self.rung.append(key)

    async def wait(self, key: str, timeout_s: float) -> None:
        raise AssertionError("no route under test waits")


class OneDataset:
    """Describes a single data set and never reads it."""

    def __init__(self) -> None:
        columns = tuple((name, "string") for name in ("member_id", "mobile", "months", "channel"))
        self.description = DatasetDescription("members", "csv", columns, "member_id")
        self.held: tuple[Mapping[str, str], ...] = ({},)

    async def describe(self, name: str) -> DatasetDescription:
        if name != self.description.name:
            raise StateError("NOT_FOUND", "no such data set")
        return self.description

    async def identifiers(self, name: str) -> tuple[Mapping[str, str], ...]:
        return self.held


class Neighbours:
    """The peer port as function calls into the partner's house; `cut` is the cable between them."""

    def __init__(self) -> None:
        self.houses: dict[str, House] = {}
        self.cut = False
        self.calls: list[str] = []

    def port_of(self, caller: str) -> PeerEnd:
        return PeerEnd(self, caller)


class PeerEnd:
    """One party's side of the cable."""

    def __init__(self, neighbours: Neighbours, caller: str) -> None:
        self.neighbours = neighbours
        self.caller = caller

    async def _callee(self, card: PartyCard, call: str) -> tuple[House, Any]:
        self.neighbours.calls.append(call)
        if self.neighbours.cut or card.party not in self.neighbours.houses:
            raise StateError("PEER_UNAVAILABLE", "the partner does not answer")
        house = self.neighbours.houses[card.party]
        async with house.store.read() as tx:
            return house, await tx.partners.get(self.caller)

    async def propose_agreement(self, partner: PartyCard, document: bytes, signature: bytes) -> None:
        house, dialler = await self._callee(partner, "propose")
        await agreements.receive_proposal(house, dialler, document, signature)

    async def countersign_agreement(self, partner: PartyCard, agreement_id: str, hash: bytes, signature: bytes) -> None:
        house, dialler = await self._callee(partner, "countersign")
        await agreements.receive_countersignature(house, dialler, agreement_id, hash, signature)

    async def add_checkpoint(self, partner: PartyCard, body: bytes) -> Cosigned | Held:
        house, dialler = await self._callee(partner, "add_checkpoint")
        return await serving.add_checkpoint(house, dialler, body)

    async def compare_checkpoint(self, partner: PartyCard, checkpoint: bytes) -> bytes:
        house, dialler = await self._callee(partner, "compare_checkpoint")
        return await comparing.shown_checkpoint(house, dialler, checkpoint)

    async def prove_consistency(self, partner: PartyCard, old_size: int, size: int) -> tuple[bytes, ...]:
        house, _ = await self._callee(partner, "prove_consistency")
        return await serving.prove_consistency(house, old_size, size)


@asynccontextmanager
async def open_house(
    home: Path,
    party: str,
    clock: StoppedClock | None = None,
    neighbours: Neighbours | None = None,
    url: str | None = None,
) -> AsyncIterator[House]:
    """Open a gateway of a party in a folder; without a URL its store is SQLite."""
    clock = clock or StoppedClock()
    neighbours = neighbours or Neighbours()
    if not (home / "keys").exists():
        initialise(
            home,
            party=party,
            legal_name=f"{party} 有限公司",
            contact=f"privacy@{party}.example",
            country="CN",
            peer_endpoint=f"gateway.{party}.example:7444",
            tenant_target="127.0.0.1:7443",
            dns_name=f"gateway.{party}.example",
            now=NOW,
        )
    if url is None and not (home / "assent.db").exists():
        (home / "assent.db").write_bytes(empty_sqlite())
    store = await open_store(url or f"sqlite:///{home / 'assent.db'}")
    sealer = Sealer(FileKeyProvider.load(home))
    try:
        house = House(
            store=store,
            custody=HomeKeys.load(home),
            secrets=sealer,
            spool=Spool(home / "spool", sealer),
            datasets=cast(Any, OneDataset()),
            results=cast(Any, None),
            sinks=Sinks(dict),
            peer=cast(Any, neighbours.port_of(party)),
            clock=clock,
            bells=CountedBells(),
            processes=cast(Any, None),
            memory=Memory(64 << 20),
            limits=Limits(threads=1),
        )
        neighbours.houses[party] = house
        yield house
    finally:
        await store.close()


_built = tempfile.TemporaryDirectory(prefix="assent-houses-")


async def copy_built(name: str, build: Callable[[Path], Awaitable[None]], folder: Path) -> None:
    """Put homes into a folder that are built once for all tests, and closed."""
    built = Path(_built.name) / name
    if not built.exists():
        await build(built)
    shutil.copytree(built, folder, dirs_exist_ok=True)


async def build_friends(folder: Path) -> None:
    """A retailer and a platform that know each other, with registries to agree on."""
    async with open_house(folder / "retailer", "retailer") as one, open_house(folder / "platform", "platform") as other:
        await befriend(one, other)
        await furnish(one, "platform")
        await furnish(other, "retailer")


async def befriend(one: House, other: House) -> None:
    """Exchange cards both ways."""
    for host, guest in ((one, other), (other, one)):
        signed = partners.invitation(guest)
        await partners.accept_partner(host, ADMIN, card_file(signed), signed.fingerprint)


async def furnish(house: House, partner: str) -> None:
    """Create what an agreement on profile enrichment needs in one registry."""
    await registry.create_purpose(house, ADMIN, {"id": "profile_enrichment", "text": "画像补充", "automated": True})
    for category in ("phone_hash", "purchase_history"):
        await registry.create_category(house, ADMIN, {"id": category})
    await registry.create_assessment(house, ADMIN, assessment(partner))


def assessment(partner: str, **changes: Any) -> dict[str, Any]:
    """The body of an impact assessment that covers the agreement of `draft`."""
    fields: dict[str, Any] = {
        "id": "pia-2026-07",
        "approved_at": "2026-10-01T09:00:00+08:00",
        "purposes": ["profile_enrichment"],
        "recipients": [partner],
        "methods": ["psi_hash"],
        "approver": "privacy office",
    }
    return fields | changes


def notice(partner: str, **changes: Any) -> dict[str, Any]:
    """The body of a notice that says everything the law asks for of the agreement of `draft`."""
    told = {
        "party": partner,
        "name": f"{partner} 有限公司",
        "contact": f"privacy@{partner}.example",
        "purposes": ["profile_enrichment"],
        "methods": ["psi_hash"],
        "categories": ["phone_hash", "purchase_history"],
    }
    fields: dict[str, Any] = {
        "id": "sharing",
        "title": "画像补充告知",
        "text": "为补充画像, 我们向合作方提供经处理的手机号.",
        "handler_name": "retailer 有限公司",
        "handler_contact": "privacy@retailer.example",
        "purposes": ["profile_enrichment"],
        "categories": ["phone_hash", "purchase_history"],
        "methods": ["psi_hash"],
        "retention": "180 天",
        "after_retention": "删除",
        "rights_channel": "App 设置 - 隐私",
        "withdrawal_channel": "App 设置 - 隐私 - 撤回",
        "closure_channel": "App 设置 - 注销",
        "recipients": [told],
        "automated_effect": "用于画像",
        "automated_categories": ["phone_hash", "purchase_history"],
    }
    return fields | changes


def draft(receiver: str = "retailer", sender: str = "platform", **changes: Any) -> dict[str, Any]:
    """An agreement as a person writes it."""
    fields: dict[str, Any] = {
        "parties": [
            {"id": receiver, "impact_assessment": "pia-2026-07"},
            {"id": sender, "impact_assessment": "pia-2026-07"},
        ],
        "purposes": ["profile_enrichment"],
        "directions": [
            {"operation": "MATCH", "receiver": receiver, "sender": sender},
            {"operation": "ENRICH", "receiver": receiver, "sender": sender, "columns": ["recency", "channel"]},
        ],
        "match_keys": [{"name": "phone.e164", "category": "phone_hash"}],
        "columns": [
            {"name": "recency", "category": "purchase_history", "type": "number", "min": "0", "max": "120"},
            {"name": "channel", "category": "purchase_history", "type": "category", "max_bytes": 16},
        ],
        "caps": {"rows_receiver": 100_000, "rows_sender": 200_000, "runs_per_day": 24},
        "retention_days": 180,
        "valid_from": "2026-11-01T08:00:00+08:00",
        "valid_until": "2027-11-01T08:00:00+08:00",
        "legal_text_hash": "ab" * 32,
        "sandbox": True,
    }
    return fields | changes


async def entries_of(house: House, *, kinds: Callable[[str], bool] = lambda _: True) -> list[tuple[str, bytes | None]]:
    """Sequence the log and return (type, payload) of its entries."""
    await sequence(house)
    async with house.store.read() as tx:
        size = await tx.audit.size()
        return [(entry.type, entry.payload) async for entry in tx.audit.entries(0, size) if kinds(entry.type)]
