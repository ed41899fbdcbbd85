"""The ways out of the country (出境, PIPL 38), and how many people a year each of them carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent import fields
from consent.errors import FieldError
from consent.policy import Policy

CERTIFICATE_YEARS = 3
"""How long a certificate of personal information protection lasts (出境认证办法)."""


class MechanismType(StrEnum):
    """The ways out of the country (PIPL 38 and the 2024 cross-border provisions)."""

    STANDARD_CONTRACT = "standard_contract"
    CERTIFICATION = "certification"
    SECURITY_ASSESSMENT = "security_assessment"
    EXEMPT_SMALL_VOLUME = "exempt_small_volume"


@dataclass(frozen=True, slots=True)
class Exported:
    """People whose information went abroad since 1 January, each counted once; None is unknown.

    Attributes:
        people: all of them.
        sensitive: those of whom something sensitive went.
    """

    people: int | None = None
    sensitive: int | None = None


@dataclass(frozen=True, slots=True)
class ExportMechanism:
    """What allows exports to one party for a time.

    Attributes:
        party: the recipient abroad.
        type: which way; the small-volume exemption is for few people and nothing sensitive.
        valid_from: first moment it holds.
        valid_until: first moment it holds no more.
        id: name in records; versions of it share one.
        reference: number of the filing, the certificate or the approval.
        version: 1, 2, ...
        recorded_at: when our server took the version in; None is "always known".
    """

    party: str
    type: MechanismType
    valid_from: datetime
    valid_until: datetime
    id: str = ""
    reference: str = ""
    version: int = 1
    recorded_at: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        """Return whether the mechanism holds at a time; its end is exclusive."""
        return self.valid_from <= at < self.valid_until

    def line(self, sensitive: bool, policy: Policy) -> int | None:
        """Return how many people a year it carries less than; None is any number.

        Source: 促进和规范数据跨境流动规定, 2024: below 100,000 people and nothing sensitive is exempt; a standard
        contract or a certificate carries less than a million, less than 10,000 where something sensitive goes.
        """
        if self.type is MechanismType.SECURITY_ASSESSMENT:
            return None
        if self.type is MechanismType.EXEMPT_SMALL_VOLUME:
            return 0 if sensitive else policy.small_volume_limit
        return policy.sensitive_export_limit if sensitive else policy.export_limit

    def carries(self, exported: Exported, sensitive: bool, policy: Policy) -> bool:
        """Return whether it allows one more export, with so many people exported before.

        The exemption must be shown to hold: an unknown number is below no line. A filed contract or a certificate
        allows until its line is known to be reached.
        """
        if self.type is MechanismType.EXEMPT_SMALL_VOLUME:
            return not sensitive and exported.people is not None and exported.people < policy.small_volume_limit
        whole, part = self.line(False, policy), self.line(True, policy)
        return not (_reached(exported.people, whole) or (sensitive and _reached(exported.sensitive, part)))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> ExportMechanism:
        """Read a stored or submitted mechanism; FieldError names what is wrong."""
        allowed = ("id", "party", "type", "valid_from", "valid_until", "reference", "version", "recorded_at")
        fields.no_others(mapping, allowed)
        version = fields.optional_count(mapping, "version", least=1)
        found = cls(
            party=fields.text(mapping, "party"),
            type=fields.word(mapping, "type", MechanismType),
            valid_from=fields.moment(mapping, "valid_from"),
            valid_until=fields.moment(mapping, "valid_until"),
            id=fields.text(mapping, "id"),
            reference=fields.optional_text(mapping, "reference") or "",
            version=1 if version is None else version,
            recorded_at=fields.optional_moment(mapping, "recorded_at"),
        )
        if not found.reference and found.type is not MechanismType.EXEMPT_SMALL_VOLUME:
            raise FieldError("reference", "is required: the number of the filing, the certificate or the approval")
        if found.valid_until <= found.valid_from:
            raise FieldError("valid_until", "must lie after valid_from")
        if found.type is MechanismType.CERTIFICATION and found.valid_until > _years_after(found.valid_from):
            raise FieldError("valid_until", f"must lie within {CERTIFICATE_YEARS} years: no certificate lasts longer")
        return found

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; what is empty is left out."""
        mapping: dict[str, object] = {
            "id": self.id,
            "party": self.party,
            "type": str(self.type),
            "valid_from": fields.said(self.valid_from),
            "valid_until": fields.said(self.valid_until),
            "version": self.version,
        }
        if self.reference:
            mapping["reference"] = self.reference
        if self.recorded_at is not None:
            mapping["recorded_at"] = fields.said(self.recorded_at)
        return mapping


def export_year(at: datetime, policy: Policy) -> int:
    """Return the year whose counters a moment belongs to: they begin anew on 1 January, China's time."""
    return at.astimezone(policy.time_zone).year


def _reached(people: int | None, line: int | None) -> bool:
    return people is not None and line is not None and people >= line


def _years_after(begin: datetime) -> datetime:
    try:
        return begin.replace(year=begin.year + CERTIFICATE_YEARS)
    except ValueError:  # 29 February
        return begin.replace(year=begin.year + CERTIFICATE_YEARS, month=3, day=1)
