"""Impact assessments (个人信息保护影响评估, PIPL 55-56): made before, kept three years."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from consent import fields
from consent.party import Party
from consent.purpose import Method, Purpose


@dataclass(frozen=True, slots=True)
class Assessment:
    """An approved impact assessment and what it covers.

    Attributes:
        id: name in records.
        approved_at: when it was approved.
        purposes: covered purposes.
        recipients: covered recipients; None in it is own use.
        methods: covered methods.
        covers_sensitive: it looked at sensitive categories.
        approver: who approved.
        next_review: first moment it holds no more; None is open.
        recorded_at: when our server took the version in; None is "always known".
        version: 1, 2, ...; versions share an id.
    """

    id: str
    approved_at: datetime
    purposes: frozenset[str]
    recipients: frozenset[str | None]
    methods: frozenset[str]
    covers_sensitive: bool = False
    approver: str = ""
    next_review: datetime | None = None
    recorded_at: datetime | None = None
    version: int = 1

    def known(self, as_known_at: datetime) -> bool:
        """Return whether we knew of it by a time."""
        return self.recorded_at is None or self.recorded_at <= as_known_at

    def in_force(self, at: datetime) -> bool:
        """Return whether it holds at a time: from its approval to its review."""
        return self.approved_at <= at and (self.next_review is None or at < self.next_review)

    def covers(self, purpose: str, recipient: str | None, method: str, sensitive: bool) -> bool:
        """Return whether it looked at this use."""
        return (
            purpose in self.purposes
            and recipient in self.recipients
            and method in self.methods
            and (self.covers_sensitive or not sensitive)
        )

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Assessment:
        """Read a stored or submitted assessment; FieldError names what is wrong.

        `recipients` may hold null for own use.
        """
        allowed = (
            "id", "approved_at", "purposes", "recipients", "methods", "covers_sensitive", "approver", "next_review",
            "version", "recorded_at",
        )  # fmt: skip
        fields.no_others(mapping, allowed)
        version = fields.optional_count(mapping, "version", least=1)
        return cls(
            id=fields.text(mapping, "id"),
            approved_at=fields.moment(mapping, "approved_at"),
            purposes=frozenset(fields.texts(mapping, "purposes", least=1)),
            recipients=fields.parties(mapping, "recipients"),
            methods=frozenset(fields.texts(mapping, "methods", least=1)),
            covers_sensitive=fields.flag(mapping, "covers_sensitive", default=False),
            approver=fields.optional_text(mapping, "approver") or "",
            next_review=fields.optional_moment(mapping, "next_review"),
            version=1 if version is None else version,
            recorded_at=fields.optional_moment(mapping, "recorded_at"),
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; what is empty is left out."""
        own_use: list[str | None] = [None] if None in self.recipients else []
        mapping: dict[str, object] = {
            "id": self.id,
            "approved_at": fields.said(self.approved_at),
            "purposes": sorted(self.purposes),
            "recipients": own_use + sorted(party for party in self.recipients if party is not None),
            "methods": sorted(self.methods),
            "covers_sensitive": self.covers_sensitive,
        }
        if self.version > 1:
            mapping["version"] = self.version
        if self.approver:
            mapping["approver"] = self.approver
        if self.next_review is not None:
            mapping["next_review"] = fields.said(self.next_review)
        if self.recorded_at is not None:
            mapping["recorded_at"] = fields.said(self.recorded_at)
        return mapping


def assessment_needed(purpose: Purpose, recipient: Party | None, method: Method, sensitive: bool) -> bool:
    """Return whether PIPL 55 asks for an assessment of this use.

    Triggers: sensitive information, automated decisions, entrusting, providing, making
    public; an export is a provision or an entrustment already.
    """
    return sensitive or purpose.automated or recipient is not None or method.publishes
