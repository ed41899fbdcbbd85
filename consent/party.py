"""The legal entities that handle personal information, and what happened to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent import fields
from consent.contract import Contract
from consent.errors import FieldError

__all__ = ["HOME", "Contract", "Party", "PartyEvent", "PartyEventType", "Role"]

HOME = "CN"  # ISO 3166; everywhere else is abroad (境外), also HK, MO and TW


class Role(StrEnum):
    """What a party is under the law.

    A handler decides on purpose and method itself (PIPL 73(1)); a joint handler is
    asked the same consent as any other (a policy on PIPL 20); an entrusted party acts
    on instruction (PIPL 21); a foreign authority needs approval first (PIPL 41).
    """

    HANDLER = "handler"
    JOINT = "joint"
    ENTRUSTED = "entrusted"
    FOREIGN_AUTHORITY = "foreign_authority"


@dataclass(frozen=True, slots=True)
class Party:
    """A legal entity, not a brand: group companies are separate handlers.

    Attributes:
        id: name in records.
        legal_name: as registered, and as shown in notices.
        contact: where a person reaches it.
        role: what it is to us.
        country: where it is established (ISO 3166).
        processing_country: where it processes or looks in from, when elsewhere.
        contracts: in any order; one in force is enough.
        sub_processor_of: the entrusted party that engaged it.
        sub_processing_approved: the handler agreed to that (PIPL 21(3)).
        restricted: on the list of PIPL 42.
        version: 1, 2, ...; what changes about a party is a new version.
        recorded_at: when our server took the version in; None is "always known".
    """

    id: str
    legal_name: str = ""
    contact: str = ""
    role: Role = Role.HANDLER
    country: str = HOME
    processing_country: str | None = None
    contracts: tuple[Contract, ...] = ()
    sub_processor_of: str | None = None
    sub_processing_approved: bool = False
    restricted: bool = False
    version: int = 1
    recorded_at: datetime | None = None

    @property
    def abroad(self) -> bool:
        """Whether passing personal information to it is an export (PIPL 38); remote access from abroad is."""
        return self.country != HOME or self.processing_country not in (None, HOME)

    @property
    def entrusted(self) -> bool:
        """Whether it acts on our instruction, so that passing on is no provision (PIPL 21)."""
        return self.role is Role.ENTRUSTED

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Party:
        """Read a stored or submitted party; FieldError names what is wrong."""
        fields.no_others(
            mapping,
            (
                "id", "legal_name", "contact", "role", "country", "processing_country", "contracts",
                "sub_processor_of", "sub_processing_approved", "restricted", "version", "recorded_at",
            ),
        )  # fmt: skip
        version = fields.optional_count(mapping, "version", least=1)
        return cls(
            id=fields.text(mapping, "id"),
            legal_name=fields.optional_text(mapping, "legal_name") or "",
            contact=fields.optional_text(mapping, "contact") or "",
            role=fields.word(mapping, "role", Role),
            country=fields.text(mapping, "country", longest=2),
            processing_country=fields.optional_text(mapping, "processing_country", longest=2),
            contracts=tuple(
                Contract.from_mapping(entry, f"contracts[{position}].")
                for position, entry in enumerate(fields.mappings(mapping, "contracts"))
            ),
            sub_processor_of=fields.optional_text(mapping, "sub_processor_of"),
            sub_processing_approved=fields.flag(mapping, "sub_processing_approved", default=False),
            restricted=fields.flag(mapping, "restricted", default=False),
            version=1 if version is None else version,
            recorded_at=fields.optional_moment(mapping, "recorded_at"),
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; what is empty is left out."""
        mapping: dict[str, object] = {
            "id": self.id,
            "legal_name": self.legal_name,
            "contact": self.contact,
            "role": str(self.role),
            "country": self.country,
            "processing_country": self.processing_country,
            "contracts": [contract.to_mapping() for contract in self.contracts],
            "sub_processor_of": self.sub_processor_of,
            "sub_processing_approved": self.sub_processing_approved,
            "restricted": self.restricted,
            "version": self.version,
            "recorded_at": None if self.recorded_at is None else fields.said(self.recorded_at),
        }
        return {name: entry for name, entry in mapping.items() if entry not in ("", None)}


class PartyEventType(StrEnum):
    """What can happen to a recipient, for everybody at once."""

    SUSPENDED = "recipient_suspended"
    REINSTATED = "recipient_reinstated"
    SUCCEEDED = "recipient_succeeded"
    SCOPE_CHANGED = "recipient_scope_changed"
    AUTHORITY_APPROVAL = "competent_authority_approval"
    INSPECTED = "recipient_inspected"
    DELETION_CERTIFIED = "recipient_deletion_certified"


@dataclass(frozen=True, slots=True)
class PartyEvent:
    """Something that happened to a recipient.

    Attributes:
        type: what.
        at: when it happened.
        recorded_at: when we came to know.
        party: to whom; of a succession, who handed over.
        to: of a succession, who took over (PIPL 22).
        notified: of a succession, whether people were told of name and contact.
        purposes: of a scope change, which purposes it touches; empty is all.
        methods: of a scope change, which methods it touches; empty is all.
        until: of an approval, its end; None is open.
        id: name in records.
        notice: of a succession that people were told of, the notice `id@version` that told them.
        evidence: where it is shown, such as the number of a report, an approval or a certificate of deletion.
    """

    type: PartyEventType
    at: datetime
    recorded_at: datetime
    party: str
    to: str | None = None
    notified: bool = False
    purposes: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    until: datetime | None = None
    id: str = ""
    notice: str | None = None
    evidence: str = ""

    def __post_init__(self) -> None:
        """A succession has two ends."""
        if (self.type is PartyEventType.SUCCEEDED) != (self.to is not None):
            raise FieldError("to", "a succession, and only a succession, names who took over")

    @property
    def earlier(self) -> datetime:
        """When it counts if it protects people."""
        return min(self.at, self.recorded_at)

    @property
    def later(self) -> datetime:
        """When it counts if it allows something."""
        return max(self.at, self.recorded_at)

    def holds(self, at: datetime) -> bool:
        """Return whether what it allows is allowed at a time; its end is exclusive."""
        return self.later <= at and (self.until is None or at < self.until)

    def touches(self, purpose: str, method: str) -> bool:
        """Return whether a change of scope is about a purpose and a method; what it leaves open is any."""
        return (not self.purposes or purpose in self.purposes) and (not self.methods or method in self.methods)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> PartyEvent:
        """Read a stored or submitted event; FieldError names what is wrong."""
        allowed = ("id", "type", "at", "recorded_at", "party", "evidence")
        kind = fields.word(mapping, "type", PartyEventType)
        fields.no_others(mapping, (*allowed, *_OWN_FIELDS.get(kind, ())))
        at = fields.moment(mapping, "at")
        return cls(
            type=kind,
            at=at,
            recorded_at=fields.optional_moment(mapping, "recorded_at") or at,
            party=fields.text(mapping, "party"),
            to=fields.optional_text(mapping, "to"),
            notified=fields.flag(mapping, "notified", default=False),
            purposes=frozenset(fields.texts(mapping, "purposes")),
            methods=frozenset(fields.texts(mapping, "methods")),
            until=fields.optional_moment(mapping, "until"),
            id=fields.text(mapping, "id"),
            notice=fields.optional_text(mapping, "notice"),
            evidence=fields.optional_text(mapping, "evidence", longest=4000) or "",
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; what is empty is left out."""
        mapping: dict[str, object] = {
            "id": self.id,
            "type": str(self.type),
            "at": fields.said(self.at),
            "recorded_at": fields.said(self.recorded_at),
            "party": self.party,
            "to": self.to,
            "notified": self.notified or None,
            "purposes": sorted(self.purposes) or None,
            "methods": sorted(self.methods) or None,
            "until": None if self.until is None else fields.said(self.until),
            "notice": self.notice,
            "evidence": self.evidence or None,
        }
        return {name: entry for name, entry in mapping.items() if entry is not None}


_OWN_FIELDS = {
    PartyEventType.SUCCEEDED: ("to", "notified", "notice"),
    PartyEventType.SCOPE_CHANGED: ("purposes", "methods"),
    PartyEventType.AUTHORITY_APPROVAL: ("until",),
}
