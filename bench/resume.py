"""What a kill costs: python bench/resume.py [--rows N] [--kills N] [--seed S].

Two gateways over mutual TLS match N customers each, once without a break, then again and again while one of them is
killed (SIGKILL) at the beginning of every stage and at moments drawn at random, and started again. Every result is
compared with the truth; the bytes of all lives of a run together are compared with those of the unbroken run. At last
a run is cancelled in every stage. The exit code is 1 when a result differs, more than 1.05 times the bytes flow, or a
cancel takes more than two seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pyarrow.parquet
from matching import gateways, people
from matching.gateways import MOST_IMPORTED, PARTIES, RECEIVER, Ground
from matching.party import Ended
from matching.processes import machine
from matching.wire import Wire

from gateway.client import Job
from gateway.errors import AssentError
from gateway.main.demo.groundwork import PURPOSE
from gateway.main.demo.server import Server
from gateway.main.demo.story import end_by_signal

MOST_BYTES, MOST_CANCEL_S = 1.05, 2.0
# A killed server's job is taken up again once its lease is over; short, so that waiting is not what is measured.
ENVIRONMENT = {"ASSENT_ENGINE__LEASE_S": "3"}
WAIT_S = 3600.0
LOOK_S = 0.01

Reached = Callable[[Job], bool]
Servers = dict[str, Server]

MOMENTS: dict[str, Reached] = {
    "judging": lambda job: job.state == "JUDGING",
    "blinded": lambda job: job.state == "EXCHANGING" and job.stage == 1,
    "evaluated": lambda job: job.state == "EXCHANGING" and job.stage == 2,
    "table": lambda job: job.state == "EXCHANGING" and job.stage == 3,
    "late drops": lambda job: job.state == "EXCHANGING" and job.stage >= 4,
    "rejudging": lambda job: job.state == "REJUDGING",
    "releasing": lambda job: job.state == "RELEASING",
}


@dataclass(frozen=True, slots=True)
class Broken:
    """A run that one kill broke.

    Attributes:
        victim: party whose gateway was killed.
        moment: what was waited for, or the second of the kill.
        state: of the job, with stage and chunk, when the kill came.
        wall_s: until the result, restart included.
        bytes: TCP payload of all lives.
        ratio: of an unbroken run's bytes.
    """

    victim: str
    moment: str
    state: str
    wall_s: float
    bytes: int
    ratio: float


def main() -> int:
    """Measure; print and write what was found."""
    asked = _asked()
    cores = sorted(os.sched_getaffinity(0))[: asked.cores]
    os.sched_setaffinity(0, cores)
    end_by_signal()
    work = (asked.workdir or Path(tempfile.mkdtemp(prefix="assent-resume-"))).absolute()
    folder = work / f"{asked.rows}x{asked.rows}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ground = gateways.prepared(
            folder / "homes", people.people(asked.rows, asked.rows), (set(cores),) * 2, _say, asked.direct
        )
        with gateways.serving(ground.folder, ENVIRONMENT, (set(cores),) * 2) as servers:
            return _measured(asked, ground, folder, servers, machine(cores))
    except (Ended, ValueError, AssentError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not asked.keep:
            shutil.rmtree(work if asked.workdir is None else folder, ignore_errors=True)


def _measured(asked: argparse.Namespace, ground: Ground, folder: Path, servers: Servers, name: str) -> int:
    drawn = random.Random(asked.seed)
    # The first run of a process warms caches up; the second is the unbroken one.
    for _ in range(2):
        begun = time.monotonic()
        with Wire(ground.peer_ports) as wire:
            job = _begin(ground, servers)
            _end(ground, servers, job, folder)
        unbroken_s, unbroken = time.monotonic() - begun, wire.total
    print(f"{name}\nunbroken: {asked.rows:,} x {asked.rows:,} rows, {unbroken_s:.1f} s, {unbroken / 1e6:.1f} MB")
    # Of a drawn moment, the clock runs from the beginning of its own run.
    moments: list[tuple[str, str, Callable[[], Reached]]] = [
        (victim, moment, partial(_always, reached)) for moment, reached in MOMENTS.items() for victim in PARTIES
    ]
    for _ in range(asked.kills):
        after = drawn.uniform(0, unbroken_s)
        moments.append((drawn.choice(PARTIES), f"{after:.1f} s", partial(_later, after)))
    broken = []
    for victim, moment, clock in moments:
        one = _broken(ground, folder, servers, victim, moment, clock(), unbroken)
        broken.append(one)
        print(
            f"{one.victim:9} killed at {one.moment:10} {one.state:22} {one.wall_s:6.1f} s"
            f" {one.bytes / 1e6:8.1f} MB {one.ratio:6.3f}",
            flush=True,
        )
    cancels = {moment: _cancelled(ground, servers, reached) for moment, reached in MOMENTS.items()}
    for moment, seconds in cancels.items():
        print(f"cancelled at {moment:10} {'came too late' if seconds is None else f'{seconds:.2f} s'}")
    if asked.json:
        told = {"machine": name, "rows": asked.rows, "unbroken_bytes": unbroken, "unbroken_s": unbroken_s}
        told |= {"broken": [asdict(one) for one in broken], "cancel_s": cancels}
        asked.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    worst, slowest = max(one.ratio for one in broken), max(filter(None, cancels.values()), default=0.0)
    met = worst <= MOST_BYTES and slowest <= MOST_CANCEL_S
    verdict = "met" if met else "MISSED"
    print(f"most bytes {worst:.3f} of {MOST_BYTES}, slowest cancel {slowest:.2f} s of {MOST_CANCEL_S}: {verdict}")
    return 0 if met else 1


def _begin(ground: Ground, servers: Servers) -> str:
    with servers[RECEIVER].client() as client:
        return client.jobs.create(ground.agreement, "MATCH", PURPOSE).job_id


def _end(ground: Ground, servers: Servers, job_id: str, folder: Path) -> None:
    """Wait for the end on both sides and compare the result with the truth."""
    result = folder / "resumed.parquet"
    with gateways.clients(servers) as both:
        job = both.retailer.jobs.wait(job_id, timeout_s=WAIT_S)
        if job.state != "SUCCEEDED":
            raise Ended(f"the run ended as {job.state}: {job.failure or job.refusal}")
        gateways.finished(both)
        pyarrow.parquet.write_table(both.retailer.jobs.result(job_id), result)
    people.check_parquet(ground.ours, result, with_attribute=False)


def _broken(
    ground: Ground, folder: Path, servers: Servers, victim: str, moment: str, reached: Reached, unbroken: int
) -> Broken:
    begun = time.monotonic()
    with Wire(ground.peer_ports) as wire:
        job_id = _begin(ground, servers)
        seen = _until(servers, job_id, reached)
        servers[victim].kill()
        servers[victim].start()
        servers[victim].serving(gateways.START_S)
        _end(ground, servers, job_id, folder)
    state = f"{seen.state} {seen.stage}/{seen.seq}"
    return Broken(victim, moment, state, time.monotonic() - begun, wire.total, wire.total / unbroken)


def _cancelled(ground: Ground, servers: Servers, reached: Reached) -> float | None:
    """Return the seconds from a cancel to the end on both sides; None when the run was over before."""
    job_id = _begin(ground, servers)
    _until(servers, job_id, reached)
    with gateways.clients(servers) as both:
        begun = time.monotonic()
        both.retailer.jobs.cancel(job_id)
        *_, job = both.retailer.jobs.watch(job_id)
        seconds = time.monotonic() - begun
        if job.session_id:
            gateways.finished(both)
    return None if job.state == "SUCCEEDED" else seconds


def _until(servers: Servers, job_id: str, reached: Reached) -> Job:
    """Look at the receiver's job until it is where it is wanted, or at its end."""
    with servers[RECEIVER].client() as client:
        while True:
            job = client.jobs.get(job_id)
            if reached(job) or job.final:
                return job
            time.sleep(LOOK_S)


def _always(reached: Reached) -> Reached:
    return reached


def _later(seconds: float) -> Reached:
    begun = time.monotonic()
    return lambda _: time.monotonic() - begun >= seconds


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a kill costs, in bytes and seconds.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="customers of each company")
    parser.add_argument("--kills", type=int, default=4, help="kills at random moments, besides one per stage and side")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--workdir", type=Path, help="for homes and results; by default a temporary directory")
    parser.add_argument(
        "--keep", action="store_true", help="leave them; the next run with this --workdir imports nothing"
    )
    parser.add_argument(
        "--direct",
        action="store_true",
        help=f"write consents straight into the stores instead of importing events; above {MOST_IMPORTED:,} always",
    )
    parser.add_argument("--cores", type=int, default=2, help="how many cores both sides have together")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
