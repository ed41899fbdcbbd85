"""One run of one engine, measured from the word "go" to the written result."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from matching import gateways, people, venvs
from matching.gateways import Ground
from matching.party import Party
from matching.people import People
from matching.processes import cpu_s, peak_mb
from matching.wire import Wire

HERE = Path(__file__).resolve().parent
Cores = tuple[set[int], set[int]]
Last = TypeVar("Last")


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run took.

    Attributes:
        wall_s: from "go" until both parties are done and the result is written.
        cpu_s: user and system seconds of all processes of both parties in that time.
        gate_cpu_s: of it, what both consent gates took; None where the engine does not tell.
        bytes: TCP payload between the parties, both directions.
        rss_mb: largest resident memory of any process of the receiver's and of the sender's side, in 10^6 bytes.
        intersection: rows of the result, checked.
        after_cpu_s: user and system seconds of work that followed the result; None for an engine that has none.
    """

    wall_s: float
    cpu_s: float
    gate_cpu_s: float | None
    bytes: int
    rss_mb: tuple[float, float]
    intersection: int
    after_cpu_s: float | None = None


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine of somebody else: two processes over TCP on loopback, without TLS.

    Attributes:
        venv: where it lives.
        program: one party.
        protocol: which of its protocols.
    """

    venv: tuple[str, tuple[str, ...]]
    program: str
    protocol: str = ""

    def run(self, ours: People, inputs: Sequence[Path], folder: Path, cores: Cores) -> Figures:
        """Run it.

        Args:
            ours: the people.
            inputs: the receiver's and the sender's file of numbers.
            folder: for results and logs.
            cores: on which each party runs.

        Raises:
            Ended: a party broke down.
            ValueError: the result is wrong.
        """
        ports = _free_ports(2)
        words = [venvs.python_of(self.venv), HERE / self.program]
        endpoints = [f"127.0.0.1:{port}" for port in ports]
        result = folder / "result.csv"
        with ExitStack() as stack:
            parties = []
            for rank, (given, allowed) in enumerate(zip(inputs, cores, strict=True)):
                asked = {"rank": rank, "endpoints": endpoints, "protocol": self.protocol, "input": str(given)}
                asked["output"] = str(result if rank == 0 else folder / "sender.csv")
                parties.append(Party(words, asked, folder / f"party{rank}.log", allowed))
                stack.callback(parties[-1].end)
            for party in parties:
                party.ready()
            pids = [party.pid for party in parties]
            with Wire(ports) as wire:
                spent, wall_s, _ = measured(pids, parties, lambda: None)
            peaks = (peak_mb(pids[0]), peak_mb(pids[1]))
            for party in parties:
                party.release()
        found = people.check_csv(ours, result)
        return Figures(wall_s, spent, None, wire.total, peaks, found)


@dataclass(frozen=True, slots=True)
class Assent:
    """Our engine: two gateways over mutual TLS, the consent gate on, Parquet in and out.

    Attributes:
        operation: MATCH or ENRICH.
        environment: variables for both gateways.
    """

    operation: str
    environment: tuple[tuple[str, str], ...] = ()

    def run(self, ground: Ground, folder: Path, cores: Cores) -> Figures:
        """Run it between gateways that were started a moment ago.

        Raises:
            Ended: the command failed.
            ValueError: the result is wrong.
        """
        result = folder / "result.parquet"
        result.unlink(missing_ok=True)
        with gateways.serving(ground.folder, dict(self.environment), cores) as servers, ExitStack() as stack:
            both = stack.enter_context(gateways.clients(servers))
            words = [Path(sys.executable), HERE / "asker.py"]
            asker = Party(words, {"words": ground.words(self.operation, result)}, folder / "asker.log", cores[0])
            stack.callback(asker.end)
            asker.ready()
            gateways.numbered(ground.folder)  # of a run before this one
            pids = [asker.pid, *(server.pid for server in servers.values())]
            with Wire(ground.peer_ports) as wire:
                spent, wall_s, jobs = measured(pids, [asker], lambda: gateways.finished(both))
            client, receiver, sender = map(peak_mb, pids)
            ended = sum(map(cpu_s, pids[1:]))
            gateways.numbered(ground.folder)
            after = sum(map(cpu_s, pids[1:])) - ended
        found = people.check_parquet(ground.ours, result, self.operation == "ENRICH")
        gate = gateways.gate_cpu_s(jobs)
        return Figures(wall_s, spent, gate, wire.total, (max(client, receiver), sender), found, after)


def measured(pids: Sequence[int], parties: Sequence[Party], last: Callable[[], Last]) -> tuple[float, float, Last]:
    """Let parties run; return processor seconds, wall seconds, and what `last` waited for."""
    before = sum(map(cpu_s, pids))
    begun = time.monotonic()
    for party in parties:
        party.go()
    for party in parties:
        party.answer()
    waited = last()
    wall_s = time.monotonic() - begun
    return sum(map(cpu_s, pids)) - before, wall_s, waited


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


SECRETFLOW_ECDH = Peer(venvs.SPU, "secretflow_party.py", "ecdh")
SECRETFLOW_RR22 = Peer(venvs.SPU, "secretflow_party.py", "rr22")
OPENMINED = Peer(venvs.OPENMINED, "openmined_party.py")
ENGINES: dict[str, Assent | Peer] = {
    "assent": Assent("MATCH"),
    "assent-portable": Assent("MATCH", (("ASSENT_ISA", "portable"),)),
    # The least working memory that a gateway takes: everything is sorted on disk.
    "assent-64MiB": Assent("MATCH", (("ASSENT_ENGINE__MEMORY_LIMIT", "64"),)),
    "assent-enrich": Assent("ENRICH"),
    "secretflow-ecdh": SECRETFLOW_ECDH,
    "secretflow-rr22": SECRETFLOW_RR22,
    "openmined": OPENMINED,
}
