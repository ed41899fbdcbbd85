"""Two real gateways for tests: `assent serve` processes on loopback, over homes made by `assent keys init`.

    with two_gateways(folder) as pair:
        agreement = pair.prepare(people)
        pair.platform.pause()
        ...

Nothing outlives the block, whatever happened to the processes in it.
"""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from gateway.client import Agreement, Client, ImportReport, Job
from gateway.main import app
from gateway.main.demo import groundwork
from gateway.main.demo.groundwork import PLATFORM, RETAILER, Both
from gateway.main.demo.people import Company, EventRow, People, two_companies
from gateway.main.demo.server import LOG_FILE, Server, free_addresses
from gateway.settings import add_dataset

LONGEST_PAUSE_S = 0.25


class Side:
    """One gateway: its process and a client that is made anew after a restart."""

    def __init__(self, party: str, home: Path, environment: Mapping[str, str]) -> None:
        self.party = party
        self.home = home
        self.server = Server(home, environment)
        self._client: Client | None = None

    @property
    def pid(self) -> int:
        """The process id, 0 when it does not run."""
        return self.server.pid

    @property
    def client(self) -> Client:
        """A client with every role; the same one until the process is ended."""
        if self._client is None:
            self._client = self.server.client()
        return self._client

    @property
    def log(self) -> str:
        """What the process logged, over all its lives."""
        return (self.home / LOG_FILE).read_text(encoding="utf-8")

    def start(self) -> None:
        self.server.start()

    def serving(self) -> None:
        """Wait until health says SERVING through TLS."""
        self.server.serving()

    def kill(self) -> None:
        """kill -9."""
        self.server.kill()
        self._forget()

    def pause(self) -> None:
        """kill -STOP."""
        self.server.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """kill -CONT."""
        self.server.signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM, as an operator ends it; returns the exit code."""
        try:
            return self.server.stop()
        finally:
            self._forget()

    def restart(self) -> None:
        """Start again over the same home, after `kill` or `stop`, and wait until it serves."""
        self.server.start()
        self.server.serving()

    def declare(self, rows: pa.Table | bytes, name: str = "customers") -> Path:
        """Write customers (or raw bytes) as this side's CSV file and declare it as a data set, once."""
        path = self.home.parent / f"{self.party}-{name}.csv"
        if isinstance(rows, bytes):
            path.write_bytes(rows)
        else:
            pyarrow.csv.write_csv(rows, path)
        subject = groundwork.BINDINGS[self.party].subject_column
        add_dataset(self.home, name, {"format": "csv", "path": str(path), "subject_column": subject})
        return path

    def give(self, events: list[EventRow] | tuple[EventRow, ...]) -> ImportReport:
        """Import consent events, numbered from 1."""
        return self.client.consents.import_events(enumerate(events, 1), "customer")

    def hasten(self, task: str) -> None:
        """Let a task that comes round be due now; the scheduler looks every five seconds."""
        with closing(sqlite3.connect(self.home / "assent.db", timeout=10)) as store, store:
            made = store.execute("UPDATE tasks SET not_before = 0 WHERE name = ? OR name LIKE ?", (task, f"{task}@%"))
            assert made.rowcount == 1, f"{made.rowcount} tasks are called {task}"

    def _forget(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


@dataclass(frozen=True, slots=True)
class Pair:
    """A retailer, who receives, and a platform, which sends."""

    retailer: Side
    platform: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.retailer, self.platform

    @property
    def both(self) -> Both:
        """The clients, as the demo's groundwork takes them."""
        return Both(self.retailer.client, self.platform.client)

    def prepare(self, people: People) -> Agreement:
        """Do all that comes before a run: cards, registries, notices, data sets, agreement, bindings, consents."""
        now = datetime.now(UTC)
        companies: tuple[Company, Company] = (people.retailer, people.platform)
        groundwork.exchange_cards(self.both)
        for side, company in zip(self.sides, companies, strict=True):
            groundwork.register(side.client, side.party, now)
            side.declare(company.customers)
        agreement = groundwork.sign_agreement(self.both, now)
        with ThreadPoolExecutor(2) as pool:
            reports = list(pool.map(lambda side, company: side.give(company.events), self.sides, companies))
        assert [report.rejected_count for report in reports] == [0, 0], reports
        return agreement

    def match(self, agreement: Agreement) -> Job:
        """Queue a MATCH and return at once."""
        return self.retailer.client.jobs.create(agreement.agreement_id, "MATCH", groundwork.PURPOSE)

    def enrich(self, agreement: Agreement, columns: tuple[str, ...] = groundwork.COLUMNS) -> Job:
        """Queue an ENRICH and return at once."""
        return self.retailer.client.jobs.create(agreement.agreement_id, "ENRICH", groundwork.PURPOSE, columns)


@contextmanager
def two_gateways(
    folder: Path, *, store_urls: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Pair]:
    """Make two homes, serve both, wait until they are healthy; end both at the end.

    Args:
        folder: empty; each home is a folder of the party's name in it.
        store_urls: databases by party; by default SQLite in the home.
        environment: variables for both servers, e.g. {"ASSENT_ENGINE__LEASE_S": "2"}.
    """
    addresses = iter(free_addresses(4))
    for party in (RETAILER, PLATFORM):
        words = ["--home", str(folder / party), "keys", "init", "--party", party]
        words += ["--legal-name", groundwork.LEGAL_NAMES[party], "--contact", groundwork.CONTACT.format(party)]
        words += ["--tenant-address", next(addresses), "--peer-address", next(addresses)]
        words += ["--store-url", (store_urls or {}).get(party, "")]
        app(words, standalone_mode=False)
    pair = Pair(*(Side(party, folder / party, environment or {}) for party in (RETAILER, PLATFORM)))
    try:
        for side in pair.sides:
            side.start()
        for side in pair.sides:
            side.serving()
        yield pair
    finally:
        for side in pair.sides:
            side.stop()


def some_people(retailer: int = 300, platform: int = 400, shared: int = 150) -> People:
    """Generated customers of both sides with consents of every kind, asked in the last ninety days."""
    now = datetime.now(UTC)
    terms = (groundwork.terms(RETAILER, now), groundwork.terms(PLATFORM, now))
    return two_companies(*terms, (retailer, platform), shared)


def until(ready: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Wait until something is so, looking less and less often; fail naming it."""
    deadline, pause_s = time.monotonic() + timeout_s, 0.05
    while not ready():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, LONGEST_PAUSE_S)
