"""What one side registers, through the Python client: purpose, categories, assessment, notice; of the bank, links too.

    PYTHONPATH=examples python examples/bank_union/register.py SIDE DIR

One process in the place of a dozen commands; `assent registry`, `assent notice` and `assent identity` do the same.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from company import connected, register

CATEGORIES = ("phone_hash", "finances", "contact")


def main() -> None:
    side, folder = sys.argv[1], Path(sys.argv[2])
    with connected(folder, side) as client:
        register(client, folder, side, purpose_text="补全会员档案", categories=CATEGORIES, assessment="enrichment-2026")
        for source in ("cards", "app") if side == "bank" else ():
            report = client.identity.import_links(links(folder / f"{source}_links.csv"), source, "customer")
            print(f"{source}: {report.linked} ids are customers'")


def links(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (row number, id in the other system, customer number)."""
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), 1):
            yield number, row["id"], row["subject"]


if __name__ == "__main__":
    main()
