"""MATCH and ENRICH beside SecretFlow and OpenMined, in one run on one machine: python bench/match.py [--rows N ...].

Two companies of N customers each have half of them in common. Every engine gets the same phone numbers, as two
processes over loopback, one engine after the other; every result is compared with the truth. Ours: two gateways over
mutual TLS with the consent gate on, Parquet in and out. The others: their own way, CSV in and out, no TLS, no consent;
each in an environment of its own under bench/.venvs, made when first needed. Loading of programs and import of
consents are not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from matching import people, report, venvs
from matching.engines import ENGINES, OPENMINED, Assent, Cores
from matching.gateways import MOST_IMPORTED, prepared
from matching.party import Ended
from matching.processes import machine

from gateway.errors import AssentError
from gateway.main.demo.story import end_by_signal

OPENMINED_ROWS = 100_000  # above, it takes many minutes and shows nothing new
PLOTTER = Path(__file__).resolve().parent / "matching" / "plot.py"

Sizes = tuple[int, int]


def main() -> int:
    """Measure; print and write what was found."""
    asked = _asked()
    # Homes are made and runs are measured on these cores alone, so that every engine has the same machine.
    cores = sorted(os.sched_getaffinity(0))[: asked.cores]
    os.sched_setaffinity(0, cores)
    sides: Cores = ({cores[0]}, {cores[-1]}) if asked.pin else (set(cores), set(cores))
    name = machine(cores) + (", each side on a core of its own" if asked.pin else "")
    end_by_signal()
    work = (asked.workdir or Path(tempfile.mkdtemp(prefix="assent-match-"))).absolute()
    runs: list[report.Run] = []
    try:
        for sizes in asked.sizes:
            folder = work / f"{sizes[0]}x{sizes[1]}"
            try:
                _compare(sizes, folder, asked, sides, name, runs)
            finally:
                if not asked.keep:
                    shutil.rmtree(folder, ignore_errors=True)
    except (Ended, ValueError, AssentError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if asked.keep:
            _say(f"kept for the next run: --workdir {work} --keep")
        elif asked.workdir is None:
            shutil.rmtree(work, ignore_errors=True)
        _write(runs, asked)
    print(report.table(runs, name))
    return 0


def _compare(
    sizes: Sizes, folder: Path, asked: argparse.Namespace, sides: Cores, name: str, runs: list[report.Run]
) -> None:
    ours = people.people(*sizes)
    chosen = [
        one for one in asked.engines if asked.force or ENGINES[one] is not OPENMINED or max(sizes) <= OPENMINED_ROWS
    ]
    for engine in set(asked.engines) - set(chosen):
        _say(f"{engine} is left out above {OPENMINED_ROWS:,} rows; --force runs it")
    folder.mkdir(parents=True, exist_ok=True)
    engines = {one: ENGINES[one] for one in chosen}
    inputs = [folder / "receiver.csv", folder / "sender.csv"]
    peers = [engine for engine in engines.values() if not isinstance(engine, Assent)]
    for peer in peers:
        venvs.python_of(peer.venv)
    for side, file in zip((ours.receiver, ours.sender), inputs, strict=True):
        if peers and not file.exists():
            people.write_csv(side, file)
    ground = None
    if len(peers) < len(engines):
        ground = prepared(folder / "homes", ours, (sides[0] | sides[1],) * 2, _say, asked.direct)
    for key, engine in engines.items():
        _say(f"{key}, {sizes[0]:,} x {sizes[1]:,} rows")
        os.sync()  # what one engine wrote is not to be paid for by the next
        if isinstance(engine, Assent):
            assert ground is not None
            figures = engine.run(ground, folder, sides)
        else:
            figures = engine.run(ours, inputs, folder, sides)
        runs.append(report.run_of(key, sizes, figures, name))
        _say(f"    {figures.wall_s:.2f} s, {figures.cpu_s:.2f} CPU s")


def _write(runs: list[report.Run], asked: argparse.Namespace) -> None:
    if not runs:
        return
    text = json.dumps([asdict(run) for run in runs], indent=1) + "\n"
    if asked.json:
        asked.json.write_text(text, encoding="utf-8")
    if asked.plot:
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            words = [str(word) for word in (venvs.python_of(venvs.PLOT), PLOTTER, file.name, asked.plot)]
            subprocess.run(words, check=True)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="MATCH and ENRICH beside SecretFlow and OpenMined, on one machine")
    parser.add_argument(
        "--rows", type=int, nargs="+", help="customers of each company; several sizes one after the other"
    )
    parser.add_argument("--receiver-rows", type=int, help="customers of the receiver, where the sizes differ")
    parser.add_argument("--sender-rows", type=int, help="customers of the sender, where the sizes differ")
    parser.add_argument("--engines", default=",".join(ENGINES), help="separated by commas; by default all")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--plot", type=Path, help="draw them there (.png)")
    parser.add_argument("--workdir", type=Path, help="for homes, tables and results; by default a temporary directory")
    parser.add_argument(
        "--keep", action="store_true", help="leave them; the next run with this --workdir imports nothing"
    )
    parser.add_argument(
        "--direct",
        action="store_true",
        help=f"write consents straight into the stores instead of importing events; above {MOST_IMPORTED:,} always",
    )
    parser.add_argument("--cores", type=int, default=2, help="how many cores both sides have together")
    parser.add_argument("--pin", action="store_true", help="give each side one core of its own")
    parser.add_argument("--force", action="store_true", help=f"run openmined above {OPENMINED_ROWS:,} rows, too")
    asked = parser.parse_args()
    asked.engines = asked.engines.split(",")
    if unknown := set(asked.engines) - set(ENGINES):
        parser.error(f"no such engine: {', '.join(sorted(unknown))}; there are {', '.join(ENGINES)}")
    if (asked.receiver_rows is None) != (asked.sender_rows is None):
        parser.error("--receiver-rows and --sender-rows belong together")
    asked.sizes = [(rows, rows) for rows in asked.rows or []]
    if asked.receiver_rows is not None:
        asked.sizes.append((asked.receiver_rows, asked.sender_rows))
    asked.sizes = asked.sizes or [(100_000, 100_000)]
    if min(map(min, asked.sizes)) < 100:
        parser.error("at least 100 rows")
    return asked


if __name__ == "__main__":
    sys.exit(main())
