"""Make the inputs of the example from a customer table in CSV: two customer files and two files of consent events.

    PYTHONPATH=examples python examples/enrich_profiles/make_inputs.py --csv FILE --out DIR [--strangers N]

Every row of FILE is a person, a customer of the retailer. The partner has 70 % of them and 20,000 strangers.
Who agreed to what is drawn at random, from a fixed seed: the same FILE gives the same inputs, byte for byte.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from inputs import PHONE, Event, Question, as_typed, people_of, phone, stranger_phone, write_events, write_rows

SEED = 1729
SHARED = 0.70  # of the people are the partner's customers, too
STRANGERS = 20_000  # the partner's other customers, by default
PURPOSE = "profile_enrichment"
METHODS = ("psi_hash",)
NOTICE = "enrichment"
# Agreed column -> category that the consent must name.
COLUMNS = {"history_segment": "spending_band", "channel": "preferred_channel", "recency": "purchase_recency"}
ASKED_FROM = datetime(2026, 2, 1, tzinfo=UTC)
ASKED_DAYS = 60

# What customers did when asked, in percent: 90 of the retailer's and 95 of the partner's gave a valid separate consent.
RETAILER_KINDS = {"separate": 90, "withdrew": 3, "silent": 3, "general": 1, "refused": 1, "expired": 1, "preticked": 1}
PARTNER_KINDS = {"separate": 87, "two_columns": 8, "withdrew": 2, "silent": 1, "general": 1, "refused": 1}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--csv", type=Path, required=True, help="table with history_segment, channel and recency")
    parser.add_argument("--out", type=Path, required=True, help="where the four files go")
    parser.add_argument("--strangers", type=int, default=STRANGERS, help="the partner's other customers")
    options = parser.parse_args()
    people = people_of(options.csv, list(COLUMNS), parser)
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
    typed = ((customer, as_typed(phone(number))) for customer, number in zip(customers, numbers, strict=True))
    write_rows(out / "retailer.csv", ("customer_id", "phone"), typed)
    rows = ((user, *row) for user, row in zip(users, theirs, strict=True))
    write_rows(out / "partner.csv", ("user_id", "phone", *COLUMNS), rows)
    question = Question("retailer", "partner", PURPOSE, NOTICE, METHODS)
    write_events(out / "retailer_consents.csv", said(generator, question, customers, RETAILER_KINDS, (PHONE,)))
    question, asked = Question("partner", "retailer", PURPOSE, NOTICE, METHODS), (PHONE, *COLUMNS.values())
    write_events(out / "partner_consents.csv", said(generator, question, users, PARTNER_KINDS, asked))


def said(
    generator: np.random.Generator,
    question: Question,
    subjects: Sequence[str],
    kinds: dict[str, int],
    categories: tuple[str, ...],
) -> Iterator[Event]:
    """Yield what every customer said."""
    ends = [round(len(subjects) * percent / 100) for percent in np.cumsum(list(kinds.values())).tolist()]
    drawn = generator.permutation(np.repeat(list(kinds), np.diff(ends, prepend=0))).tolist()
    delays = generator.integers(0, ASKED_DAYS * 24 * 3600, len(subjects)).tolist()
    left_out = generator.integers(1, max(len(categories), 2), len(subjects)).tolist()
    # Ids are stored as they are: they must not tell whose they are.
    names = generator.bytes(10 * len(subjects)).hex(" ", 10).split()
    for subject, kind, delay, place, name in zip(subjects, drawn, delays, left_out, names, strict=True):
        at = ASKED_FROM + timedelta(seconds=delay)
        if kind == "silent":
            continue
        if kind == "refused":
            yield question.refused(subject, f"{name}-2", at)
            continue
        chosen = [one for one in categories if kind != "two_columns" or one != categories[place]]
        yield question.given(
            subject,
            name,
            at,
            chosen,
            mode="preticked" if kind == "preticked" else "explicit",
            valid_until=(at + timedelta(days=30)).isoformat() if kind == "expired" else "",
            form="general" if kind == "general" else "separate",
        )
        if kind == "withdrew":
            yield question.withdrawn(subject, name, at)


if __name__ == "__main__":
    sys.exit(main())
