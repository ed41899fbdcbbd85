"""Two real gateway processes: killed, stopped, approached by strangers; nothing readable on their disks."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.csv
import pytest

from gateway.client import Client, Job
from gateway.keys.material import initialise
from gateway.main.demo import groundwork
from gateway.main.demo.groundwork import COLUMNS, PLATFORM, PURPOSE, RETAILER, Both
from gateway.main.demo.people import two_companies
from gateway.main.demo.server import Server, free_addresses
from gateway.main.home import NewHome, make_home
from gateway.peer.v1 import exchange_pb2, exchange_pb2_grpc
from gateway.route.job import JobState
from gateway.settings import add_dataset
from tests.e2e.clear_text import readable

ROWS = (1500, 2000)
SHARED = 700
IDS = {RETAILER: "customer_id", PLATFORM: "user_id"}


@dataclass
class Pair:
    """Both processes over their homes, with an agreement in force and everybody's consents on file."""

    directory: Path
    servers: dict[str, Server]
    peer_addresses: dict[str, str]
    agreement: str
    expected: list[dict[str, object]]

    def client(self, party: str = RETAILER) -> Client:
        return self.servers[party].client()

    def restart(self, party: str) -> None:
        self.servers[party].start()
        self.servers[party].serving()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    directory, now = tmp_path_factory.mktemp("pair"), datetime.now(UTC)
    # A killed server's jobs are taken up again once their leases are over.
    os.environ["ASSENT_ENGINE__LEASE_S"] = "3"
    addresses = free_addresses(4)
    servers = {}
    for number, party in enumerate((RETAILER, PLATFORM)):
        home = NewHome(
            party=party,
            legal_name=groundwork.LEGAL_NAMES[party],
            contact=groundwork.CONTACT.format(party),
            tenant_address=addresses[2 * number],
            peer_address=addresses[2 * number + 1],
        )
        make_home(directory / party, home, now)
        servers[party] = Server(directory / party)
    people = two_companies(groundwork.terms(RETAILER, now), groundwork.terms(PLATFORM, now), ROWS, SHARED)
    try:
        for server in servers.values():
            server.start()
        for party, company in ((RETAILER, people.retailer), (PLATFORM, people.platform)):
            path = directory / f"{party}.csv"
            pyarrow.csv.write_csv(company.customers, path)
            declared = {"format": "csv", "path": str(path), "subject_column": IDS[party]}
            add_dataset(directory / party, groundwork.BINDINGS[party].dataset, declared)
            servers[party].serving()
        with servers[RETAILER].client() as retailer, servers[PLATFORM].client() as platform:
            both = Both(retailer, platform)
            groundwork.exchange_cards(both)
            for party, client in both.by_party().items():
                groundwork.register(client, party, now)
            agreement = groundwork.sign_agreement(both, now).agreement_id
            for client, company in ((retailer, people.retailer), (platform, people.platform)):
                assert client.consents.import_events(enumerate(company.events, 1), "customer").rejected_count == 0
            job = retailer.jobs.create(agreement, "ENRICH", PURPOSE, COLUMNS)
            assert retailer.jobs.wait(job.job_id, timeout_s=120).state == "SUCCEEDED"
            expected = plain(retailer.jobs.result(job.job_id))
        assert len(expected) > 300
        peers = {RETAILER: addresses[1], PLATFORM: addresses[3]}
        yield Pair(directory, servers, peers, agreement, expected)
    finally:
        for server in servers.values():
            server.stop()
        del os.environ["ASSENT_ENGINE__LEASE_S"]


def plain(table: pa.Table) -> list[dict[str, object]]:
    """What a result says, without what names its run."""
    kept = table.select(["customer", "attribute", "value", "consent"])
    return kept.sort_by([("customer", "ascending"), ("attribute", "ascending")]).to_pylist()


class Reached(Exception):
    """A job is where a test wants it."""

    def __init__(self, job: Job) -> None:
        self.job = job


def until(client: Client, job_id: str, reached: Callable[[Job], bool], timeout_s: float = 60) -> Job:
    """Follow a job, which tells of every change at once, until it is where the test wants it, or at its end."""

    def look(job: Job) -> None:
        if reached(job) or job.final:
            raise Reached(job)

    try:
        return client.jobs.wait(job_id, look, timeout_s)
    except Reached as found:
        return found.job


MOMENTS: dict[str, Callable[[Job], bool]] = {
    "judging": lambda job: job.state == "JUDGING",
    "blinded": lambda job: job.state == "EXCHANGING" and job.stage >= 1,
    "evaluated": lambda job: job.state == "EXCHANGING" and job.stage >= 2,
    "table": lambda job: job.state == "EXCHANGING" and job.stage >= 3,
    "rejudging": lambda job: job.state in ("REJUDGING", "RELEASING"),
}


ATTEMPTS = 3


def unfinished_jobs(home: Path) -> list[str]:
    """The states of jobs that a gateway which does not run has to go on with."""
    with closing(sqlite3.connect(f"file:{home}/assent.db?mode=ro", uri=True)) as store:
        states = [state for (state,) in store.execute("SELECT state FROM jobs")]
    return [state for state in states if not JobState(state).final]


# Each moment on one side; tests/contract kills either side between any two steps.
KILLS = [(moment, (RETAILER, PLATFORM)[number % 2]) for number, moment in enumerate(MOMENTS)]


@pytest.mark.parametrize(("moment", "victim"), KILLS)
def test_a_killed_gateway_goes_on_with_the_same_result(pair: Pair, moment: str, victim: str) -> None:
    for _ in range(ATTEMPTS):
        with pair.client() as client:
            job = client.jobs.create(pair.agreement, "ENRICH", PURPOSE, COLUMNS)
            seen = until(client, job.job_id, MOMENTS[moment])
            pair.servers[victim].kill()
        # What the dead gateway's disk says, for between a look and a kill a job may end.
        unfinished = [] if seen.final else unfinished_jobs(pair.servers[victim].home)
        pair.restart(victim)
        with pair.client() as client:
            assert client.jobs.wait(job.job_id, timeout_s=120).state == "SUCCEEDED"
            assert plain(client.jobs.result(job.job_id)) == pair.expected
        if unfinished:
            assert len(unfinished) == 1
            return
    raise AssertionError(f"{ATTEMPTS} jobs ended before they were killed at {moment}")


def test_a_stopped_partner_is_said_and_waited_for(pair: Pair) -> None:
    pair.servers[PLATFORM].signal(signal.SIGSTOP)
    try:
        with pair.client() as client:
            job = client.jobs.create(pair.agreement, "MATCH", PURPOSE)
            waiting = until(client, job.job_id, lambda job: job.waiting_for == "PEER")
            assert (waiting.state, waiting.waiting_for) == ("AUTHORIZING", "PEER")
    finally:
        pair.servers[PLATFORM].signal(signal.SIGCONT)
    with pair.client() as client:
        assert client.jobs.wait(job.job_id, timeout_s=120).state == "SUCCEEDED"


def knock(address: str, trust: bytes, name: str, key: bytes | None, chain: bytes | None) -> grpc.StatusCode:
    """Call a peer port and return how the call ended."""
    credentials = grpc.ssl_channel_credentials(trust, key, chain)
    options = [("grpc.ssl_target_name_override", name), ("grpc.enable_http_proxy", 0)]
    with grpc.secure_channel(address, credentials, options) as channel:
        stub = exchange_pb2_grpc.ExchangeServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.GetSession(exchange_pb2.GetSessionRequest(session_id=bytes(32)), timeout=5)
    return caught.value.code()  # type: ignore[no-any-return, attr-defined]


@pytest.mark.parametrize("days_ago", [0, 500], ids=["foreign", "accepted but expired"])
def test_strangers_and_expired_certificates_get_nowhere(pair: Pair, tmp_path: Path, days_ago: int) -> None:
    address, home = pair.peer_addresses[PLATFORM], pair.servers[PLATFORM].home
    trust = (home / "keys" / "tls.crt").read_bytes()
    party = f"stranger{days_ago}"
    issued = datetime.now(UTC) - timedelta(days=days_ago)
    card = initialise(
        tmp_path, party, party, "x@y.example", "CN", "127.0.0.1:1", "127.0.0.1:2", f"{party}.example", issued
    )
    if days_ago:
        with pair.client(PLATFORM) as client:
            client.registry.accept_partner((tmp_path / "keys" / "card.json").read_bytes(), card.fingerprint)
        time.sleep(3)  # the anchors of partners are read again every two seconds
    key, chain = ((tmp_path / "keys" / name).read_bytes() for name in ("tls.key", "tls.crt"))
    # TLS ends it before any method is reached; without a certificate likewise.
    assert knock(address, trust, "platform.assent.internal", key, chain) is grpc.StatusCode.UNAVAILABLE
    assert knock(address, trust, "platform.assent.internal", None, None) is grpc.StatusCode.UNAVAILABLE
    with pair.client() as client:
        job = client.jobs.create(pair.agreement, "MATCH", PURPOSE)
        assert client.jobs.wait(job.job_id, timeout_s=120).state == "SUCCEEDED"


def test_no_identifier_and_no_attribute_lies_in_any_file(pair: Pair) -> None:
    customers = pyarrow.csv.read_csv(pair.directory / f"{RETAILER}.csv")
    theirs = pyarrow.csv.read_csv(pair.directory / f"{PLATFORM}.csv")
    secrets = {str(value) for value in theirs.column("mobile").to_pylist()[:200]}
    secrets |= {*customers.column("customer_id").to_pylist()[:200], *theirs.column("user_id").to_pylist()[:200]}
    secrets |= {"platinum", "silver"}
    seen = 0
    for server in pair.servers.values():
        for path in server.home.rglob("*"):
            if not path.is_file() or path.parent.name in ("keys", "client"):
                continue
            found = readable(path.read_bytes(), secrets)
            seen += 1
            assert not found, f"{path.name} of the {server.home.name} holds {len(found)} values in clear"
    assert seen > 4
