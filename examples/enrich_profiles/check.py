"""Recompute the truth from the input files and compare it with the released result, row by row.

    python check.py DIR

Reads retailer.csv, partner.csv, both consent files, agreement.json and enriched.csv of DIR. Nothing of Assent is
imported: the rules of this example are written down here once more. Exit code 1 on any difference.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

SHOWN = 10  # differences that are printed

Consent = tuple[frozenset[str], str]  # categories, consent id


def main() -> int:
    folder = Path(sys.argv[1])
    agreement = json.loads((folder / "agreement.json").read_text(encoding="utf-8"))
    enrich = next(one for one in agreement["directions"] if one["operation"] == "ENRICH")
    released = list(_rows(folder / "enriched.csv"))
    if not released:
        print("enriched.csv holds no rows")
        return 1
    known_at = _time(released[0]["obtained_at"])
    truth, why = _truth(folder, agreement, enrich, known_at)

    problems: list[str] = []
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in released:
        key = (row["customer"], row["attribute"])
        if key in found:
            problems.append(f"{key}: twice in enriched.csv")
        found[key] = row
    problems += [f"{key}: missing in enriched.csv" for key in truth.keys() - found.keys()]
    problems += [f"{key}: must not be in enriched.csv" for key in found.keys() - truth.keys()]
    expires_at = known_at + timedelta(days=agreement["retention_days"])
    runs = {row["run"] for row in released}
    if len(runs) != 1:
        problems.append(f"the rows name {len(runs)} runs")
    for key in truth.keys() & found.keys():
        value, consent = truth[key]
        row = found[key]
        same = {
            "value": (row["value"], value),
            "consent": (row["consent"], consent),
            "partner": (row["partner"], enrich["sender"]),
            "agreement": (row["agreement"], agreement["id"]),
            "obtained_at": (_time(row["obtained_at"]), known_at),
            "expires_at": (_time(row["expires_at"]), expires_at),
        }
        problems += [
            f"{key}: {name} is {is_!r}, not {should!r}" for name, (is_, should) in same.items() if is_ != should
        ]

    customers, nulls = len({customer for customer, _ in truth}), sum(value == "" for value, _ in truth.values())
    print(f"recomputed: {customers} customers, {len(truth)} values, {nulls} of them null for want of consent")
    print(f"left out although both companies have them: {dict(sorted(why.items()))}")
    if problems:
        print(f"{len(problems)} differences, among them:")
        print("\n".join(sorted(problems)[:SHOWN]))
        return 1
    print(f"enriched.csv agrees row by row: {len(found)} rows, 0 differences")
    return 0


def _truth(
    folder: Path, agreement: dict[str, Any], enrich: dict[str, Any], known_at: datetime
) -> tuple[dict[tuple[str, str], tuple[str, str]], Counter[str]]:
    """Return {(customer, attribute): (value, consent id)}, and who is left out for which side's consent."""
    purpose, key_category = agreement["purposes"][0], agreement["match_keys"][0]["category"]
    categories = {column["name"]: column["category"] for column in agreement["columns"]}
    receiver, sender = enrich["receiver"], enrich["sender"]
    ours = _consents(folder / "retailer_consents.csv", receiver, sender, purpose, known_at)
    theirs = _consents(folder / "partner_consents.csv", sender, receiver, purpose, known_at)
    by_phone = {_number(row["phone"]): row for row in _rows(folder / "partner.csv")}
    truth: dict[tuple[str, str], tuple[str, str]] = {}
    why: Counter[str] = Counter()
    nobody: Consent = (frozenset(), "")
    for row in _rows(folder / "retailer.csv"):
        partner = by_phone.get(_number(row["phone"]))
        if partner is None:
            continue
        own, consent = ours.get(row["customer_id"], nobody)
        disclosed, _ = theirs.get(partner["user_id"], nobody)
        if key_category not in own:
            why["at the retailer"] += 1
        elif key_category not in disclosed:
            why["at the partner"] += 1
        else:
            for name in enrich["columns"]:
                value = partner[name] if categories[name] in disclosed else ""
                truth[row["customer_id"], name] = (value, consent)
    return truth, why


def _consents(path: Path, handler: str, recipient: str, purpose: str, at: datetime) -> dict[str, Consent]:
    """Return what each person's consent covers: separate, explicit, provable, in its term, and never taken back."""
    given: dict[str, tuple[datetime, Consent]] = {}
    against: dict[str, datetime] = {}
    for row in _rows(path):
        if row["handler"] != handler or row["purpose"] != purpose:
            continue
        if row["type"] in ("consent_withdrawn", "consent_refused") and row["recipient"] in ("", recipient):
            against[row["subject"]] = max(_time(row["at"]), against.get(row["subject"], _time(row["at"])))
        elif (
            row["type"] == "consent_given"
            and row["by"] == "subject"
            and row["mode"] == "explicit"
            and row["form"] == "separate"
            and row["evidence"] == "true"
            and "psi_hash" in row["methods"].split(";")
            and recipient in row["recipients"].split(";")
            and (not row["valid_until"] or at < _time(row["valid_until"]))
        ):
            given[row["subject"]] = (_time(row["at"]), (frozenset(row["categories"].split(";")), row["consent_id"]))
    return {
        subject: consent
        for subject, (since, consent) in given.items()
        if subject not in against or against[subject] < since
    }


def _number(phone: str) -> str:
    """The eleven digits, however they are written."""
    return "".join(character for character in phone if character.isdigit())[-11:]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.strip().replace("Z", "+00:00"))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


if __name__ == "__main__":
    sys.exit(main())
