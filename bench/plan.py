"""Forecasts of `assent job plan` beside the runs that they foretell: python bench/plan.py [--rows N ...].

Both gateways run on this machine, as in bench/match.py, whose kept homes serve here, too (`--workdir DIR --keep`). Each
operation is planned and then run between the same two gateways; a forecast that is more than a quarter off is flagged.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from matching import gateways, people
from matching.engines import ENGINES, HERE, Assent, measured
from matching.gateways import COLUMN, Ground, prepared
from matching.party import Ended, Party
from matching.processes import machine, peak_mb
from matching.wire import Wire

from gateway.client import Forecast
from gateway.errors import AssentError
from gateway.main.demo.groundwork import PURPOSE
from gateway.main.demo.story import end_by_signal

TOLERANCE = 0.25
"""A quarter, at a million rows a side."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, foretold and found."""

    engine: str
    rows: int
    figure: str
    foretold: float
    found: float

    @property
    def off(self) -> float:
        """How far the forecast is off, as a part of what was found."""
        return self.foretold / self.found - 1


def main() -> int:
    """Plan, run, compare; 1 where a forecast is too far off."""
    asked = _asked()
    cores = sorted(os.sched_getaffinity(0))[: asked.cores]
    os.sched_setaffinity(0, cores)
    end_by_signal()
    work = (asked.workdir or Path(tempfile.mkdtemp(prefix="assent-plan-"))).absolute()
    lines: list[Line] = []
    print(machine(cores))
    try:
        for rows in asked.rows:
            folder = work / f"{rows}x{rows}"
            folder.mkdir(parents=True, exist_ok=True)
            ground = prepared(folder / "homes", people.people(rows, rows), (set(cores),) * 2, _say, asked.direct)
            for engine in asked.engines:
                os.sync()
                found = _compare(engine, rows, ground, folder, set(cores))
                lines += found
                print(_table(found), flush=True)
    except (Ended, ValueError, AssentError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if asked.json and lines:
            asked.json.write_text(json.dumps([asdict(line) | {"off": line.off} for line in lines], indent=1) + "\n")
        if asked.workdir is None:
            shutil.rmtree(work, ignore_errors=True)
    missed = [line for line in lines if abs(line.off) > TOLERANCE]
    for line in missed:
        print(f"MISSED: {line.engine}, {line.rows:,} rows, {line.figure}: {line.off:+.0%}")
    return int(bool(missed))


def _compare(engine: str, rows: int, ground: Ground, folder: Path, cores: set[int]) -> list[Line]:
    """Plan a run and let it run, between gateways that were started a moment ago."""
    how = ENGINES[engine]
    if not isinstance(how, Assent):
        raise ValueError(f"{engine} is none of ours")
    columns = [COLUMN] if how.operation == "ENRICH" else []
    result = folder / "result.parquet"
    with gateways.serving(ground.folder, dict(how.environment), (cores, cores)) as servers, ExitStack() as stack:
        both = stack.enter_context(gateways.clients(servers))
        plan = both.retailer.jobs.plan(ground.agreement, how.operation, PURPOSE, columns, rows)
        if plan.forecast is None or plan.calibration is None or not plan.runs:
            raise ValueError(f"no forecast: {[check for check in plan.checks if check.verdict != 'OK']}")
        _say(f"{engine}, {rows:,} rows: {plan.calibration}")
        _say(f"    {', '.join(f'{name} {cpu_s:.1f}' for name, cpu_s in plan.forecast.shares)}")
        words: list[str | Path] = [Path(sys.executable), HERE / "asker.py"]
        asker = Party(words, {"words": ground.words(how.operation, result)}, folder / "asker.log", cores)
        stack.callback(asker.end)
        asker.ready()
        pids = [asker.pid, *(server.pid for server in servers.values())]
        with Wire(ground.peer_ports) as wire:
            cpu_s, wall_s, jobs = measured(pids, [asker], lambda: gateways.finished(both))
        memory = peak_mb(servers[gateways.RECEIVER].pid)
    people.check_parquet(ground.ours, result, bool(columns))
    _say(f"    gate {gateways.gate_cpu_s(jobs)}")
    return _lines(engine, rows, plan.forecast, wall_s, cpu_s, wire.total, memory)


def _lines(
    engine: str, rows: int, forecast: Forecast, wall_s: float, cpu_s: float, wire_bytes: int, memory_mb: float
) -> list[Line]:
    pairs = {
        "wall s": (forecast.wall_s, wall_s),
        "CPU s": (forecast.cpu_s + forecast.partner_cpu_s, cpu_s),
        "MB on the wire": (forecast.wire_bytes / 1e6, wire_bytes / 1e6),
        "MB of memory": (forecast.memory_bytes / 1e6, memory_mb),
    }
    return [Line(engine, rows, name, foretold, found) for name, (foretold, found) in pairs.items()]


def _table(lines: list[Line]) -> str:
    head = f"\n{lines[0].engine}, {lines[0].rows:,} rows a side\n{'':18}{'foretold':>10}{'found':>10}{'off':>8}"
    rows = [f"{line.figure:18}{line.foretold:10.2f}{line.found:10.2f}{line.off:+8.0%}" for line in lines]
    return "\n".join([head, *rows])


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="forecasts of assent job plan beside the runs they foretell")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000], help="customers of each company")
    parser.add_argument("--engines", default="assent,assent-enrich", help="separated by commas; ours only")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--workdir", type=Path, help="homes of bench/match.py --keep, or for new ones")
    parser.add_argument("--direct", action="store_true", help="as of bench/match.py, for new homes")
    parser.add_argument("--cores", type=int, default=2, help="how many cores both sides have together")
    asked = parser.parse_args()
    asked.engines = asked.engines.split(",")
    if set(asked.engines) - {name for name, how in ENGINES.items() if isinstance(how, Assent)}:
        parser.error("--engines: only those of ours have plans")
    return asked


if __name__ == "__main__":
    sys.exit(main())
