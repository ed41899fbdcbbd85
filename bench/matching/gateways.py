"""Two real gateways with mutual TLS on loopback: their homes with everybody's consent on file, and who serves them."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from consent.question import Use
from gateway.client import Binding, Job
from gateway.errors import StateError
from gateway.main.demo import groundwork
from gateway.main.demo.groundwork import PHONE, PLATFORM, PURPOSE, RETAILER, Both
from gateway.main.demo.server import LOG_FILE, Server
from gateway.main.home import NewHome, make_home
from gateway.settings import add_dataset
from matching.consents import write_events
from matching.party import Ended, on_cores
from matching.people import ATTRIBUTE_BYTES, People, write_parquet
from matching.projection import write_projection

PARTIES = (RETAILER, PLATFORM)
RECEIVER, SENDER = PARTIES
GATE_COUNT = "gate_cpu_ms"  # in the report of a job, on either side
COLUMN, CATEGORY = "attribute", "membership_tier"
MOST_IMPORTED = 2_000_000  # events of one company that are imported; about five kilobytes of disk each
START_S = 600.0  # a store of ten million events may want looking through
NUMBERED_S = 600.0  # it begins within half a minute

_SEEDED = "seeded.json"
_SAID = 2000  # letters of a log that are shown
_FRESH = timedelta(days=25)  # tokens of a home hold thirty days
# Below the ports that systems give to whoever asks for any: a home that is used again finds its own free.
_PORTS = range(21_000, 30_000)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """Two homes that are ready for runs.

    Attributes:
        folder: holds a home by each party's name.
        agreement: id.
        peer_ports: where the gateways hear each other.
        ours: our people.
    """

    folder: Path
    agreement: str
    peer_ports: tuple[int, ...]
    ours: People

    def words(self, operation: str, result: Path) -> list[str]:
        """Return the command by which the receiver asks for a run."""
        words = ["--home", str(self.folder / RECEIVER), "job", "run", operation, "--agreement", self.agreement]
        words += ["--purpose", PURPOSE, "--result", str(result)]
        return [*words, "--column", COLUMN] if operation == "ENRICH" else words


@contextmanager
def serving(
    folder: Path, environment: dict[str, str], cores: tuple[set[int], set[int]], timeout_s: float = START_S
) -> Iterator[dict[str, Server]]:
    """Start both gateways; stop them after the block.

    Args:
        folder: holds their homes.
        environment: variables for both, e.g. {"ASSENT_ISA": "portable"}.
        cores: on which each runs.
        timeout_s: seconds until they must serve.

    Raises:
        Ended: a gateway does not serve.
    """
    servers = {party: Server(folder / party, environment) for party in PARTIES}
    try:
        for server, allowed in zip(servers.values(), cores, strict=True):
            with on_cores(allowed):
                server.start()
        for party, server in servers.items():
            try:
                server.serving(timeout_s)
            except StateError as error:
                said = (folder / party / f"{LOG_FILE}.stderr").read_text(encoding="utf-8")[-_SAID:]
                raise Ended(f"the gateway of the {party} does not serve; it said:\n{said}") from error
        yield servers
    finally:
        for server in servers.values():
            server.stop()


@contextmanager
def clients(servers: dict[str, Server]) -> Iterator[Both]:
    """Open a client of each gateway."""
    with servers[RECEIVER].client() as receiver, servers[SENDER].client() as sender:
        yield Both(receiver, sender)


def prepared(folder: Path, ours: People, cores: tuple[set[int], set[int]], say: Say, direct: bool = False) -> Ground:
    """Return two homes; those of an earlier call for the same people are used again.

    Args:
        folder: where they are, or will be.
        ours: the people.
        cores: on which the gateways run meanwhile.
        say: is told what is done.
        direct: write consents straight into the stores, as is done above `MOST_IMPORTED` anyway.

    Raises:
        Ended: the product refused an event.
    """
    note = folder / _SEEDED
    if note.exists():
        told = json.loads(note.read_text(encoding="utf-8"))
        if datetime.now(UTC) - datetime.fromisoformat(told["at"]) < _FRESH:
            say(f"both homes stand already in {folder}")
            return Ground(folder, told["agreement"], tuple(told["peer_ports"]), ours)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    now = datetime.now(UTC)
    ports = _free_ports(2 * len(PARTIES))
    for number, (party, side) in enumerate(zip(PARTIES, (ours.receiver, ours.sender), strict=True)):
        tenant, peer = (f"127.0.0.1:{port}" for port in ports[2 * number : 2 * number + 2])
        name, contact = groundwork.LEGAL_NAMES[party], groundwork.CONTACT.format(party)
        new = NewHome(party=party, legal_name=name, contact=contact, tenant_address=tenant, peer_address=peer)
        make_home(folder / party, new, now)
        write_parquet(side, folder / f"{party}.parquet")
        path = str(folder / f"{party}.parquet")
        add_dataset(folder / party, "customers", {"format": "parquet", "path": path, "subject_column": "customer"})
    with serving(folder, {}, cores) as servers, clients(servers) as both:
        groundwork.exchange_cards(both)
        for party, client in both.by_party().items():
            groundwork.register(client, party, now)
        agreement = _agreement(both, ours, now)
        direct = direct or max(ours.receiver.rows, ours.sender.rows) > MOST_IMPORTED
        if not direct:
            _import(folder, ours, now, say)
    if direct:
        _write(folder, ours, now, say)
    found = Ground(folder, agreement, tuple(ports[1::2]), ours)
    told = {"agreement": agreement, "peer_ports": found.peer_ports, "at": now.isoformat()}
    note.write_text(json.dumps(told), encoding="utf-8")
    return found


def finished(both: Both) -> tuple[Job, Job]:
    """Return both sides of the receiver's last run, waiting for the sender's end."""
    # Lists are read to their end: a call that is left open would hang in the gateway.
    mine, *_ = both.retailer.jobs.list()
    theirs, *_ = [job for job in both.platform.jobs.list() if job.session_id == mine.session_id]
    *_, ended = both.platform.jobs.watch(theirs.job_id)
    return mine, ended


def numbered(folder: Path) -> None:
    """Wait until both gateways have numbered the people of all runs so far: work that follows a run.

    Args:
        folder: holds their homes.

    Raises:
        Ended: it takes more than ten minutes.
    """
    until = time.monotonic() + NUMBERED_S
    while any(file for party in PARTIES for file in (folder / party / "results").glob("*.members")):
        if time.monotonic() > until:
            raise Ended("the people of an earlier run are not numbered; look at both gateways' server.log")
        time.sleep(0.1)


def gate_cpu_s(jobs: tuple[Job, Job]) -> float | None:
    """Return what both consent gates took, None when a job does not tell."""
    told = [[count.count for count in job.counts if count.reason == GATE_COUNT] for job in jobs]
    return sum(map(sum, told)) / 1000 if all(told) else None


def _agreement(both: Both, ours: People, now: datetime) -> str:
    direction = {"receiver": RECEIVER, "sender": SENDER}
    column = {"name": COLUMN, "category": CATEGORY, "type": "category", "max_bytes": ATTRIBUTE_BYTES}
    document = {
        "parties": [{"id": party, "impact_assessment": groundwork.ASSESSMENT} for party in PARTIES],
        "purposes": [PURPOSE],
        "directions": [
            {"operation": "MATCH", **direction},
            {"operation": "ENRICH", **direction, "columns": [COLUMN]},
        ],
        "match_keys": [{"name": groundwork.MATCH_KEY, "category": PHONE}],
        "columns": [column],
        "caps": {"rows_receiver": ours.receiver.rows, "rows_sender": ours.sender.rows, "runs_per_day": 10_000},
        "retention_days": groundwork.RETENTION_DAYS,
        "valid_from": (now - timedelta(hours=1)).isoformat(),
        "valid_until": (now + timedelta(days=365)).isoformat(),
        "legal_text_hash": hashlib.sha256(b"bench").hexdigest(),
        "sandbox": True,
    }
    proposed = both.retailer.agreements.propose(json.dumps(document).encode())
    agreement = both.platform.agreements.accept(proposed.agreement_id, proposed.hash)
    for party, client in both.by_party().items():
        binding = Binding(
            dataset="customers",
            subject_column="customer",
            subject_type="customer",
            match_key_columns={groundwork.MATCH_KEY: "phone"},
            value_columns={COLUMN: COLUMN} if party == SENDER else {},
            segment_column="",
        )
        client.agreements.bind(agreement.agreement_id, binding)
    return agreement.agreement_id


def _import(folder: Path, ours: People, now: datetime, say: Say) -> None:
    """Import everybody's consent in both gateways at a time, as an operator does."""
    files = {party: folder / f"{party}-consents.csv" for party in PARTIES}
    for side, (party, file) in zip((ours.receiver, ours.sender), files.items(), strict=True):
        asked = groundwork.terms(party, now)
        categories = [PHONE] if party == RECEIVER else [PHONE, CATEGORY]
        write_events(side, file, party, asked.recipient, PURPOSE, categories, asked.notice, asked.asked_at)
    say(f"{ours.receiver.rows + ours.sender.rows:,} consent events are imported, both gateways at a time")
    begun = time.monotonic()
    importing: list[tuple[str, subprocess.Popen[str]]] = []
    try:
        for party, file in files.items():
            words = [
                sys.executable,
                "-m",
                "gateway.main",
                "--home",
                str(folder / party),
                "consent",
                "import",
                str(file),
            ]
            pipe = subprocess.PIPE
            importing.append((party, subprocess.Popen(words, stdout=pipe, stderr=subprocess.STDOUT, text=True)))
        for party, process in importing:
            said, _ = process.communicate()
            if process.returncode:
                raise Ended(f"consents of the {party} were not imported; it said:\n{said}")
    finally:
        for _, process in importing:
            if process.poll() is None:
                process.kill()
                process.wait()
        for file in files.values():
            file.unlink()
    seconds = time.monotonic() - begun
    say(f"imported in {seconds:.0f} s: {max(ours.receiver.rows, ours.sender.rows) / seconds:,.0f} events/s a side")


def _write(folder: Path, ours: People, now: datetime, say: Say) -> None:
    """Write what an import leaves for the gate, where the import itself would take too long or too much disk."""
    say("consents are written straight into the stores, without events and log")
    for party, side in zip(PARTIES, (ours.receiver, ours.sender), strict=True):
        asked = groundwork.terms(party, now)
        uses = [
            Use(handler=party, recipient=asked.recipient, purpose=PURPOSE, category=category, method="psi_hash")
            for category in ([PHONE] if party == RECEIVER else [PHONE, CATEGORY])
        ]
        write_projection(folder / party, side, uses, asked.asked_at)


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in _PORTS:
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                break
    return found
