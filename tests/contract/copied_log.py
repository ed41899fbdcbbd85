"""A log with a run, an erasure, restarts and a witness, made once per database, copied for each fault."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import Connection

from assent_verify import Trust
from assent_verify.note import parse_vkey
from gateway.agreement.agreement import agreement_of
from gateway.agreement.draft import complete
from gateway.flow.audit import export, sequence
from gateway.flow.ports import House
from gateway.flow.witness.policy import our_policy
from gateway.flow.witness.receipt import receipt
from gateway.flow.witness.seeking import seek
from gateway.keys.custody import HomeKeys
from gateway.route.agreement import AgreementCopy, AgreementState
from gateway.route.audit import AuditEvent
from gateway.route.job import Side
from gateway.tlog.checkpoint import Checkpoint, sign_checkpoint
from gateway.tlog.note import NoteSigner
from gateway.tlog.note import parse_vkey as log_vkey
from gateway.tlog.run_leaf import run_payload
from gateway.tlog.tree import EMPTY_EDGE, integrate, leaf_hash
from tests.postgres import _database
from tests.unit.gateway.flow.houses import NOW, OFFICER, Neighbours, befriend, draft, open_house
from tests.unit.gateway.flow.test_audit import finished_session

ERASED = f"subject{7:019d}"
WIDTH = 32


@dataclass(frozen=True, slots=True)
class Built:
    """The log as it was built: two moments of both homes, and what others keep of it.

    Attributes:
        folder: with homes of "retailer" and "platform", and "early" with both as they were before the last entries.
        databases: of the retailer, early and late: SQLite's files, or names of PostgreSQL's databases.
        dsn: of PostgreSQL's server, or "".
        since: the checkpoint of the early moment.
        proof: a final receipt of entry 5.
        policy: what the receipt is final under.
        trust: keys of both parties, as on their cards.
    """

    folder: Path
    databases: tuple[str, str]
    dsn: str
    since: bytes
    proof: bytes
    policy: bytes
    trust: Trust


async def _append(house: House, first: int, count: int) -> None:
    events = [
        AuditEvent("consent_event", NOW, f"subject{row % 20:019d}", {"event_id": f"e{row}"})
        for row in range(first, first + count)
    ]
    async with house.store.begin() as tx:
        await tx.audit.append(events)
    await sequence(house)


async def _both_ran(houses: Sequence[House]) -> None:
    cards = {house.custody.party: house.custody.own_card().card for house in houses}
    agreement = agreement_of(complete(draft(), cards, "0b0c2f7e-4c4e-4d7e-9a55-0f3a3f5f7a11"))

    def both(kind: str, record: bytes) -> tuple[tuple[str, bytes], ...]:
        return tuple((house.custody.party, house.custody.sign_record(kind, record)) for house in houses)

    session = finished_session(agreement.agreement_id, agreement.hash)
    opened, ended = both("opening", session.opening), both("run", session.run_record)
    session = replace(session, opening_signatures=opened, run_signatures=ended)
    copy = AgreementCopy(agreement, AgreementState.IN_FORCE, both("agreement", agreement.document), 1)
    for house, side, partner in zip(houses, (Side.RECEIVER, Side.SENDER), ("platform", "retailer"), strict=True):
        signatures = sorted(ended, key=lambda pair: pair[0] != house.custody.party)
        leaves = [
            AuditEvent(kind, NOW, "", run_payload(session.session_id, session.run_record, party, signature))
            for kind, (party, signature) in zip(("run_record", "run_signature"), signatures, strict=True)
        ]
        async with house.store.begin() as tx:
            await tx.agreements.put(copy)
            await tx.sessions.create(replace(session, side=side, partner=partner))
            await tx.audit.append(leaves)
        await sequence(house)


async def write_export(house: House, folder: Path) -> Path:
    async for path, content in export(house, OFFICER):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (folder / path).open("ab") as stream:
            stream.write(content)
    return folder


async def _build(folder: Path, url: str | None, remember: Callable[[], None]) -> Built:
    neighbours = Neighbours()

    def opened(party: str) -> Any:
        return open_house(folder / party, party, neighbours=neighbours, url=url if party == "retailer" else None)

    async with opened("retailer") as one, opened("platform") as other:
        await befriend(one, other)
        await _append(one, 0, 250)
        await _both_ran((one, other))
        assert await seek(one)
        async with one.store.read() as tx:
            stored = await tx.audit.checkpoint()
        assert stored is not None
    remember()
    async with opened("retailer") as one, opened("platform") as other:
        await _append(one, 250, 20)
        async with one.store.begin() as tx:
            assert await tx.audit.erase_subject(ERASED)
        await _append(one, 270, 20)
        assert await seek(one)
        await write_export(other, folder / "theirs")
        made = await receipt(one, OFFICER, 5)
        assert made.final
        cards = [house.custody.own_card().card for house in (one, other)]
        trust = Trust(
            tuple(parse_vkey(card.log_vkey) for card in cards), {card.party: card.agreement_key for card in cards}
        )
        return Built(folder, ("", ""), "", stored[2], made.content, await our_policy(one, OFFICER), trust)


@contextmanager
def built(folder: Path, postgres: tuple[str, str] | None) -> Iterator[Built]:
    """Build the log on SQLite, or on the server and from the empty database that are named."""
    with ExitStack() as stack:
        url, databases = None, ("early/retailer/assent.db", "retailer/assent.db")
        if postgres is not None:
            url = stack.enter_context(_database(*postgres))
            databases = ("", str(make_url(url).database))
        early: list[str] = []

        def remember() -> None:
            shutil.copytree(folder / "retailer", folder / "early" / "retailer")
            shutil.copytree(folder / "platform", folder / "early" / "platform")
            if postgres is not None:
                copy = stack.enter_context(_database(postgres[0], databases[1]))
                early.append(str(make_url(copy).database))

        with ThreadPoolExecutor(1) as thread:
            made = thread.submit(lambda: asyncio.run(_build(folder, url, remember))).result()
        named = (early[0], databases[1]) if early else databases
        yield replace(made, databases=named, dsn=postgres[0] if postgres is not None else "")


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of the log, to be changed.

    Attributes:
        built: what it is a copy of.
        folder: with both homes.
        url: of the retailer's database.
    """

    built: Built
    folder: Path
    url: str

    @property
    def keys(self) -> HomeKeys:
        """The retailer's keys, which only its operator has."""
        return HomeKeys.load(self.folder / "retailer")

    @contextmanager
    def raw(self) -> Iterator[Connection]:
        """The database as its administrator has it."""
        engine = create_engine(self.url)
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    def sql(self, statement: str, **values: Any) -> int:
        with self.raw() as connection:
            return connection.execute(text(statement), values).rowcount

    def row(self, query: str) -> list[Any]:
        """The first row of a query, with plain bytes on both databases."""
        with self.raw() as connection:
            return [
                bytes(value) if isinstance(value, memoryview) else value
                for value in connection.execute(text(query)).first()
            ]

    def leaves(self) -> list[bytes]:
        with self.raw() as connection:
            rows = connection.execute(text("SELECT leaf FROM audit_entries ORDER BY entry"))
            return [bytes(leaf) for (leaf,) in rows]

    def rewrite(self, change: Callable[[list[bytes]], list[bytes]]) -> list[bytes]:
        """Change the rows of the entries, and the counters with them."""
        before = self.leaves()
        after = change(list(before))
        assert after != before, "the fault changes nothing"
        with self.raw() as connection:
            run = connection.execute
            for entry, leaf in enumerate(after):
                if entry >= len(before):
                    run(text("INSERT INTO audit_entries VALUES (:entry, :leaf)"), {"entry": entry, "leaf": leaf})
                elif leaf != before[entry]:
                    run(
                        text("UPDATE audit_entries SET leaf = :leaf WHERE entry = :entry"),
                        {"entry": entry, "leaf": leaf},
                    )
            for table in ("audit_payloads", "audit_entries"):
                run(text(f"DELETE FROM {table} WHERE entry >= {len(after)}"))
            run(text(f"UPDATE counters SET value = {len(after)} WHERE name IN ('pending', 'size')"))
        return after

    def rewrite_tiles(self) -> Checkpoint:
        """Make all tiles anew of the entries that are there; return what a checkpoint would say."""
        leaves = self.leaves()
        grown = integrate(EMPTY_EDGE, [leaf_hash(leaf) for leaf in leaves])
        tiles = {(tile.level, tile.index): tile.hashes for tile in grown.tiles}
        with self.raw() as connection:
            connection.execute(text("DELETE FROM audit_tiles"))
            connection.execute(
                text("INSERT INTO audit_tiles (level, number, hashes) VALUES (:level, :number, :hashes)"),
                [{"level": level, "number": number, "hashes": held} for (level, number), held in tiles.items()],
            )
        return Checkpoint(log_vkey(self.keys.log_vkey()).name, len(leaves), grown.root)

    def rewrite_checkpoints(self, head: Checkpoint) -> bytes:
        """Let one checkpoint stand for all, signed with the log's own key."""
        keys = self.keys
        note = sign_checkpoint(head, [NoteSigner(log_vkey(keys.log_vkey()), keys.sign_log)])
        self.sql("DELETE FROM audit_cosignatures")
        self.sql("DELETE FROM audit_checkpoints WHERE size <> (SELECT min(size) FROM audit_checkpoints)")
        self.sql(
            "UPDATE audit_checkpoints SET size = :size, root = :root, note = :note",
            size=head.size,
            root=head.root,
            note=note,
        )
        return note

    def rewrite_memory(self, note: bytes) -> None:
        """Change the signer's memory, apart from the database."""
        (memory,) = (self.folder / "retailer" / "signer").glob("*.checkpoint")
        memory.write_bytes(note)


@contextmanager
def copied(built: Built, folder: Path, database: int = 1, home: str = "") -> Iterator[Copied]:
    """Copy both homes and a database: of the late moment (1), or the early one (0), as a backup holds it."""
    source = built.folder / home
    for party in ("retailer", "platform"):
        shutil.copytree(source / party if party == "retailer" else built.folder / party, folder / party)
    if not built.dsn:
        shutil.copy(built.folder / built.databases[database], folder / "retailer" / "assent.db")
        yield Copied(built, folder, f"sqlite:///{folder / 'retailer' / 'assent.db'}")
        return
    with _database(built.dsn, built.databases[database]) as url:
        yield Copied(built, folder, url)
