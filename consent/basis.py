"""Legal bases (合法性基础, PIPL 13): a closed list, and how far each reaches here."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    basis: str
    purpose: str
    recipients: frozenset[str | None]
    categories: frozenset[str]

    def reaches(self, basis: str, purpose: str, recipient: str | None, category: str) -> bool:
        """Return whether the row covers a use."""
        return (
            basis == self.basis
            and basis in OTHER_BASES
            and purpose == self.purpose
            and recipient in self.recipients
            and category in self.categories
        )
