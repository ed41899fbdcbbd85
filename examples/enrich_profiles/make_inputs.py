"""Make the inputs of the example from a customer table in CSV: two customer files and two files of consent events.

    python make_inputs.py --csv FILE --out DIR [--strangers N]

Every row of FILE is a person, a customer of the retailer. The partner has 70 % of them and 20,000 strangers.
Who agreed to what is drawn at random, from a fixed seed: the same FILE gives the same inputs, byte for byte.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

SEED = 1729
SHARED = 0.70  # of the people are the partner's customers, too
STRANGERS = 20_000  # the partner's other customers, by default
PURPOSE = "profile_enrichment"
METHOD = "psi_hash"
NOTICE = "enrichment@1"
PHONE = "phone_hash"
# Agreed column -> category that the consent must name.
COLUMNS = {"history_segment": "spending_band", "channel": "preferred_channel", "recency": "purchase_recency"}
ASKED_FROM = datetime(2026, 2, 1, tzinfo=UTC)
ASKED_DAYS = 60

# What customers did when asked, in percent: 90 of the retailer's and 95 of the partner's gave a valid separate consent.
RETAILER_KINDS = {"separate": 90, "withdrew": 3, "silent": 3, "general": 1, "refused": 1, "expired": 1, "preticked": 1}
PARTNER_KINDS = {"separate": 87, "two_columns": 8, "withdrew": 2, "silent": 1, "general": 1, "refused": 1}

EVENT_FIELDS = (
    "event_id", "type", "at", "subject", "handler", "consent_id", "notice", "by", "mode", "evidence", "channel",
    "valid_until", "purpose", "categories", "methods", "recipients", "form", "recipient",
)  # fmt: skip

Row = dict[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--csv", type=Path, required=True, help="table with history_segment, channel and recency")
    parser.add_argument("--out", type=Path, required=True, help="where the four files go")
    parser.add_argument("--strangers", type=int, default=STRANGERS, help="the partner's other customers")
    options = parser.parse_args()
    with options.csv.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            parser.error(f"{options.csv.name} has no column {', '.join(sorted(missing))}")
        people = [tuple(row[name] for name in COLUMNS) for row in reader]
    if not people:
        parser.error(f"{options.csv.name} has no rows")
    make(people, options.strangers, options.out)
    return 0


def make(people: Sequence[tuple[str, ...]], strangers: int, out: Path) -> None:
    """Write retailer.csv, partner.csv, retailer_consents.csv and partner_consents.csv."""
    generator = np.random.default_rng(SEED)
    numbers = range(1, len(people) + 1)
    shared = np.sort(generator.choice(len(people), size=round(SHARED * len(people)), replace=False))
    # A stranger looks like anybody else: attributes of some person of the table.
    like = generator.integers(0, len(people), strangers)
    theirs = [(phone(row + 1), *people[row]) for row in shared.tolist()]
    theirs += [(stranger_phone(number), *people[row]) for number, row in enumerate(like.tolist(), 1)]
    generator.shuffle(theirs)

    customers = [f"R{number:06d}" for number in numbers]
    users = [f"P{number:06d}" for number in range(1, len(theirs) + 1)]
    _write(out / "retailer.csv", ("customer_id", "phone"), zip(customers, map(as_typed, numbers), strict=True))
    rows = ((user, *row) for user, row in zip(users, theirs, strict=True))
    _write(out / "partner.csv", ("user_id", "phone", *COLUMNS), rows)
    asked = (PHONE,)
    events = _events(generator, "retailer", "partner", customers, RETAILER_KINDS, asked)
    _write_events(out / "retailer_consents.csv", events)
    asked = (PHONE, *COLUMNS.values())
    events = _events(generator, "partner", "retailer", users, PARTNER_KINDS, asked)
    _write_events(out / "partner_consents.csv", events)


def phone(number: int) -> str:
    """The rule: row number -> "150" and the number in eight digits."""
    return f"150{number:08d}"


def as_typed(number: int) -> str:
    """The retailer's staff type every tenth number with country code and hyphens."""
    plain = phone(number)
    return plain if number % 10 else f"+86 {plain[:3]}-{plain[3:7]}-{plain[7:]}"


def stranger_phone(number: int) -> str:
    """Strangers have numbers that no row has."""
    return f"151{number:08d}"


def _events(
    generator: np.random.Generator,
    handler: str,
    recipient: str,
    subjects: Sequence[str],
    kinds: dict[str, int],
    categories: tuple[str, ...],
) -> Iterator[Row]:
    """Yield what every customer said."""
    ends = [round(len(subjects) * percent / 100) for percent in np.cumsum(list(kinds.values())).tolist()]
    drawn = generator.permutation(np.repeat(list(kinds), np.diff(ends, prepend=0))).tolist()
    delays = generator.integers(0, ASKED_DAYS * 24 * 3600, len(subjects)).tolist()
    left_out = generator.integers(1, max(len(categories), 2), len(subjects)).tolist()
    # Ids are stored as they are: they must not tell whose they are.
    names = generator.bytes(10 * len(subjects)).hex(" ", 10).split()
    for subject, kind, delay, place, name in zip(subjects, drawn, delays, left_out, names, strict=True):
        at = ASKED_FROM + timedelta(seconds=delay)
        common = {"subject": subject, "handler": handler, "by": "subject", "purpose": PURPOSE}
        refusal = {"event_id": f"{name}-2", "recipient": recipient, **common}
        if kind == "silent":
            continue
        if kind == "refused":
            yield {**refusal, "type": "consent_refused", "at": at.isoformat()}
            continue
        chosen = [one for one in categories if kind != "two_columns" or one != categories[place]]
        yield {
            **common,
            "event_id": f"{name}-1",
            "type": "consent_given",
            "at": at.isoformat(),
            "consent_id": name,
            "notice": NOTICE,
            "mode": "preticked" if kind == "preticked" else "explicit",
            "evidence": "true",
            "channel": "app",
            "valid_until": (at + timedelta(days=30)).isoformat() if kind == "expired" else "",
            "categories": ";".join(chosen),
            "methods": METHOD,
            "recipients": recipient,
            "form": "general" if kind == "general" else "separate",
        }
        if kind == "withdrew":
            yield {**refusal, "type": "consent_withdrawn", "at": (at + timedelta(days=5)).isoformat()}


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_events(path: Path, events: Iterator[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, EVENT_FIELDS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(events)


if __name__ == "__main__":
    sys.exit(main())
