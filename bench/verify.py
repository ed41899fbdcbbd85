"""Export and verification of a log: python bench/verify.py [--entries N] [--jobs N] [--store URL] [--json FILE].

A gateway is started as a process on loopback, in a temporary home, and takes in N consent events. Then its log is
exported through the client, as `assent audit export` does, and verified by `assent-verify` as a process of its own:
the whole of it, in one process and in several, and only what is new since an earlier checkpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from consent_import import await_log, events, gateway, machine, peak_mib

from gateway.cli.audit import write_export
from gateway.cli.events import read_events
from gateway.client import Client

_TIMED = """
import json, resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "assent_verify", *sys.argv[1:]]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]), file=sys.stderr)
sys.exit(code)
"""
TARGET_S = 60.0  # for 10^6 entries, export and verification each


def take_in(client: Client, folder: Path, first: int, count: int) -> None:
    """Import so many events."""
    file = folder / f"events-{first}.jsonl"
    now = datetime.now(UTC)
    with file.open("w", encoding="utf-8") as lines:
        for number, event in enumerate(events(first + count, now)):
            if number >= first:
                lines.write(json.dumps(event) + "\n")
    report = client.consents.import_events(read_events(file), "customer")
    if report.accepted != count:
        raise SystemExit(f"{report.accepted} of {count} events were accepted: {report.rejected[:3]}")
    file.unlink()


def verify(export: Path, *options: str) -> tuple[float, float, float, dict[str, object]]:
    """Run the verifier: wall seconds, processor seconds of all its processes, most MiB of one of them, its report."""
    start = time.monotonic()
    # A process between, so that its children are the verifier's alone.
    done = subprocess.run(
        [sys.executable, "-c", _TIMED, str(export), "--json", *options], capture_output=True, text=True
    )
    wall = time.monotonic() - start
    if done.returncode:
        raise SystemExit(f"the export does not verify: {done.stdout}{done.stderr}")
    spent, peak = json.loads(done.stderr)
    report: dict[str, object] = json.loads(done.stdout)
    return wall, spent, peak, report


def measure(entries: int, jobs: int, folder: Path, store_url: str) -> dict[str, float]:
    """Fill a log, export and verify it; return the figures."""
    figures: dict[str, float] = {}
    export, since = folder / "export", folder / "earlier"
    with gateway(folder, store_url) as (server, client):
        late = entries // 10
        take_in(client, folder, 0, entries - late)
        await_log(client, entries - late)
        since.write_text(client.audit.checkpoint().note)
        take_in(client, folder, entries - late, late)
        await_log(client, entries)
        held, start = peak_mib(server.pid), time.monotonic()
        with closing(client.audit.export()) as pieces:
            figures["files"] = write_export(pieces, export)
        figures["export, wall s"] = time.monotonic() - start
        figures["gateway before the export, peak MiB"] = held
        figures["gateway after it, peak MiB"] = peak_mib(server.pid)
    figures["export, MiB"] = sum(path.stat().st_size for path in export.rglob("*") if path.is_file()) / 2**20
    for name, options in (
        (f"verify, {jobs} processes", ("--jobs", str(jobs))),
        ("verify, the last tenth", ("--jobs", "1", "--since", str(since))),
    ):
        wall, spent, peak, report = verify(export, *options)
        figures |= {f"{name}, wall s": wall, f"{name}, CPU s": spent, f"{name}, peak MiB": peak}
        figures["entries"] = float(str(report["size"]))
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--store", default="", metavar="URL", help="database of the gateway; SQLite if left out")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
        figures = measure(options.entries, options.jobs, Path(folder), options.store)
    for name, value in figures.items():
        print(f"{name:<42}{value:>12,.1f}")
    scaled = TARGET_S * options.entries / 1_000_000
    for name in ("export, wall s", f"verify, {options.jobs} processes, wall s"):
        print(f"{name}: {'met' if figures[name] <= scaled else 'MISSED'} ({scaled:.1f} s for so many entries)")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
