"""Recompute the truth from the input files and compare it with what was released, before the campaign and after it.

    python check.py DIR

Nothing of Assent is imported: the rules of this example are written down here once more. The truth of the lift comes
from the orders themselves, not from the table that the shop bound. Exit code 1 on any difference.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

MINIMUM = 50
BOUNDS = {"bought": 1, "spend": 500, "usual": 500}
FORTNIGHTS = 26
CONTROL = "control"
DIGITS = Fraction(6, 10**12)  # derived figures have 12 significant digits
SHOWN = 10

Values = Mapping[str, Fraction]


def main() -> int:
    folder = Path(sys.argv[1])
    problems = overlap_problems(folder)
    lift, told = lift_problems(folder)
    problems += lift
    if problems:
        print(f"{len(problems)} differences, among them:")
        print("\n".join(problems[:SHOWN]))
        return 1
    print("\n".join(told))
    print("overlap and lift agree with the inputs: 0 differences")
    return 0


def overlap_problems(folder: Path) -> list[str]:
    """Compare the counts of audiences; those of too few people, or whose rest is too few, must not be told."""
    customers, users = read(folder / "customers.csv"), read(folder / "users.csv")
    ours = allowed(folder / "retailer_consents.csv", {"phone_hash"})
    theirs = {row["phone"] for row in users if row["user_id"] in allowed(folder / "shop_consents.csv", {"phone_hash"})}
    sizes, found = Counter[str](), Counter[str]()
    for row in customers:
        if row["customer_id"] in ours:
            sizes[row["audience"]] += 1
            found[row["audience"]] += row["phone"] in theirs
    cells = {cell["segment"]: cell for cell in released(folder / "overlap.json") if cell["statistic"] == "count"}
    problems = []
    if set(cells) - {None} != set(sizes):
        problems.append(f"overlap: audiences {sorted(map(str, cells))}")
    for audience, count in found.items():
        shown = cells.get(audience, {}).get("value")
        enough = count >= MINIMUM and sizes[audience] - count >= MINIMUM
        if (shown is not None) != enough or (enough and int(shown) != count):
            problems.append(f"overlap of {audience}: released {shown}, there are {count} of {sizes[audience]}")
    return problems


def lift_problems(folder: Path) -> tuple[list[str], list[str]]:
    """Compare counts and sums of arms, and the lift that follows from them."""
    per_user = values_of(folder)
    users = {row["phone"]: row["user_id"] for row in read(folder / "users.csv")}
    consented = allowed(folder / "shop_consents.csv", {"phone_hash", "purchase"})
    ours = allowed(folder / "retailer_consents.csv", {"phone_hash"})
    arms: dict[str, list[Values]] = defaultdict(list)
    for row in read(folder / "arms.csv"):
        user = users.get(row["phone"])
        if row["customer_id"] in ours and user in consented:
            arms[row["arm"]].append(per_user[str(user)])
    problems, told = [], []
    cells = {
        (cell["segment"], cell["against"], cell["column"], cell["statistic"]): cell["value"]
        for cell in released(folder / "lift.json")
    }
    for arm, people in arms.items():
        expected = {(arm, None, None, "count"): Fraction(len(people))}
        for column in BOUNDS:
            expected[arm, None, column, "sum"] = sum((one[column] for one in people), Fraction(0))
        squares = sum((one["spend"] ** 2 for one in people), Fraction(0))
        expected[arm, None, "spend", "sum_of_squares"] = squares
        for place, value in expected.items():
            shown = cells.get(place)
            if shown is None or Fraction(str(shown)) != value:
                problems.append(f"{place}: released {shown}, the orders say {float(value)}")
    means = {arm: {column: mean(people, column) for column in BOUNDS} for arm, people in arms.items()}
    for arm in set(arms) - {CONTROL}:
        for column in BOUNDS:
            by, rest = means[arm][column] - means[CONTROL][column], means[CONTROL][column]
            for statistic, true in (("lift", by), ("relative_lift", by / rest)):
                shown = cells.get((arm, CONTROL, column, statistic))
                if shown is None or abs(Fraction(str(shown)) - true) > DIGITS * max(1, abs(true)):
                    problems.append(f"{statistic} of {column}, {arm}: released {shown}, the orders say {float(true)}")
            told.append(
                f"{column:6} {arm} {float(rest + by):7.2f}, {CONTROL} {float(rest):7.2f}: {float(by / rest):+.1%}"
            )
    return problems, told


def values_of(folder: Path) -> dict[str, Values]:
    """Return what each user bought, from the orders: in the fortnight, and in a usual one of the year before."""
    spent, year = Counter[str](), Counter[str]()
    for name, into in (("orders_campaign.csv", spent), ("orders_year.csv", year)):
        for row in read(folder / name):
            into[row["user_id"]] += int(Fraction(row["amount"]) * 100)
    return {
        row["user_id"]: {
            "bought": Fraction(int(row["user_id"] in spent)),
            "spend": min(Fraction(spent[row["user_id"]], 100), Fraction(BOUNDS["spend"])),
            "usual": min(Fraction(year[row["user_id"]] // FORTNIGHTS, 100), Fraction(BOUNDS["usual"])),
        }
        for row in read(folder / "users.csv")
    }


def mean(people: list[Values], column: str) -> Fraction:
    return sum((one[column] for one in people), Fraction(0)) / len(people)


def allowed(path: Path, categories: set[str]) -> set[str]:
    """Return whose last word is a separate consent that names everything; an end is a withdrawal or a refusal."""
    people = set()
    for row in read(path):
        if row["type"] != "consent_given":
            people.discard(row["subject"])
        elif row["form"] == "separate" and categories <= set(row["categories"].split(";")):
            people.add(row["subject"])
    return people


def released(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    sys.exit(main())
