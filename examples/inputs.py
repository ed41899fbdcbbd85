"""What the inputs of all examples have in common: phones, consent events, notices, agreements, files.

Every make_inputs.py imports it. run.sh says where it is; who calls make_inputs.py by hand does so too:

    PYTHONPATH=examples python examples/campaign/make_inputs.py before --customers 900 --out DIR

What checks a result imports nothing of this: it has the rules written down once more.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

PHONE = "phone_hash"
WITHDRAWN_AFTER = timedelta(days=5)
EVENT_FIELDS = (
    "event_id", "type", "at", "subject", "handler", "consent_id", "notice", "by", "mode", "evidence", "channel",
    "valid_until", "purpose", "categories", "methods", "recipients", "form", "recipient",
)  # fmt: skip
UNLIMITED_FIELDS = tuple(name for name in EVENT_FIELDS if name != "valid_until")
"""Of files in which no consent has an end."""
KEPT = {
    "retention": "自取得之日起180天",
    "after_retention": "删除",
    "rights_channel": "应用内“我的-隐私”",
    "withdrawal_channel": "应用内“我的-隐私-撤回同意”",
    "closure_channel": "应用内“我的-注销账户”",
}
"""What every notice says of how long the result is kept, and where people turn to."""

Event = dict[str, str]


# ---- people ----------------------------------------------------------------------------------------------------------


def phone(number: int) -> str:
    """The rule: person or row number -> "150" and the number in eight digits."""
    return f"150{number:08d}"


def stranger_phone(number: int) -> str:
    """Strangers have numbers that no row has."""
    return f"151{number:08d}"


def as_typed(plain: str) -> str:
    """Every tenth number was typed with country code and hyphens."""
    return f"+86 {plain[:3]}-{plain[3:7]}-{plain[7:]}" if plain.endswith("0") else plain


def people_of(path: Path, columns: Sequence[str], parser: argparse.ArgumentParser) -> list[tuple[str, ...]]:
    """Read some columns of a table of people; one that lacks them ends the program."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = set(columns) - set(reader.fieldnames or ())
        if missing:
            parser.error(f"{path.name} has no column {', '.join(sorted(missing))}")
        people = [tuple(row[name] for name in columns) for row in reader]
    if not people:
        parser.error(f"{path.name} has no rows")
    return people


# ---- what they said --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What one company asks each of its customers: may we use this of you together with that company?

    Attributes:
        handler: party id of who asks.
        recipient: party id of the other.
        purpose: what for.
        notice: id of the notice that they read.
        methods: how.
    """

    handler: str
    recipient: str
    purpose: str
    notice: str
    methods: Sequence[str]

    def given(self, subject: str, name: str, at: datetime, categories: Sequence[str], **otherwise: str) -> Event:
        """A separate, explicit consent called `name`, but for what is said `otherwise`."""
        return {
            **self._by(subject),
            "event_id": f"{name}-1",
            "type": "consent_given",
            "at": at.isoformat(),
            "consent_id": name,
            "notice": f"{self.notice}@1",
            "mode": "explicit",
            "evidence": "true",
            "channel": "app",
            "categories": ";".join(categories),
            "methods": ";".join(self.methods),
            "recipients": self.recipient,
            "form": "separate",
            **otherwise,
        }

    def refused(self, subject: str, event_id: str, at: datetime) -> Event:
        """No, from the start."""
        return self._no(subject, event_id, "consent_refused", at)

    def withdrawn(self, subject: str, name: str, given_at: datetime) -> Event:
        """The consent called `name`, withdrawn five days after it was given."""
        return self._no(subject, f"{name}-2", "consent_withdrawn", given_at + WITHDRAWN_AFTER)

    def _by(self, subject: str) -> Event:
        return {"subject": subject, "handler": self.handler, "by": "subject", "purpose": self.purpose}

    def _no(self, subject: str, event_id: str, type: str, at: datetime) -> Event:
        no = {"event_id": event_id, "type": type, "at": at.isoformat(), "recipient": self.recipient}
        return {**self._by(subject), **no}


# ---- what they read, and what the companies sign ---------------------------------------------------------------------


def heading(notice: str, title: str, text: str, party: str, name: str) -> dict[str, Any]:
    """How a notice begins: what it is, and who says it."""
    return {
        "id": notice,
        "version": 1,
        "language": "zh-CN",
        "title": title,
        "text": text,
        "handler_name": name,
        "handler_contact": contact(party),
    }


def recipient(party: str, name: str, terms: Mapping[str, object]) -> dict[str, Any]:
    """Who else gets what, as a notice names it."""
    return {"party": party, "name": name, "contact": contact(party), **terms}


def contact(party: str) -> str:
    return f"privacy@{party}.example"


def draft(
    parties: Iterable[str], assessment: str, purpose: str, directions: Sequence[object], columns: Sequence[object],
    **more: object,
) -> dict[str, Any]:  # fmt: skip
    """An agreement to propose: sandbox, by phone number, from 2026 to 2030."""
    return {
        "parties": [{"id": party, "impact_assessment": assessment} for party in parties],
        "purposes": [purpose],
        "directions": directions,
        "match_keys": [{"name": "phone.e164", "category": PHONE}],
        "columns": columns,
        **more,
        "caps": {"rows_receiver": 1_000_000, "rows_sender": 1_000_000, "runs_per_day": 10},
        "retention_days": 180,
        "valid_from": "2026-01-01T00:00:00+08:00",
        "valid_until": "2031-01-01T00:00:00+08:00",
        "legal_text_hash": "b257dfd6046396c10e06f173d4fd989cf76241b0f5ca5af3965ab9a408e35cd8",
        "sandbox": True,
    }


# ---- files -----------------------------------------------------------------------------------------------------------


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_events(path: Path, events: Iterable[Event], fields: Sequence[str] = EVENT_FIELDS) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fields, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(events)


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
