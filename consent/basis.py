"""Legal bases (合法性基础, PIPL 13): a closed list, and how far each reaches here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from consent import fields
from consent.errors import FieldError

CONSENT = "consent"

OTHER_BASES = frozenset(
    {"contract", "hr", "statutory_duty", "emergency", "public_interest", "public_info", "other_law"}
)
"""Bases (2) to (7). `legitimate_interest` is none of them: the law knows no such basis."""

PUBLIC_INFO = "public_info"


@dataclass(frozen=True, slots=True)
class BasisRule:
    """A row of the rule table: this basis reaches this purpose, recipient and category.

    Attributes:
        basis: one of OTHER_BASES.
        purpose: purpose id.
        recipients: party ids; None in it is own use.
        categories: category ids.
        id: name in records; versions of it share one.
        owner: who in the house answers for it.
        evidence: where it is shown that the basis holds, such as an opinion of counsel.
        valid_from: first moment it holds; None is open.
        valid_until: first moment it holds no more; None is open.
        version: 1, 2, ...
        recorded_at: when our server took the version in; None is "always known".
    """

    basis: str
    purpose: str
    recipients: frozenset[str | None]
    categories: frozenset[str]
    id: str = ""
    owner: str = ""
    evidence: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    version: int = 1
    recorded_at: datetime | None = None

    def reaches(self, basis: str, purpose: str, recipient: str | None, category: str) -> bool:
        """Return whether the row covers a use."""
        return (
            basis == self.basis
            and basis in OTHER_BASES
            and purpose == self.purpose
            and recipient in self.recipients
            and category in self.categories
        )

    def in_force(self, at: datetime) -> bool:
        """Return whether the row holds at a time; its end is exclusive."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> BasisRule:
        """Read a stored or submitted rule; FieldError names what is wrong. `recipients` may hold null for own use."""
        allowed = (
            "id", "basis", "purpose", "recipients", "categories", "owner", "evidence", "valid_from", "valid_until",
            "version", "recorded_at",
        )  # fmt: skip
        fields.no_others(mapping, allowed)
        basis = fields.text(mapping, "basis")
        if basis not in OTHER_BASES:
            raise FieldError("basis", f"must be one of {', '.join(sorted(OTHER_BASES))}; PIPL 13 knows no other")
        recipients = fields.parties(mapping, "recipients")
        if not recipients:
            raise FieldError("recipients", "names nobody; null in it is own use")
        version = fields.optional_count(mapping, "version", least=1)
        return cls(
            basis=basis,
            purpose=fields.text(mapping, "purpose"),
            recipients=recipients,
            categories=frozenset(fields.texts(mapping, "categories", least=1)),
            id=fields.text(mapping, "id"),
            owner=fields.text(mapping, "owner"),
            evidence=fields.optional_text(mapping, "evidence", longest=4000) or "",
            valid_from=fields.optional_moment(mapping, "valid_from"),
            valid_until=fields.optional_moment(mapping, "valid_until"),
            version=1 if version is None else version,
            recorded_at=fields.optional_moment(mapping, "recorded_at"),
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; what is empty is left out."""
        own_use: list[str | None] = [None] if None in self.recipients else []
        mapping: dict[str, object] = {
            "id": self.id,
            "basis": self.basis,
            "purpose": self.purpose,
            "recipients": own_use + sorted(party for party in self.recipients if party is not None),
            "categories": sorted(self.categories),
            "owner": self.owner,
            "version": self.version,
        }
        if self.evidence:
            mapping["evidence"] = self.evidence
        for name in ("valid_from", "valid_until", "recorded_at"):
            time: datetime | None = getattr(self, name)
            if time is not None:
                mapping[name] = fields.said(time)
        return mapping
