"""The audit log against its targets: python bench/log.py [--only PARTS] [--postgres DSN] [--json FILE] [sizes].

    append    events a second into the log, one by one and in batches, and from there into the tree; one by one,
              each of 8 callers waits until its entry is on disk before it appends the next, and callers share commits
    calls     consent events a second through the service, one a call, from several callers at once
    receipt   from an event's commit to its final receipt, with one witness over loopback
    proof     an inclusion proof in a tree of --leaves, whose leaves and tiles are written in bulk: made, and asked for
    export    export and verification of --entries, as bench/verify.py measures them

Every part runs on SQLite and, with --postgres, on databases that it makes on that server and drops. Each commit is on
disk as in production: SQLite is opened as the gateway opens it, and a server that does not sync is named. --folder puts
the homes on the disk that is to be measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from consent_import import events, gateway, machine, processor_seconds
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from gateway.agreement.card import card_file
from gateway.cli.events import read_events
from gateway.client import Client
from gateway.engine import SystemClock
from gateway.errors import StateError
from gateway.flow.audit import inclusion_proof, sequence
from gateway.flow.checkpoint import log_key
from gateway.flow.log_check import check_log
from gateway.flow.ports import House, TileWrite
from gateway.keys.custody import HomeKeys
from gateway.main.demo import groundwork
from gateway.main.demo.groundwork import PLATFORM, RETAILER
from gateway.main.demo.server import Server, free_addresses
from gateway.main.home import NewHome, make_home
from gateway.route.audit import AuditEvent, PendingEntry
from gateway.route.caller import Caller, Role
from gateway.store import SqlStore, open_store
from gateway.store.counters import Counter, set_counter
from gateway.store.schema import audit_entries
from gateway.tlog.checkpoint import Checkpoint
from gateway.tlog.tree import EMPTY_EDGE, integrate, leaf_hash
from verify import measure as measure_export

OFFICER = Caller("officer", frozenset({Role.COMPLIANCE_OFFICER}))
PARTS = ("append", "calls", "receipt", "proof", "export")
BULK = 1 << 16  # leaves per transaction of the tree that is written in bulk
WRITERS = 8  # that commit single events at once
CALLERS = (1, 8, 32)  # of the service
RECEIPT_S = 30.0
# What must be reached: at least, or at most.
AT_LEAST = {"appended in batches, events/s": 5_000.0, "appended as single commits, events/s": 1_000.0}
AT_MOST = {
    "final receipt, p99 s": 2.0,
    "inclusion proof, p99 ms": 10.0,
    "inclusion proof through the service, p99 ms": 10.0,
}


def report(name: str, value: float, figures: dict[str, float]) -> None:
    """Print a figure, against its target where it has one."""
    verdict = ""
    if name in AT_LEAST:
        verdict = f"{'met' if value >= AT_LEAST[name] else 'MISSED'} (at least {AT_LEAST[name]:,.0f})"
    elif name in AT_MOST:
        verdict = f"{'met' if value <= AT_MOST[name] else 'MISSED'} (at most {AT_MOST[name]:,.0f})"
    print(f"  {name:<52}{value:>14,.3f}  {verdict}", flush=True)
    figures[name] = value


@contextmanager
def postgres_database(dsn: str) -> Iterator[str]:
    """Make a database and drop it afterwards; gives its URL."""
    name = f"assent_bench_{os.getpid()}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit"):
            (value,) = connection.execute(f"SHOW {setting}").fetchone() or ("",)
            if value != "on":
                print(f"  NOT AS IN PRODUCTION: the server has {setting} = {value}")
        connection.execute(f'CREATE DATABASE "{name}"')
    given = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    given.pop("dbname", None)
    host, port = given.pop("host", None), given.pop("port", None)
    if host is not None and host.startswith("/"):
        given["host"], host = host, None  # a socket's directory does not fit into the URL's host part
    user, password = given.pop("user", None), given.pop("password", None)
    url = URL.create("postgresql+psycopg", user, password, host, int(port) if port else None, name, given)
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def new_home(folder: Path, party: str, url: str) -> tuple[Any, Path]:
    """Make a home; return its signed card and where it is."""
    addresses = free_addresses(2)
    new = NewHome(
        party=party,
        legal_name=groundwork.LEGAL_NAMES[party],
        contact=groundwork.CONTACT.format(party),
        tenant_address=addresses[0],
        peer_address=addresses[1],
        store_url=url,
    )
    return make_home(folder / party, new, datetime.now(UTC)), folder / party


async def with_house(
    folder: Path, url: str, figures: dict[str, float], work: Callable[[House, SqlStore], Awaitable[None]]
) -> None:
    """Open what the log needs of a house: store, keys and the time; the log must be whole afterwards."""
    _, home = new_home(folder, RETAILER, url)
    store = await open_store(url or f"sqlite:///{home / 'assent.db'}")
    try:
        ports: dict[str, Any] = {field.name: None for field in fields(House)}
        await work(House(**ports | {"store": store, "custody": HomeKeys.load(home), "clock": SystemClock()}), store)
        start = time.monotonic()
        found = await check_log(store, HomeKeys.load(home))
        report("fsck, s", time.monotonic() - start, figures)
        if found.faults:
            raise SystemExit(f"the log is not whole: {found.faults[:3]}")
    finally:
        await store.close()


def event(number: int, now: datetime) -> AuditEvent:
    """An entry about a person who is new."""
    return AuditEvent("consent_event", now, f"{number:026d}", {"event_id": f"e{number}", "state": "GIVEN"})


async def append(folder: Path, url: str, options: argparse.Namespace, figures: dict[str, float]) -> None:
    """Append single events and batches, and integrate them."""

    async def work(house: House, store: SqlStore) -> None:
        now, numbers = datetime.now(UTC), iter(range(1 << 60))

        async def commit(count: int) -> None:
            await store.append([event(next(numbers), now) for _ in range(count)])

        async def in_turn(times: int, count: int) -> None:
            for _ in range(times):
                await commit(count)

        singles = options.singles
        await in_turn(20, 1)
        start = time.monotonic()
        await in_turn(singles, 1)
        report("single commits, one after the other, events/s", singles / (time.monotonic() - start), figures)
        start, worked = time.monotonic(), time.process_time()
        await asyncio.gather(*(in_turn(singles // WRITERS, 1) for _ in range(WRITERS)))
        count = singles // WRITERS * WRITERS
        report("appended as single commits, events/s", count / (time.monotonic() - start), figures)
        report("of them, processor ms per event", 1000 * (time.process_time() - worked) / count, figures)
        start = time.monotonic()
        batches = -(-options.events // options.batch)
        await in_turn(batches, options.batch)
        report("appended in batches, events/s", batches * options.batch / (time.monotonic() - start), figures)
        start = time.monotonic()
        taken = await sequence(house)
        report("integrated and signed, events/s", taken / (time.monotonic() - start), figures)

    await with_house(folder, url, figures, work)


def calls(folder: Path, url: str, options: argparse.Namespace, figures: dict[str, float]) -> None:
    """Import consent events of new people, each with a call and so with a commit that its caller waits for."""
    with gateway(folder, url) as (server, client):
        rows = events(len(CALLERS) * (options.calls + WRITERS), datetime.now(UTC))

        def one(row: dict[str, object]) -> None:
            if client.consents.import_events([(1, row)], "customer").accepted != 1:
                raise SystemExit("an event was not accepted")

        for callers in CALLERS:
            with ThreadPoolExecutor(callers) as pool:
                list(pool.map(one, islice(rows, WRITERS)))
                start, (worked, _) = time.monotonic(), processor_seconds(server.pid)
                list(pool.map(one, islice(rows, options.calls)))
                rate = options.calls / (time.monotonic() - start)
            report(f"one event a call, {callers} callers, events/s", rate, figures)
            spent = processor_seconds(server.pid)[0] - worked
            report(f"the gateway's processor ms per event, {callers} callers", 1000 * spent / options.calls, figures)


def receipts(folder: Path, url: str, options: argparse.Namespace, figures: dict[str, float]) -> None:
    """Time receipts until they are final, one event after the other."""
    now = datetime.now(UTC)
    homes = {party: new_home(folder, party, url if party == RETAILER else "") for party in (RETAILER, PLATFORM)}
    with ExitStack() as stack:
        clients: dict[str, Client] = {}
        for party, (_, home) in homes.items():
            server = Server(home)
            server.start()
            stack.callback(server.stop)
            server.serving()
            clients[party] = stack.enter_context(server.client())
        for party, other in ((RETAILER, PLATFORM), (PLATFORM, RETAILER)):
            signed = homes[other][0]
            clients[party].registry.accept_partner(card_file(signed), signed.fingerprint)
        client = clients[RETAILER]
        groundwork.register(client, RETAILER, now)
        taken = [timed_receipt(client, folder, given) for given in events(options.receipts + 5, datetime.now(UTC))][5:]
    report("final receipt, p50 s", statistics.median(taken), figures)
    report("final receipt, p99 s", quantile(taken, 0.99), figures)


def timed_receipt(client: Client, folder: Path, given: dict[str, object]) -> float:
    """Seconds from the answer that an event is on file until its receipt is final."""
    file = folder / "event.jsonl"
    file.write_text(json.dumps(given) + "\n", encoding="utf-8")
    if client.consents.import_events(read_events(file), "customer").accepted != 1:
        raise SystemExit("an event was not accepted")
    start = time.monotonic()
    while time.monotonic() < start + RECEIPT_S:
        try:
            if client.witnesses.receipt(key=str(given["event_id"])).final:
                return time.monotonic() - start
        except StateError as error:
            if error.reason != "NOT_FOUND":
                raise
        time.sleep(0.005)
    raise SystemExit(f"no final receipt within {RECEIPT_S:.0f} s")


async def proof(folder: Path, url: str, options: argparse.Namespace, figures: dict[str, float]) -> None:
    """Write a tree in bulk, and prove entries of it."""

    async def work(house: House, store: SqlStore) -> None:
        start = time.monotonic()
        await write_tree(house, store, options.leaves)
        report("leaves and tiles written in bulk, leaves/s", options.leaves / (time.monotonic() - start), figures)
        taken = []
        chosen, worked = random.Random(7), time.process_time()
        for _ in range(options.proofs + 5):
            index = chosen.randrange(options.leaves)
            start = time.monotonic()
            await inclusion_proof(house, OFFICER, index)
            taken.append(1000 * (time.monotonic() - start))
        spent = 1000 * (time.process_time() - worked) / len(taken)
        report("inclusion proof, processor ms", spent, figures)
        report(f"inclusion proof at {options.leaves:,} leaves, p50 ms", statistics.median(taken[5:]), figures)
        report("inclusion proof, p99 ms", quantile(taken[5:], 0.99), figures)

    await with_house(folder, url, figures, work)


def served_proofs(folder: Path, options: argparse.Namespace, figures: dict[str, float]) -> None:
    """Ask a gateway of the home that `proof` filled, one proof after the other, over TLS and with a token."""
    server = Server(folder / RETAILER)
    server.start()
    try:
        server.serving()
        with server.client() as client:
            size, chosen, taken = client.audit.checkpoint().tree_size, random.Random(8), []
            for _ in range(options.proofs + 5):
                index = chosen.randrange(size)
                start = time.monotonic()
                client.audit.inclusion_proof(index)
                taken.append(1000 * (time.monotonic() - start))
    finally:
        server.stop()
    report("inclusion proof through the service, p50 ms", statistics.median(taken[5:]), figures)
    report("inclusion proof through the service, p99 ms", quantile(taken[5:], 0.99), figures)


async def write_tree(house: House, store: SqlStore, leaves: int) -> None:
    """Store leaves of the form and size that real ones have, their tiles, and one checkpoint."""
    edge, root = EMPTY_EDGE, b""
    for first in range(0, leaves, BULK):
        numbers = range(first, min(first + BULK, leaves))
        column = [
            b'{"commitment":"%042dA=","time":"2026-11-22T08:30:00.000000Z","type":"consent_event","v":1}' % number
            for number in numbers
        ]
        grown = integrate(edge, [leaf_hash(leaf) for leaf in column])
        tiles = [TileWrite(tile.level, tile.index, tile.width, tile.hashes) for tile in grown.tiles]
        async with store.begin() as tx:
            await tx._connection.insert_columns(audit_entries, {"entry": numbers, "leaf": column})
            await set_counter(tx._connection, Counter.PENDING, numbers.stop)
            await tx.audit.integrate(first, list(map(PendingEntry, numbers, column)), tiles)
        edge, root = grown.edge, grown.root
    head = Checkpoint(log_key(house).name, leaves, root)
    note = house.custody.sign_checkpoint(head, ())
    async with store.begin() as tx:
        await tx.audit.add_checkpoint(leaves, root, note, house.clock.now())


def quantile(values: list[float], part: float) -> float:
    """The smallest value that so large a part of all does not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def exports(folder: Path, url: str, options: argparse.Namespace, figures: dict[str, float]) -> None:
    """Export and verify, as bench/verify.py does."""
    found = measure_export(options.entries, options.jobs, folder, url)
    share = options.entries / 1_000_000
    for name in ("export, wall s", f"verify, {options.jobs} processes, wall s"):
        AT_MOST[name] = 60.0 * share
    for name, value in found.items():
        report(name, value, figures)


def run(part: str, folder: Path, url: str, options: argparse.Namespace, figures: dict[str, float]) -> None:
    """Run one part."""
    if part in ("append", "proof"):
        asyncio.run((append if part == "append" else proof)(folder, url, options, figures))
        if part == "proof":
            served_proofs(folder, options, figures)
    else:
        {"calls": calls, "receipt": receipts, "export": exports}[part](folder, url, options, figures)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), metavar="PARTS", help="some of them, with commas")
    parser.add_argument("--events", type=int, default=100_000, help="appended in batches")
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--singles", type=int, default=5000, help="appended as single commits")
    parser.add_argument("--calls", type=int, default=1000, help="of the service, one event each")
    parser.add_argument("--receipts", type=int, default=300)
    parser.add_argument("--leaves", type=int, default=1_000_000, help="of the tree for inclusion proofs")
    parser.add_argument("--proofs", type=int, default=500)
    parser.add_argument("--entries", type=int, default=1_000_000, help="exported and verified")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--postgres", default="", metavar="DSN", help="server on which databases may be made")
    parser.add_argument("--folder", type=Path, help="where homes are made; the system's temporary folder if left out")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    chosen = [part for part in options.only.split(",") if part]
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
    print(machine())
    all_figures: dict[str, dict[str, float]] = {}
    for database in ("SQLite", "PostgreSQL") if options.postgres else ("SQLite",):
        figures = all_figures[database] = {}
        for part in chosen:
            print(f"{database}, {part}")
            with ExitStack() as stack:
                url = stack.enter_context(postgres_database(options.postgres)) if database == "PostgreSQL" else ""
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="assent-bench-", dir=options.folder))
                run(part, Path(folder), url, options, figures)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), **all_figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
