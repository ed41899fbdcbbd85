"""Import of consent events, end to end: python bench/consent_import.py [--events N] [--store URL] [--json FILE].

A gateway is started as a process on loopback, in a temporary home. A file of grants, one of each of N new people to
two processings in a dialog, goes in through the client, as `assent consent import` does; then the log is awaited. The
figure that a busy machine does not change is the processor time of the gateway: of all its threads, and of the one
that runs the event loop.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.agreement.card import card_file
from gateway.cli.events import read_events
from gateway.client import Client
from gateway.main.demo import groundwork
from gateway.main.demo.groundwork import PHONE, PLATFORM, RETAILER
from gateway.main.demo.people import METHODS, ROW_METHODS
from gateway.main.demo.server import Server, free_addresses
from gateway.main.home import NewHome, make_home

TARGET = 25_000  # events a second, leaves included
CATEGORIES = (PHONE, "membership_tier")
TICKS = os.sysconf("SC_CLK_TCK")
LOG_S = 600.0  # within which the log must have caught up


def machine() -> str:
    """Name the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    model = models[0].split(":")[1].strip() if models else platform.processor()
    return f"{model}, Python {platform.python_version()}, {os.cpu_count()} cores"


def events(count: int, now: datetime) -> Iterator[dict[str, object]]:
    """Yield grants of new people: two items, three pairs of category and method to one purpose or another."""
    terms = groundwork.terms(RETAILER, now)
    asked = ((terms.purpose, CATEGORIES, ROW_METHODS), (terms.measurement, CATEGORIES[:1], METHODS))
    items = [
        {
            "purpose": purpose,
            "categories": list(categories),
            "methods": list(methods),
            "recipients": [terms.recipient],
            "form": "separate",
        }
        for purpose, categories, methods in asked
    ]
    for number in range(count):
        consent_id = secrets.token_hex(10)
        yield {
            "event_id": f"{consent_id}-given",
            "type": "consent_given",
            "at": (terms.asked_at + timedelta(seconds=number % 5_000_000)).isoformat(),
            "subject": f"C{number:09d}",
            "handler": terms.handler,
            "consent_id": consent_id,
            "notice": terms.notice,
            "by": "subject",
            "mode": "explicit",
            "evidence": True,
            "channel": "app",
            "items": items,
        }


@contextmanager
def gateway(folder: Path, store_url: str) -> Iterator[tuple[Server, Client]]:
    """Start a gateway that has a partner, its registries and a published notice."""
    now, addresses = datetime.now(UTC), free_addresses(2)
    for party, url in ((PLATFORM, ""), (RETAILER, store_url)):
        new = NewHome(
            party=party,
            legal_name=groundwork.LEGAL_NAMES[party],
            contact=groundwork.CONTACT.format(party),
            tenant_address=addresses[0],
            peer_address=addresses[1],
            store_url=url,
        )
        signed = make_home(folder / party, new, now)
        if party == PLATFORM:
            partner = signed
    server = Server(folder / RETAILER)
    server.start()
    try:
        server.serving()
        with server.client() as client:
            client.registry.accept_partner(card_file(partner), partner.fingerprint)
            groundwork.register(client, RETAILER, now)
            yield server, client
    finally:
        server.stop()


def processor_seconds(pid: int) -> tuple[float, float]:
    """Return the processor time of a process, and that of its first thread, which runs the event loop."""
    spent = []
    for file in (f"/proc/{pid}/stat", f"/proc/{pid}/task/{pid}/stat"):
        fields = Path(file).read_text().rpartition(")")[2].split()
        spent.append((int(fields[11]) + int(fields[12])) / TICKS)
    return spent[0], spent[1]


def peak_mib(pid: int) -> float:
    """Return the most memory that a process ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def await_log(client: Client, size: int) -> None:
    """Wait until a checkpoint covers so many entries."""
    until = time.monotonic() + LOG_S
    while client.audit.checkpoint().tree_size < size:
        if time.monotonic() > until:
            raise SystemExit(f"the log does not have {size} entries after {LOG_S:.0f} s")
        time.sleep(0.02)


def measure(count: int, folder: Path, store_url: str) -> dict[str, float]:
    """Import a file and return the figures."""
    file = folder / "events.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(event) + "\n" for event in events(count, datetime.now(UTC)))
    with gateway(folder, store_url) as (server, client):
        time.sleep(0.2)  # what the set-up appended is in the log by now
        before = client.audit.checkpoint().tree_size
        memory = peak_mib(server.pid)
        spent, looped = processor_seconds(server.pid)
        start, own = time.monotonic(), time.process_time()
        report = client.consents.import_events(read_events(file), "customer")
        imported, own = time.monotonic() - start, time.process_time() - own
        if report.accepted != count:
            raise SystemExit(f"{report.accepted} of {count} events were accepted: {report.rejected[:3]}")
        await_log(client, before + count)
        logged = time.monotonic() - start
        spent, looped = (after - was for after, was in zip(processor_seconds(server.pid), (spent, looped), strict=True))
        return {
            "events": count,
            "events per second": count / imported,
            "events per second, log caught up": count / logged,
            "gateway, processor us per event": spent / count * 1e6,
            "of them in the event loop's thread": looped / count * 1e6,
            "events per processor second of the gateway": count / spent,
            "client, processor us per event": own / count * 1e6,
            "gateway, peak memory MiB": peak_mib(server.pid),
            "of them before the import": memory,
            "store, bytes per event": sum(path.stat().st_size for path in server.home.glob("assent.db*")) / count,
        }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Import of consent events, end to end")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--store", default="", help="URL of an empty database; by default SQLite in a temporary home")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
        found = measure(asked.events, Path(folder), asked.store)
    store = asked.store.partition(":")[0] or "sqlite"
    print(f"{machine()}; {store}")
    for name, figure in found.items():
        print(f"{name:44}{figure:12,.1f}")
    verdict = "met" if found["events per second"] >= TARGET else "MISSED"
    print(f"target: {TARGET:,} events a second: {found['events per second']:,.0f}, {verdict}")
    if asked.json:
        report = {"machine": machine(), "store": store, "figures": found}
        asked.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
