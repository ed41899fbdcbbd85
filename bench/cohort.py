"""Consent at the scale of a CDP: python bench/cohort.py --subjects N ... [--database sqlite|postgres] [--json FILE].

For each size a gateway is started as a process on loopback over a store of so many people, 2.5 events each
(cohorts/stories.py says which, cohorts/load.py how they get there). Measured through the client, as an operator would:

- the cohort of one use over everybody: wall clock, processor time and peak memory of the gateway;
- coverage of the same use, with --coverage: it asks the rule about whoever is not plainly allowed;
- single decisions, one after another;
- how soon a withdrawal is seen: the first decision after the import has answered;
- an import of new people's grants, with their leaves in the log.

PostgreSQL's own processor time is not in the gateway's; the wall clock has both. Filling a store of ten million takes
longer than all the rest: --prepare does only that, in --folder, and the next run there measures what it finds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from cohorts.load import load
from cohorts.postgres import postgres
from cohorts.stories import DAY, SUBJECT_TYPE, WAVES, Asked, customer, story_of
from consent_import import await_log, events, machine, peak_mib, processor_seconds

from consent.registry import Registry
from gateway.agreement.card import card_file
from gateway.client import Client
from gateway.client.aio import AsyncClient
from gateway.client.party import Party, PartyContract
from gateway.flow import deletion, expiry, projecting
from gateway.flow.ports import House
from gateway.flow.registry import load_registry
from gateway.keys.custody import HomeKeys
from gateway.main.demo import groundwork
from gateway.main.demo.groundwork import PHONE, PLATFORM, RETAILER
from gateway.main.demo.people import METHODS
from gateway.main.demo.server import Server, free_addresses
from gateway.main.home import NewHome, make_home
from gateway.store import open_store

CATEGORIES = (PHONE, "membership_tier")
DECISIONS, WITHDRAWALS = 3000, 100
START_S = 600.0
PREPARED = "prepared.json"
ELIGIBLE_STORIES = (0, 1, 4)


def main() -> None:
    """Print a table for each size."""
    asked = _asked()
    found = []
    for people in asked.subjects:
        with _folder(asked, people) as folder:
            if asked.prepare:
                with _filled_store(folder, people, asked.database):
                    continue
            figures = measure(folder, people, asked.database, asked.imported, asked.coverage)
        found.append(figures)
        print(f"{machine()}; {asked.database}; {people:,} people")
        for name, figure in figures.items():
            print(f"{name:48}{figure:14,.2f}", flush=True)
        if asked.json:
            report = {"machine": machine(), "database": asked.database, "figures": found}
            asked.json.write_text(json.dumps(report, indent=1) + "\n")


def measure(folder: Path, people: int, database: str, imported: int, coverage: bool) -> dict[str, float]:
    """Fill a store and measure."""
    figures: dict[str, float] = {"people": people}
    with _filled_store(folder, people, database) as (server, loaded):
        figures |= loaded
        with _serving(server), server.client() as client:
            for run in ("cold", "warm"):
                figures |= {
                    f"cohort, {run}: {name}": figure for name, figure in _cohort(server, client, people).items()
                }
            if coverage:
                figures |= _coverage(client, people)
            figures |= asyncio.run(_decisions(server, people))
            figures |= _withdrawals(client, people)
            figures |= _import(server, client, imported, datetime.now(UTC))
            figures["gateway, peak memory MiB"] = peak_mib(server.pid)
        figures["store, GB"] = _size(folder) / 1e9
    return figures


@contextmanager
def _folder(asked: argparse.Namespace, people: int) -> Iterator[Path]:
    """Yield where a store is made: one that was prepared is used up, for measuring changes it."""
    if asked.folder is None:
        with tempfile.TemporaryDirectory(prefix="assent-cohort-") as folder:
            yield Path(folder)
        return
    folder = _place(asked, people)
    folder.mkdir(exist_ok=True)
    yield folder  # what failed is left: filling may have taken an hour
    if not asked.prepare:
        shutil.rmtree(folder)


def _place(asked: argparse.Namespace, people: int) -> Path:
    return Path(asked.folder).absolute() / f"cohort-{asked.database}-{people}"


@contextmanager
def _filled_store(folder: Path, people: int, database: str) -> Iterator[tuple[Server, dict[str, float]]]:
    """Yield a stopped gateway whose store is filled, and what filling took; its database runs meanwhile."""
    with ExitStack() as stack:
        url = ""
        if database == "postgres":
            folder.chmod(0o755)  # its user must get through
            url, _ = stack.enter_context(postgres(folder / "postgres"))
        told = folder / PREPARED
        if not told.exists():
            now = datetime.now(UTC)
            server = _home(folder, url, now)
            begun = time.monotonic()
            events = _filled(server.home, url or f"sqlite:///{server.home / 'assent.db'}", people, now)
            told.write_text(json.dumps({"events": events, "loading s": time.monotonic() - begun}))
        yield Server(folder / RETAILER), json.loads(told.read_text())


def _home(folder: Path, url: str, now: datetime) -> Server:
    """Make a home whose registries say what the stories need, and stop its gateway again."""
    addresses = free_addresses(2)
    signed = {}
    for party, store in ((PLATFORM, ""), (RETAILER, url)):
        new = NewHome(
            party=party,
            legal_name=groundwork.LEGAL_NAMES[party],
            contact=groundwork.CONTACT.format(party),
            tenant_address=addresses[0],
            peer_address=addresses[1],
            store_url=store,
        )
        signed[party] = make_home(folder / party, new, now)
    server = Server(folder / RETAILER)
    with _serving(server), server.client() as client:
        client.registry.accept_partner(card_file(signed[PLATFORM]), signed[PLATFORM].fingerprint)
        groundwork.register(client, RETAILER, now)
        contract = PartyContract(
            id="C-1",
            type="PROVISION",
            valid_from=now - 400 * DAY,
            valid_until=now + 400 * DAY,
            purposes=(groundwork.PURPOSE, groundwork.MEASUREMENT),
            methods=METHODS,
            categories=CATEGORIES,
            security_duties="encrypted",
            supervision="yearly",
        )
        client.parties.create(
            Party(
                id=PLATFORM,
                role="HANDLER",
                legal_name=groundwork.LEGAL_NAMES[PLATFORM],
                contact=groundwork.CONTACT.format(PLATFORM),
                contracts=(contract,),
            )
        )
    return server


def _filled(home: Path, url: str, people: int, now: datetime) -> int:
    asked = Asked(
        handler=RETAILER,
        recipient=PLATFORM,
        purpose=groundwork.PURPOSE,
        other_purpose=groundwork.MEASUREMENT,
        categories=CATEGORIES,
        notice=f"{groundwork.NOTICE}@1",
        since=now - groundwork.ASKED_BEFORE,
    )
    # The notice is on record since a moment ago: what was taken in before it proves nothing.
    taken_in = datetime.now(UTC)
    recorded = [taken_in + timedelta(milliseconds=wave) for wave in range(WAVES)]
    keys = HomeKeys.load(home)
    written = load(url, keys.subject_key(), asyncio.run(_registry(url, keys)), asked, people, recorded)
    asyncio.run(_looked_through(url))
    return written


async def _looked_through(url: str) -> None:
    """Have the tasks of the clock begin behind what was loaded, which they would otherwise look through for an hour.

    A gateway opens deletions and records ended consents while acts come in, and never years of them at once.
    """
    store = await open_store(url)
    try:
        async with store.begin() as tx:
            changes, now = (await tx.consents.mark()).changes, int(time.time() * 1_000_000)
            await tx.tasks.set_mark(deletion.TASK, {"changes": changes})
            await tx.tasks.set_mark(expiry.TASK, {"changes": changes, "ended_until": now})
            await tx.tasks.set_mark(projecting.TASK, projecting.DONE)
    finally:
        await store.close()


async def _registry(url: str, keys: HomeKeys) -> Registry:
    store = await open_store(url)
    try:
        async with store.read() as tx:
            return await load_registry(tx, cast(House, SimpleNamespace(store=store, custody=keys)))
    finally:
        await store.close()


@contextmanager
def _serving(server: Server) -> Iterator[None]:
    server.start()
    try:
        server.serving(START_S)
        yield
    finally:
        server.stop()


def _use() -> dict[str, str]:
    return {"purpose": groundwork.PURPOSE, "category": PHONE, "method": "psi_hash", "recipient": PLATFORM}


def _cohort(server: Server, client: Client, people: int) -> dict[str, float]:
    spent, _ = processor_seconds(server.pid)
    begun, own, rows = time.monotonic(), time.process_time(), 0
    for batch in client.consents.eligible(**_use()):
        rows += batch.num_rows
    wall = time.monotonic() - begun
    whole, rest = divmod(people, 1000)
    of_thousand = [story_of(number) in ELIGIBLE_STORIES for number in range(1000)]
    if rows != whole * sum(of_thousand) + sum(of_thousand[:rest]):
        raise SystemExit(f"{rows} people are eligible, which is wrong")
    after, _ = processor_seconds(server.pid)
    return {
        "people": rows,
        "s": wall,
        "gateway, processor s": after - spent,
        "client, processor s": time.process_time() - own,
        "gateway, peak memory MiB": peak_mib(server.pid),
    }


def _coverage(client: Client, people: int) -> dict[str, float]:
    begun = time.monotonic()
    (found,) = client.consents.coverage(**_use())
    if found.subjects != people:
        raise SystemExit(f"{found.subjects} people are counted, which is wrong")
    denied = {f"coverage: {code}": count for code, count in found.denied.items()}
    return {"coverage: s": time.monotonic() - begun, "coverage: gain": found.gain, **denied}


async def _decisions(server: Server, people: int) -> dict[str, float]:
    """Ask about people at random, one after another over one channel."""
    chosen = random.Random(5).choices(range(people), k=DECISIONS)
    took = []
    async with _async_client(server) as client:
        for number in chosen:
            begun = time.perf_counter()
            decision = await client.consents.evaluate(customer(number), subject_type=SUBJECT_TYPE, **_use())
            took.append((time.perf_counter() - begun) * 1000)
            if decision.allowed is not (story_of(number) in ELIGIBLE_STORIES):
                raise SystemExit(f"a wrong answer: {decision.reason_code}")
    cut = statistics.quantiles(took, n=1000)
    return {"decision, ms: p50": cut[499], "decision, ms: p99": cut[989], "decision, ms: p99.9": cut[998]}


def _async_client(server: Server) -> AsyncClient:
    folder = server.home / "client"
    return AsyncClient.connect(
        server.target, (folder / "ca.pem").read_bytes(), (folder / "token").read_text(encoding="utf-8").strip()
    )


def _withdrawals(client: Client, people: int) -> dict[str, float]:
    """Withdraw, and ask at once."""
    chosen = [number for number in range(people) if story_of(number) == 0][:WITHDRAWALS]
    imports, asks = [], []
    for number in chosen:
        at = (datetime.now(UTC) - timedelta(milliseconds=1)).isoformat()
        event = {"event_id": f"now-{number}", "type": "consent_withdrawn", "at": at, "handler": RETAILER}
        begun = time.perf_counter()
        report = client.consents.import_events([(1, event | {"subject": customer(number)})], SUBJECT_TYPE)
        imported = time.perf_counter()
        decision = client.consents.evaluate(customer(number), subject_type=SUBJECT_TYPE, **_use())
        asks.append((time.perf_counter() - imported) * 1000)
        imports.append((imported - begun) * 1000)
        if report.accepted != 1 or decision.reason_code != "CONSENT_WITHDRAWN":
            raise SystemExit(f"a withdrawal was not seen by the next decision: {decision.reason_code}")
    return {
        "withdrawals": len(chosen),
        "withdrawal, ms until stored: median": statistics.median(imports),
        "withdrawal, ms of the next decision: median": statistics.median(asks),
    }


def _import(server: Server, client: Client, count: int, now: datetime) -> dict[str, float]:
    numbered: Any = enumerate(events(count, now), 1)
    time.sleep(1)
    before = client.audit.checkpoint().tree_size
    begun = time.monotonic()
    report = client.consents.import_events(list(numbered), SUBJECT_TYPE)
    took = time.monotonic() - begun
    if report.accepted != count:
        raise SystemExit(f"{report.accepted} of {count} events were accepted: {report.rejected[:3]}")
    await_log(client, before + count)
    return {"import, events/s": count / took, "import, events/s with the log": count / (time.monotonic() - begun)}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Consent at the scale of a CDP")
    parser.add_argument("--subjects", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--imported", type=int, default=100_000, help="events of the import that is measured")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the stores are made; by default the system's temporary one")
    parser.add_argument("--prepare", action="store_true", help="fill the stores in --folder, and leave them for a run")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    asked = parser.parse_args()
    if asked.prepare and asked.folder is None:
        parser.error("--prepare needs --folder")
    if asked.folder is not None:
        asked.folder.mkdir(parents=True, exist_ok=True)
        unfilled = (people for people in asked.subjects if not (_place(asked, people) / PREPARED).exists())
        if shutil.disk_usage(asked.folder).free < max(unfilled, default=0) * 4000:
            sys.exit(f"{asked.folder} has not enough room: a person takes up to four kilobytes")
    return asked


if __name__ == "__main__":
    os.umask(0o022)
    main()
