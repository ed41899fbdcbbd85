"""The retailer's two runs: how many of each audience the shop has, and what the message did.

    PYTHONPATH=examples python examples/campaign/measure.py before|after DIR

`before` looks ahead first (plan.json), then writes the counts (overlap.json) and which audiences are worth a message
(chosen.json). `after` binds what both companies have by then, writes the sums with the lift over the control
(lift.json) and who was left out and why (report.json). `assent job plan`, `run`, `result` and `report` do the same.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from company import connected
from prepare import COLUMNS, bind

from gateway.client import Client

PURPOSE, CONTROL = "campaign_measurement", "control"
LEAST = 0.4
"""Part of an audience that the shop must have, so that enough of them can be measured afterwards."""


def main() -> None:
    when, folder = sys.argv[1], Path(sys.argv[2])
    agreement = (folder / "agreement.txt").read_text(encoding="utf-8").strip()
    with connected(folder, "retailer") as retailer, connected(folder, "shop") as shop:
        if when == "before":
            before(retailer, agreement, folder)
        else:
            bind(retailer, shop, agreement, ("arms", "arm"), "buyers")
            after(retailer, agreement, folder)


def before(retailer: Client, agreement: str, folder: Path) -> None:
    """Plan and run OVERLAP; choose."""
    plan = retailer.jobs.plan(agreement, "OVERLAP", PURPOSE)
    write(folder / "plan.json", asdict(plan))
    if not plan.runs:
        raise SystemExit(f"the run would not go through: {[check for check in plan.checks if check.verdict == 'NO']}")
    job = retailer.jobs.wait(retailer.jobs.create(agreement, "OVERLAP", PURPOSE).job_id)
    cells = retailer.jobs.result(job.job_id).to_pylist()
    write(folder / "overlap.json", cells)
    rates = {
        cell["segment"]: float(cell["value"])
        for cell in cells
        if cell["statistic"] == "share_of_segment" and cell["segment"] and cell["value"] is not None
    }
    # What was suppressed is not chosen: it is too small to be measured afterwards.
    chosen = sorted(audience for audience, rate in rates.items() if rate >= LEAST)
    write(folder / "chosen.json", chosen)
    told = ", ".join(f"{audience} {rate:.0%}" for audience, rate in sorted(rates.items()))
    print(f"the shop has {told}; chosen: {', '.join(chosen)}")


def after(retailer: Client, agreement: str, folder: Path) -> None:
    """Run AGGREGATE; compare the arms."""
    job = retailer.jobs.wait(retailer.jobs.create(agreement, "AGGREGATE", PURPOSE, list(COLUMNS)).job_id)
    write(folder / "lift.json", retailer.jobs.result(job.job_id, CONTROL).to_pylist())
    write(folder / "report.json", asdict(retailer.jobs.report(job.job_id)))


def write(path: Path, found: object) -> None:
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
