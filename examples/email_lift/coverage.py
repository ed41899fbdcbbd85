"""Count how often the intervals of noisy statistics cover the truth, over many runs of two gateways.

    PYTHONPATH=examples python examples/email_lift/coverage.py [--runs 100] [--workdir DIR] [--reverse]

Founds two gateways with `run.sh` on a small population, serves them again, and then every run has customer files of
its own (other people of the population, other segments, other purchases), an agreement of its own and a real session.
Each run is compared with its inputs as `check.py` does it. Exit code 1 on any difference, or when the 95 % intervals
of all cells of all runs together cover less than 90 %.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import check
import make_inputs as inputs

from gateway.client import Binding, Client
from gateway.errors import AssentError

HERE = Path(__file__).resolve().parent
PEOPLE = 1500  # who said something about consent, on either side
MAILED = 1200  # of the mailer's 1500 people, in one run
SHARED = 840  # of those, at the shop
STRANGERS = 260  # at the shop alone
SEED = 20080320
LEAST = 0.90
# Segment -> chance of a visit.
SEGMENTS = {"Mens E-Mail": 0.30, check.CONTROL: 0.20, "Womens E-Mail": 0.25}
BUYS = 0.3  # of those who visit
SIDES = ("retailer", "partner")
IDS = {"retailer": "customer_id", "partner": "user_id"}
READY_S = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--workdir", type=Path, help="a new directory; by default a temporary one, removed at the end")
    parser.add_argument("--reverse", action="store_true", help="the partner mails, the retailer is the shop")
    options = parser.parse_args()
    if options.workdir is not None:
        return measure(options.runs, options.workdir.resolve(), reverse=options.reverse)
    with tempfile.TemporaryDirectory() as folder:
        return measure(options.runs, Path(folder) / "work", reverse=options.reverse)


def measure(runs: int, work: Path, *, reverse: bool) -> int:
    """Do the runs and print what they covered."""
    mailer, shop = ("partner", "retailer") if reverse else ("retailer", "partner")
    homes, began = work / "homes", time.monotonic()
    found_gateways(work, homes, reverse=reverse)
    people = {side: _ids(homes / f"{side}.csv", IDS[side]) for side in SIDES}
    covered, noisy, problems = Counter[str](), Counter[str](), 0
    folders = [work / f"run-{number:03d}" for number in range(1, runs + 1)]
    for number, folder in enumerate(folders, 1):
        make(folder, number, people[mailer], people[shop], mailer, shop, homes)
    with served(homes) as clients:
        declaring = _declare(homes, folders[0])
        for number, folder in enumerate(folders, 1):
            _wait(declaring)
            # The next data sets are declared while this run goes on.
            declaring = _declare(homes, folders[number]) if number < runs else []
            run(clients, folder, mailer, shop)
            found = check.examine(folder)
            covered.update(found.covered_by)
            noisy.update(found.noisy_by)
            problems += len(found.problems)
            for problem in found.problems[: check.SHOWN]:
                print(f"run {number}: {problem}")
            print(f"run {number}: {found.covered} of {found.noisy} cells", file=sys.stderr, flush=True)
        _wait(declaring)
    for statistic in sorted(noisy):
        share = covered[statistic] / noisy[statistic]
        print(f"{statistic:>16}: {covered[statistic]:6} of {noisy[statistic]:6} intervals cover, {share:.2%}")
    share = covered.total() / noisy.total()
    print(f"{'all cells':>16}: {covered.total():6} of {noisy.total():6} intervals cover, {share:.2%}")
    print(f"{runs} runs, {problems} differences, {time.monotonic() - began:.0f} s")
    return 1 if problems or share < LEAST else 0


def found_gateways(work: Path, homes: Path, *, reverse: bool) -> None:
    """Let run.sh make keys, cards, registries, notices and consents for a population, with one first run."""
    work.mkdir(parents=True, exist_ok=True)
    chance = random.Random(SEED)
    table = work / "population.csv"
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("segment", *inputs.COLUMNS))
        writer.writerows(person(chance) for _ in range(PEOPLE))
    strangers = PEOPLE - round(inputs.SHARED * PEOPLE / 100)
    words = [str(HERE / "run.sh"), "--csv", str(table), "--workdir", str(homes), "--strangers", str(strangers)]
    ended = subprocess.run([*words, *(["--reverse"] if reverse else [])], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"run.sh ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")


def person(chance: random.Random) -> tuple[str, str, str, str]:
    """Draw a row of the campaign's table."""
    segment = chance.choice(list(SEGMENTS))
    visit = chance.random() < SEGMENTS[segment]
    buys = visit and chance.random() < BUYS
    # One purchase in fifty is beyond the agreed bound: it counts as the bound.
    spend = f"{chance.uniform(5, 600 if chance.random() < 0.1 else 200):.2f}" if buys else "0"
    return segment, str(int(visit)), str(int(buys)), spend


def make(
    folder: Path, number: int, mailed: Sequence[str], buyers: Sequence[str], mailer: str, shop: str, homes: Path
) -> None:
    """Write the two customer files of one run; consents are those of the population."""
    folder.mkdir()
    chance = random.Random(f"{SEED} {number}")
    ours = chance.sample(mailed, MAILED)
    theirs = chance.sample(buyers, SHARED + STRANGERS)
    people = [person(chance) for _ in range(MAILED + STRANGERS)]
    phones = [inputs.phone(number * 10_000 + place) for place in range(len(people))]
    shared = sorted(chance.sample(range(MAILED), SHARED)) + list(range(MAILED, len(people)))
    with (folder / f"{mailer}.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow((IDS[mailer], "phone", "segment"))
        writer.writerows((ours[place], phones[place], people[place][0]) for place in range(MAILED))
    with (folder / f"{shop}.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow((IDS[shop], "phone", *inputs.COLUMNS))
        writer.writerows((one, phones[place], *people[place][1:]) for one, place in zip(theirs, shared, strict=True))
    for side in SIDES:
        (folder / f"{side}_consents.csv").symlink_to(homes / f"{side}_consents.csv")


def run(clients: dict[str, Client], folder: Path, mailer: str, shop: str) -> None:
    """Agree, bind, run, and write agreement.json and result.json."""
    draft = inputs.agreement(mailer, shop, noise=True)
    proposed = clients["retailer"].agreements.propose(json.dumps(draft).encode())
    clients["partner"].agreements.accept(proposed.agreement_id, proposed.hash)
    for side in SIDES:
        binding = Binding(
            dataset=folder.name,
            subject_column=IDS[side],
            subject_type="customer",
            match_key_columns={"phone.e164": "phone"},
            value_columns={name: name for name in inputs.COLUMNS} if side == shop else {},
            segment_column="segment" if side == mailer else "",
        )
        clients[side].agreements.bind(proposed.agreement_id, binding)
    (folder / "agreement.json").write_bytes(clients["retailer"].agreements.get(proposed.agreement_id).document)
    started = clients[mailer].jobs.create(proposed.agreement_id, "AGGREGATE", inputs.PURPOSE, list(inputs.COLUMNS))
    for job in clients[mailer].jobs.watch(started.job_id):
        if job.final and job.state != "SUCCEEDED":
            raise SystemExit(f"{folder.name}: the job ended {job.state}: {job.refusal or job.failure}")
    retailers = next(one for one in clients["retailer"].jobs.list() if one.agreement_id == proposed.agreement_id)
    for job in clients["retailer"].jobs.watch(retailers.job_id):
        retailers = job
    control = check.CONTROL if mailer == "retailer" else str(sorted(SEGMENTS).index(check.CONTROL) + 1)
    rows: list[dict[str, Any]] = clients["retailer"].jobs.result(retailers.job_id, control).to_pylist()
    facts = {"state": retailers.state, "agreement": retailers.agreement_id, "side": retailers.side}
    record = {
        "job": facts | dict(retailers.facts),
        "cells": [row for row in rows if row["against"] is None],
        "comparisons": [row for row in rows if row["against"] is not None],
    }
    (folder / "result.json").write_text(json.dumps(record), encoding="utf-8")


@contextmanager
def served(homes: Path) -> Iterator[dict[str, Client]]:
    """Serve both homes and connect to them."""
    words = {side: (_assent(), "--home", str(homes / side), "serve") for side in SIDES}
    servers = [subprocess.Popen((*words[side], "--log-file", str(homes / side / "coverage.log"))) for side in SIDES]
    clients: dict[str, Client] = {}
    try:
        for side in SIDES:
            clients[side] = _connected(homes / side / "client")
        yield clients
    finally:
        for client in clients.values():
            client.close()
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait()


def _connected(files: Path) -> Client:
    target, ca, token = ((files / name).read_bytes() for name in ("target", "ca.pem", "token"))
    client = Client(target.decode().strip(), ca, token.decode().strip())
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        with suppress(AssentError):
            list(client.datasets.list())
            return client
        time.sleep(0.5)
    raise SystemExit(f"no gateway answers at {target.decode().strip()}")


def _declare(homes: Path, folder: Path) -> list[subprocess.Popen[bytes]]:
    """Start declaring a run's data sets on both sides."""
    words = {side: (_assent(), "--home", str(homes / side), "dataset", "add", folder.name) for side in SIDES}
    files = {side: ("--path", str(folder / f"{side}.csv"), "--subject-column", IDS[side]) for side in SIDES}
    return [subprocess.Popen((*words[side], *files[side]), stdout=subprocess.DEVNULL) for side in SIDES]


def _wait(declaring: Sequence[subprocess.Popen[bytes]]) -> None:
    if any(one.wait() for one in declaring):
        raise SystemExit("a data set was not declared")


def _assent() -> str:
    beside = Path(sys.executable).parent / "assent"
    return str(beside) if os.access(beside, os.X_OK) else "assent"


def _ids(path: Path, column: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [row[column] for row in csv.DictReader(stream)]


if __name__ == "__main__":
    sys.exit(main())
