"""Contracts in writing with those who receive personal information (NDSR 12, PIPL 20 and 21)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent import fields


class ContractType(StrEnum):
    """What a contract is about: the model contracts for passing on, entrusting and handling together."""

    PROVISION = "provision"
    ENTRUSTMENT = "entrustment"
    JOINT = "joint"


_EVERY_CONTRACT = ("id", "purposes", "methods", "categories", "security_duties", "supervision")
"""NDSR 12: purpose, method, scope and security duties, and how the recipient is supervised."""

_BY_TYPE = {
    ContractType.PROVISION: (),
    ContractType.ENTRUSTMENT: ("return_or_deletion",),  # PIPL 21(2)
    ContractType.JOINT: ("rights_routing", "incident_duties"),  # PIPL 20
}
_LISTS = ("purposes", "methods", "categories")
_TEXTS = ("id", "security_duties", "supervision", "return_or_deletion", "rights_routing", "incident_duties")


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract in writing with a recipient (NDSR 12), an entrusted party (PIPL 21) or a joint handler (PIPL 20).

    Attributes:
        valid_from: first moment it holds.
        valid_until: first moment it holds no more.
        purposes: what it is for; binding for an entrusted party.
        id: name in the house's files, e.g. of an agreement.
        type: what it is about; None is unsaid.
        methods: by which methods; binding for an entrusted party, empty is unsaid.
        categories: of what; binding for an entrusted party, empty is unsaid.
        security_duties: what protection it asks for.
        supervision: how its keeping is watched.
        return_or_deletion: what happens at its end.
        rights_routing: of joint handlers, who answers people.
        incident_duties: of joint handlers, who does what after a breach.
        recorded_at: when our server took it in by itself, which is no part of what it says; None is "with its party".
    """

    valid_from: datetime
    valid_until: datetime
    purposes: frozenset[str] = frozenset()
    id: str = ""
    type: ContractType | None = None
    methods: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    security_duties: str = ""
    supervision: str = ""
    return_or_deletion: str = ""
    rights_routing: str = ""
    incident_duties: str = ""
    recorded_at: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        """Return whether the contract holds at a time; its end is exclusive."""
        return self.valid_from <= at < self.valid_until

    def instructs(self, purpose: str, category: str, method: str) -> bool:
        """Return whether it lets an entrusted party act so (PIPL 21(2)): methods and categories bind where it says."""
        return (
            purpose in self.purposes
            and (not self.categories or category in self.categories)
            and (not self.methods or method in self.methods)
        )

    def says_all_of(self, other: Contract) -> bool:
        """Return whether it lets an entrusted party do whatever another contract does."""
        return other.purposes <= self.purposes and all(
            not own or (theirs and theirs <= own)
            for own, theirs in ((self.categories, other.categories), (self.methods, other.methods))
        )

    def missing(self) -> tuple[str, ...]:
        """Return what the law asks the contract to say and it leaves out."""
        if self.type is None:
            return ("type",)
        return tuple(name for name in (*_EVERY_CONTRACT, *_BY_TYPE[self.type]) if not getattr(self, name))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], path: str = "") -> Contract:
        """Read a contract; FieldError names what is wrong."""
        fields.no_others(mapping, ("valid_from", "valid_until", "type", *_LISTS, *_TEXTS), path)
        words = {name: fields.optional_text(mapping, name, path, longest=4000) or "" for name in _TEXTS[1:]}
        return cls(
            valid_from=fields.moment(mapping, "valid_from", path),
            valid_until=fields.moment(mapping, "valid_until", path),
            purposes=frozenset(fields.texts(mapping, "purposes", path)),
            id=fields.optional_text(mapping, "id", path) or "",
            type=None if mapping.get("type") is None else fields.word(mapping, "type", ContractType, path),
            methods=frozenset(fields.texts(mapping, "methods", path)),
            categories=frozenset(fields.texts(mapping, "categories", path)),
            **words,
            recorded_at=None,
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; what is empty is left out."""
        mapping: dict[str, object] = {
            "valid_from": fields.said(self.valid_from),
            "valid_until": fields.said(self.valid_until),
            "purposes": sorted(self.purposes),
        }
        for name in ("methods", "categories"):
            if getattr(self, name):
                mapping[name] = sorted(getattr(self, name))
        if self.type is not None:
            mapping["type"] = str(self.type)
        return mapping | {name: getattr(self, name) for name in _TEXTS if getattr(self, name)}
