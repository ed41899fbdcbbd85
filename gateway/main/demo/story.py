"""The demo from its first key to its last line."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.csv

from gateway.client import Client
from gateway.errors import RequestError, StateError
from gateway.main.demo import groundwork, report, runs
from gateway.main.demo.evidence import gather
from gateway.main.demo.groundwork import PLATFORM, RETAILER, Both
from gateway.main.demo.people import Company, EventRow, People, two_companies
from gateway.main.demo.server import Server, free_addresses
from gateway.main.demo.stopwatch import Stopwatch
from gateway.main.home import NewHome, make_home
from gateway.settings import add_dataset

FEWEST_ROWS = 200
SHARED_PERCENT = 45  # of the retailer's customers who are the platform's, too


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays.

    Attributes:
        directory: everything that it writes.
        servers: the two processes by party.
        keep: they go on at the end.
    """

    directory: Path
    servers: dict[str, Server]
    keep: bool


def play(directory: Path, rows: tuple[int, int], keep: bool) -> report.Outcome:
    """Run the whole demo.

    Args:
        directory: for homes, data sets and exports; must be empty or absent.
        rows: customers of the retailer and of the platform, at least 200 each.
        keep: let the servers run on.

    Raises:
        RequestError: BAD_FIELD.
        AssentError: a step failed; the servers are stopped all the same.
    """
    if min(rows) < FEWEST_ROWS:
        raise RequestError("BAD_FIELD", f"the demo needs at least {FEWEST_ROWS} customers on either side")
    watch = Stopwatch()
    now = datetime.now(UTC)
    with watch.step("keys, certificates and homes"):
        stage = _stage(directory, now, keep)
    with _running(stage) as left, ExitStack() as clients:
        with watch.step("two servers start; people are generated meanwhile"):
            people = _people(stage, rows, now)
            for server in stage.servers.values():
                server.serving()
        both = Both(*(clients.enter_context(stage.servers[party].client()) for party in (RETAILER, PLATFORM)))
        with watch.step("cards, registries, notices"):
            groundwork.exchange_cards(both)
            for party, client in both.by_party().items():
                groundwork.register(client, party, now)
        with watch.step("one agreement, signed by both and bound on either side"):
            agreement = groundwork.sign_agreement(both, now)
        with watch.step("consent events, both sides at a time"):
            _import_all(both, people, watch)
        with watch.step("MATCH"):
            match = runs.match(both, agreement, watch.note)
        with watch.step("ENRICH, with withdrawals on both sides while it runs"):
            enrich, withdrawn = runs.enrich(both, stage.servers, agreement, _leaving(people, match), watch.note)
        with watch.step("AGGREGATE, with noise"):
            aggregate = runs.aggregate(both, agreement, watch.note)
        with watch.step("audit exports, verified offline"):
            homes = {party: server.home for party, server in stage.servers.items()}
            evidence = gather(both, homes, directory / "exports")
    return report.Outcome(
        directory, people, match, enrich, withdrawn, aggregate, evidence, tuple(left), tuple(watch.steps), watch.total_s
    )


def _stage(directory: Path, now: datetime, keep: bool) -> Stage:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise RequestError("BAD_FIELD", f"{directory} is not empty; name a new directory")
    except OSError as error:
        raise RequestError("BAD_FIELD", f"{directory} cannot be used: {error.strerror}") from error
    addresses = iter(free_addresses(4))
    for party in (RETAILER, PLATFORM):
        new = NewHome(
            party=party,
            legal_name=groundwork.LEGAL_NAMES[party],
            contact=groundwork.CONTACT.format(party),
            tenant_address=next(addresses),
            peer_address=next(addresses),
        )
        make_home(directory / party, new, now)
    return Stage(directory, {party: Server(directory / party) for party in (RETAILER, PLATFORM)}, keep)


@contextmanager
def _running(stage: Stage) -> Iterator[list[report.Left]]:
    """Start both servers; stop them at the end, whatever happens, unless they are to be kept.

    Yields:
        A list that names, after the block, the servers that go on.
    """
    left: list[report.Left] = []
    try:
        for server in stage.servers.values():
            server.start(detached=stage.keep)
        yield left
        if stage.keep:
            left += [report.Left(server.home, server.target, server.leave()) for server in stage.servers.values()]
    finally:
        for server in stage.servers.values():
            server.stop()


def _people(stage: Stage, rows: tuple[int, int], now: datetime) -> People:
    """Generate both companies and declare their customers as data sets."""
    shared = min(rows[0] * SHARED_PERCENT // 100, rows[1])
    people = two_companies(groundwork.terms(RETAILER, now), groundwork.terms(PLATFORM, now), rows, shared)
    for party, company in ((RETAILER, people.retailer), (PLATFORM, people.platform)):
        path = stage.directory / f"{party}.csv"
        try:
            pyarrow.csv.write_csv(company.customers, path)
        except OSError as error:
            raise StateError("DISK_FULL", f"cannot write {path.name}: {error.strerror}") from error
        bound = groundwork.BINDINGS[party]
        declared = {"format": "csv", "path": str(path), "subject_column": bound.subject_column}
        add_dataset(stage.directory / party, bound.dataset, declared)
    return people


def _import_all(both: Both, people: People, watch: Stopwatch) -> None:
    def one(party: str, client: Client, company: Company) -> None:
        numbered: enumerate[EventRow] = enumerate(company.events, 1)
        found = client.consents.import_events(numbered, "customer")
        if found.rejected_count:
            first = found.rejected[0]
            raise StateError(
                "REVISION_CONFLICT",
                f"{party} refused {found.rejected_count} events; row {first.row}: {first.field} {first.reason}",
            )
        watch.note(f"{party}: {found.accepted:,} events on file")

    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(one, RETAILER, both.retailer, people.retailer),
            pool.submit(one, PLATFORM, both.platform, people.platform),
        ]
        for future in done:
            future.result()


def _leaving(people: People, match: runs.Run) -> list[tuple[str, str]]:
    """Choose who withdraws: people whom the first run found in common."""
    found = set(match.customers)
    return [pair for pair in people.shared if pair[0] in found][: 2 * runs.MOST_WITHDRAWN]


def temporary_directory() -> Path:
    """Make a directory of our own for a demo that was given none."""
    return Path(tempfile.mkdtemp(prefix="assent-demo-"))


def clear_homes(directory: Path) -> None:
    """Remove keys and databases, leave the exports: the printed commands need nothing else."""
    for party in (RETAILER, PLATFORM):
        shutil.rmtree(directory / party, ignore_errors=True)
        (directory / f"{party}.csv").unlink(missing_ok=True)


def end_by_signal() -> None:
    """Let SIGTERM end the demo as an interrupt does, so that the servers are stopped."""

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
