"""Recompute the truth from the input files and compare it with the released result, row by row.

    python check.py DIR

Nothing of Assent is imported: how the bank's systems become one is written down here once more. Exit code 1 on any
difference.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

PARTS = (  # in the order that settles: file, its id, phone and attribute, and the agreed name of that
    ("core", "customer_no", "phone", "asset_band", "wealth"),
    ("cards", "card", "mobile", "grade", "card"),
    ("app", "user", "phone", "device", "channel"),
)
CATEGORIES = {"wealth": "finances", "card": "finances", "channel": "contact"}


def main() -> int:
    folder = Path(sys.argv[1])
    people, unlinked, settled = bank(folder)
    ours, theirs = consents(folder / "retailer_consents.csv"), consents(folder / "bank_consents.csv")
    by_phone: dict[str, list[str]] = {}
    for person, known in people.items():
        by_phone.setdefault(known["phone"], []).append(person)
    truth: dict[tuple[str, str], str] = {}
    for row in rows(folder / "retailer.csv"):
        found = by_phone.get(row["phone"], [])
        if len(found) != 1 or "phone_hash" not in ours.get(row["customer_id"], ()):
            continue
        covered = theirs.get(found[0], frozenset())
        if "phone_hash" in covered:
            for name, category in CATEGORIES.items():
                value = people[found[0]].get(name, "") if category in covered else ""
                truth[row["customer_id"], name] = value
    released = {(row["customer"], row["attribute"]): row["value"] for row in rows(folder / "enriched.csv")}
    differ = [key for key in sorted(truth.keys() | released.keys()) if released.get(key) != truth.get(key)]
    problems = [f"{key}: {released.get(key)!r}, not {truth.get(key)!r}" for key in differ]
    report = json.loads((folder / "bank_job.json").read_text(encoding="utf-8"))
    for part, count in unlinked.items():
        if count and not str(report.get(f"rejected in {part}.UNLINKED")).startswith(f"{count} (first rows "):
            problems.append(f"part {part}: {count} rows have no customer, the report says otherwise")
    if report.get("settled.match_key", 0) != settled:
        problems.append(f"of {settled} people systems have different phones, the report says otherwise")
    parts = ", ".join(f"{name} of {sum(1 for _ in rows(folder / f'{name}.csv'))}" for name, *_ in PARTS)
    print(f"the bank's rows: {parts}; nobody's: {unlinked}; phones settled: {settled}")
    if problems:
        print(f"{len(problems)} differences, among them:")
        print("\n".join(problems[:10]))
        return 1
    filled = sum(1 for value in released.values() if value)
    print(f"enriched.csv agrees row by row: {len(released)} rows, {filled} values, 0 differences")
    return 0


def bank(folder: Path) -> tuple[dict[str, dict[str, str]], dict[str, int], int]:
    """Return what the bank knows of each person, the rows of nobody per system, and whose phone systems dispute."""
    people: dict[str, dict[str, str]] = {}
    unlinked = dict.fromkeys((name for name, *_ in PARTS), 0)
    disputed = set()
    for name, id_, phone, attribute, agreed in PARTS:
        links = folder / f"{name}_links.csv"
        whose = {row["id"]: row["subject"] for row in rows(links)} if links.exists() else None
        for row in rows(folder / f"{name}.csv"):
            person = row[id_] if whose is None else whose.get(row[id_])
            if person is None:
                unlinked[name] += 1
                continue
            known = people.setdefault(person, {"phone": row[phone]})
            known.setdefault(agreed, row[attribute])
            if known["phone"] != row[phone]:
                disputed.add(person)
    return people, unlinked, len(disputed)


def consents(path: Path) -> dict[str, frozenset[str]]:
    """Return what each person's consent covers, if it was not taken back."""
    given: dict[str, frozenset[str]] = {}
    for row in rows(path):
        covered = frozenset(row["categories"].split(";")) if row["type"] == "consent_given" else frozenset[str]()
        given[row["subject"]] = covered
    return given


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


if __name__ == "__main__":
    sys.exit(main())
