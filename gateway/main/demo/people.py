"""Generated people for the demo: two companies that share some customers, and what those agreed to.

Synthetic and reproducible: seeds drive generated data alone. Chinese mobile numbers
(11 digits), consents of every kind, refusals, withdrawals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

SEED = 20260101
PREFIXES = ("134", "135", "136", "137", "139", "150", "151", "152", "158", "159", "176", "185", "186", "188", "199")
TIERS = ("standard", "silver", "gold", "platinum")
CHANNELS = ("app", "web", "store", "phone")
CONTROL = "control"
ARMS = ("mail", CONTROL)
BUYS = {"mail": 0.16, CONTROL: 0.11}  # who bought within a month, by what the retailer sent
MOST_SPENT = 400
NO_PHONES = ("n/a", "", "1380013", "+1 650 555 1212")
NO_PHONE_ROWS = 12
_NAME_BYTES = 10

# What a customer did, and how many of a thousand did so.
KINDS = {
    "separate": 700,
    "partial": 60,
    "general": 40,
    "preticked": 20,
    "other_purpose": 20,
    "refused": 40,
    "withdrawn": 40,
    "expired": 20,
    "deletion": 10,
    "opted_out": 10,
    "silent": 40,
}

ROW_METHODS = ("psi_hash",)
METHODS = ("psi_hash", "he_aggregate")

EventRow = dict[str, object]


@dataclass(frozen=True, slots=True)
class Company:
    """One side's customers and its consent events.

    Attributes:
        customers: the table that becomes its data set.
        events: consent events as files carry them, with raw customer ids.
    """

    customers: pa.Table
    events: tuple[EventRow, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the customers of one side were asked.

    Attributes:
        handler: the company that asked.
        recipient: the company named to them.
        purpose: purpose id.
        other_purpose: another purpose, which some agreed to instead.
        categories: category ids of the dialog.
        declined: those of them that some people left out.
        measurement: purpose id of campaign measurement, agreed to in the same dialog, or not.
        measured: category ids of that.
        notice: id@version shown.
        asked_at: when the campaign of asking began (UTC); it ran for sixty days.
    """

    handler: str
    recipient: str
    purpose: str
    other_purpose: str
    categories: tuple[str, ...]
    declined: tuple[str, ...]
    measurement: str
    measured: tuple[str, ...]
    notice: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class People:
    """Both companies.

    Attributes:
        retailer: who asks.
        platform: who answers.
        shared: (retailer's id, platform's id) of everybody who is a customer of both.
    """

    retailer: Company
    platform: Company
    shared: tuple[tuple[str, str], ...]


def two_companies(retailer: Terms, platform: Terms, rows: tuple[int, int], shared: int) -> People:
    """Make both sides.

    Args:
        retailer: terms of the retailer's customers.
        platform: terms of the platform's customers.
        rows: customers of the retailer and of the platform.
        shared: people who are customers of both.
    """
    generator = np.random.default_rng(SEED)
    phones = _phones(generator, rows[0] + rows[1] - shared)
    ids_a = [f"C{number:07d}" for number in range(rows[0])]
    ids_b = [f"U{number:07d}" for number in range(rows[1])]
    # The shared people stand at places of their own in either table.
    places_a, places_b = (generator.permutation(count) for count in rows)
    phones_a, phones_b = [""] * rows[0], [""] * rows[1]
    for place, phone in zip(places_a, phones[: rows[0]], strict=True):
        phones_a[place] = phone
    for place, phone in zip(places_b, [*phones[:shared], *phones[rows[0] :]], strict=True):
        phones_b[place] = phone
    written = [_written(phone, number) for number, phone in enumerate(phones_a)]
    for number, row in enumerate(range(0, rows[0], max(rows[0] // NO_PHONE_ROWS, 1))):
        written[row] = NO_PHONES[number % len(NO_PHONES)]
    arms = generator.choice(ARMS, rows[0])
    # What the platform sees follows from the arm for people in common, from chance for its other users.
    arm_of = dict(zip(phones_a, arms.tolist(), strict=True))
    rates = np.array([BUYS[arm_of.get(phone, CONTROL)] for phone in phones_b])
    bought = generator.random(rows[1]) < rates
    spent = np.minimum(np.round(generator.lognormal(3.5, 0.6, rows[1]), 2), MOST_SPENT) * bought
    retailer_table = pa.table({"customer_id": ids_a, "phone": written, "arm": arms})
    platform_table = pa.table(
        {
            "user_id": ids_b,
            "mobile": phones_b,
            "tier": generator.choice(TIERS, rows[1], p=[0.55, 0.25, 0.15, 0.05]),
            "channel": generator.choice(CHANNELS, rows[1]),
            "orders": generator.poisson(6, rows[1]),
            "bought": bought.astype(np.int8),
            "spend": [f"{amount:.2f}" for amount in spent],
        }
    )
    pairs = zip(places_a[:shared], places_b[:shared], strict=True)
    return People(
        Company(retailer_table, tuple(_events(generator, retailer, ids_a))),
        Company(platform_table, tuple(_events(generator, platform, ids_b))),
        tuple((ids_a[mine], ids_b[theirs]) for mine, theirs in pairs),
    )


def withdrawals(terms: Terms, customers: Sequence[str], at: datetime) -> list[EventRow]:
    """Make withdrawals, as they arrive during a run."""
    generator = np.random.default_rng([SEED, int(at.timestamp())])
    return [
        _protective("consent_withdrawn", terms, customer, at, name)
        for customer, name in zip(customers, _names(generator, len(customers)), strict=True)
    ]


def _written(phone: str, number: int) -> str:
    """Write every seventh number as people do."""
    return phone if number % 7 else f"+86 {phone[:3]}-{phone[3:7]}-{phone[7:]}"


def _phones(generator: np.random.Generator, count: int) -> list[str]:
    numbers = generator.choice(10**8, size=count, replace=False)
    prefixes = generator.choice(PREFIXES, size=count)
    return [f"{prefix}{number:08d}" for prefix, number in zip(prefixes, numbers, strict=True)]


def _names(generator: np.random.Generator, count: int) -> Iterator[str]:
    """Yield ids. They are stored as they are, so they must not tell whose they are."""
    digits = generator.bytes(count * _NAME_BYTES).hex()
    width = 2 * _NAME_BYTES
    return (digits[start : start + width] for start in range(0, count * width, width))


def _events(generator: np.random.Generator, terms: Terms, ids: Sequence[str]) -> Iterator[EventRow]:
    """Yield what each customer said: most agreed, some in the wrong form, some not at all."""
    weights = np.array(list(KINDS.values())) / sum(KINDS.values())
    kinds = generator.choice(list(KINDS), size=len(ids), p=weights)
    delays = generator.integers(0, 60 * 24 * 3600, len(ids))
    names = _names(generator, 2 * len(ids))
    for customer, kind, delay in zip(ids, kinds.tolist(), delays.tolist(), strict=True):
        at = terms.asked_at + timedelta(seconds=delay)
        if kind == "silent":
            continue
        if kind == "refused":
            yield _protective("consent_refused", terms, customer, at, next(names))
            continue
        yield _given(terms, customer, at, kind, next(names))
        after = at + timedelta(days=2)
        if kind == "withdrawn":
            yield _protective("consent_withdrawn", terms, customer, after, next(names))
        elif kind == "deletion":
            yield _right("deletion_requested", customer, after, next(names))
        elif kind == "opted_out":
            yield _right("personalisation_opt_out", customer, after, next(names))


def _given(terms: Terms, customer: str, at: datetime, kind: str, consent_id: str) -> EventRow:
    declined = terms.declined if kind == "partial" else ()
    asked = [
        (terms.other_purpose if kind == "other_purpose" else terms.purpose, terms.categories, ROW_METHODS),
        (terms.measurement, terms.measured, METHODS),
    ]
    return {
        "event_id": f"{consent_id}-given",
        "type": "consent_given",
        "at": at.isoformat(),
        "subject": customer,
        "handler": terms.handler,
        "consent_id": consent_id,
        "notice": terms.notice,
        "by": "subject",
        "mode": "preticked" if kind == "preticked" else "explicit",
        "evidence": True,
        "channel": "app",
        **({"valid_until": (at + timedelta(days=1)).isoformat()} if kind == "expired" else {}),
        "items": [
            {
                "purpose": purpose,
                "categories": [category for category in categories if category not in declined],
                "methods": list(methods),
                "recipients": [terms.recipient],
                "form": "general" if kind == "general" else "separate",
            }
            for purpose, categories, methods in asked
        ],
    }


def _protective(kind: str, terms: Terms, customer: str, at: datetime, event_id: str) -> EventRow:
    return {
        "event_id": event_id,
        "type": kind,
        "at": at.isoformat(),
        "subject": customer,
        "handler": terms.handler,
        "by": "subject",
        "purpose": terms.purpose,
        "recipient": terms.recipient,
    }


def _right(kind: str, customer: str, at: datetime, event_id: str) -> EventRow:
    return {"event_id": event_id, "type": kind, "at": at.isoformat(), "subject": customer, "by": "subject"}
