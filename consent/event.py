"""Consent events: what a person, a guardian, an authority or we did, with two clocks.

`at` is when it happened, `recorded_at` when we came to know. What allows counts from
the later of the two, what protects from the earlier. Events are never changed or
deleted, only followed by others; one act may create many items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from consent import fields
from consent.errors import FieldError
from consent.proof import PROOF_FIELDS, Proof, read_proof


class EventType(StrEnum):
    """What happened to one person's consent, rights or record."""

    REQUESTED = "consent_requested"
    DEFERRED = "consent_deferred"
    GIVEN = "consent_given"
    REFUSED = "consent_refused"
    WITHDRAWN = "consent_withdrawn"
    INVALIDATED = "consent_invalidated"
    REVOKED = "consent_revoked_by_handler"
    USED = "consent_used"
    BIRTHDATE = "birthdate_recorded"
    DECEASED = "subject_deceased"
    MERGED = "identity_merged"
    UNMERGED = "identity_unmerged"
    COLLECTED = "collected"
    STATUTORY_HOLD = "statutory_hold"
    DELETION = "deletion_requested"
    RESTRICTION = "restriction_requested"
    CLOSURE = "account_closed"
    OPT_OUT = "personalisation_opt_out"
    OPT_IN = "personalisation_opt_in"
    PUBLIC_INFO_REFUSED = "public_info_refused"
    INTEGRITY_ALERT = "integrity_alert"
    INTEGRITY_CLEARED = "integrity_cleared"


class Actor(StrEnum):
    """Who acted."""

    SUBJECT = "subject"
    GUARDIAN = "guardian"
    STAFF = "staff"


class Mode(StrEnum):
    """How the yes came about; only `explicit` is a consent (PIPL 14)."""

    EXPLICIT = "explicit"
    PRETICKED = "preticked"
    BUNDLED = "bundled"
    IMPLIED = "implied"
    COERCED = "coerced"
    MISLED = "misled"


class Form(StrEnum):
    """The form of a consent; written counts as separate (单独同意)."""

    GENERAL = "general"
    SEPARATE = "separate"
    WRITTEN = "written"


@dataclass(frozen=True, slots=True)
class ConsentItem:
    """One processing that was agreed to.

    Attributes:
        purpose: for what.
        categories: which categories; at least one.
        methods: by which methods; at least one.
        recipients: party ids named to the person; empty when nobody else receives anything.
        form: general, separate or written.
    """

    purpose: str
    categories: tuple[str, ...]
    methods: tuple[str, ...]
    recipients: tuple[str, ...]
    form: Form

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], path: str = "") -> ConsentItem:
        """Read an item; FieldError names what is wrong."""
        fields.no_others(mapping, ("purpose", "categories", "methods", "recipients", "form"), path)
        return cls(
            purpose=fields.text(mapping, "purpose", path),
            categories=fields.texts(mapping, "categories", path, least=1),
            methods=fields.texts(mapping, "methods", path, least=1),
            recipients=fields.texts(mapping, "recipients", path),
            form=fields.word(mapping, "form", Form, path),
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads."""
        return {
            "purpose": self.purpose,
            "categories": list(self.categories),
            "methods": list(self.methods),
            "recipients": list(self.recipients),
            "form": str(self.form),
        }


_COMMON = {"event_id", "type", "at", "recorded_at", "subject", "handler", "channel"}
_ACT = {"consent_id", "notice", "by", "guardian_verified", "mode", "evidence", "valid_until", "max_uses", "items"}
_SCOPE = {"consent_id", "purpose", "recipient", "category", "categories", "method"}
_PROOF = set(PROOF_FIELDS)

FIELDS: Mapping[EventType, frozenset[str]] = {
    kind: frozenset(_COMMON | extra)
    for kind, extra in {
        EventType.REQUESTED: _SCOPE | _PROOF | {"notice"},
        EventType.DEFERRED: _SCOPE | _PROOF | {"notice"},
        EventType.GIVEN: _ACT | _PROOF,
        EventType.REFUSED: _SCOPE | _PROOF | {"notice", "by"},
        EventType.WITHDRAWN: _SCOPE | _PROOF | {"by"},
        EventType.INVALIDATED: _SCOPE,
        EventType.REVOKED: _SCOPE,
        EventType.USED: {"consent_id"},
        EventType.BIRTHDATE: {"birthdate"},
        EventType.DECEASED: set[str](),
        EventType.MERGED: {"subjects"},
        EventType.UNMERGED: {"subjects"},
        EventType.COLLECTED: {"category", "categories", "retention_until"},
        EventType.STATUTORY_HOLD: {"category", "categories", "until"},
        EventType.DELETION: _SCOPE | _PROOF | {"by"},
        EventType.RESTRICTION: _SCOPE | _PROOF | {"by", "until"},
        EventType.CLOSURE: _PROOF | {"by"},
        EventType.OPT_OUT: _SCOPE | _PROOF | {"by"},
        EventType.OPT_IN: _SCOPE | _PROOF | {"by"},
        EventType.PUBLIC_INFO_REFUSED: _SCOPE | _PROOF | {"by"},
        EventType.INTEGRITY_ALERT: set[str](),
        EventType.INTEGRITY_CLEARED: set[str](),
    }.items()
}
"""The fields that an event of each type may have."""

_REQUIRED: Mapping[EventType, tuple[str, ...]] = {
    kind: ("event_id", "at", "subject", *extra)
    for kind, extra in {
        **dict.fromkeys(EventType, ()),
        EventType.REQUESTED: ("handler",),
        EventType.DEFERRED: ("handler",),
        EventType.GIVEN: ("handler", "consent_id", "by", "mode", "evidence", "items"),
        EventType.REFUSED: ("handler",),
        EventType.WITHDRAWN: ("handler",),
        EventType.INVALIDATED: ("handler",),
        EventType.REVOKED: ("handler",),
        EventType.USED: ("consent_id",),
        EventType.BIRTHDATE: ("birthdate",),
        EventType.MERGED: ("subjects",),
    }.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    """One event of one person.

    Attributes:
        event_id: unique; the same id again is a replay.
        type: what happened.
        at: when it happened, by the clock of the device or the date on the paper.
        recorded_at: when our server took it in.
        subject: pseudonymous reference of the person.
        handler: to whom it was said; None of a right means every handler.
        consent_id: the consent that this act gives, or that is meant; None of a withdrawal means any.
        notice: `id@version` of what was shown.
        by: who acted.
        guardian_verified: the guardian's identity and relation were proven (PIPL 31).
        mode: how the yes came about.
        evidence: the proof of the act is kept (PIPL 69); without it there is no consent.
        channel: where it happened; no rule asks.
        valid_until: first moment the consent holds no more.
        max_uses: how often it may be used.
        items: what was agreed to; only of a grant.
        purpose: scope of a withdrawal, refusal, restriction...; None is any.
        recipient: scope; None is any.
        categories: scope; empty is any.
        method: scope; None is any.
        birthdate: day of birth, local calendar.
        retention_until: first moment the collected categories may be kept no more; None when no end was told.
        until: end of a statutory hold or of a restriction; None is open.
        subjects: the people whom a merge joins or an unmerge parts.
        proof: where the proof of the act lies; among the event's own fields in JSON.
    """

    event_id: str
    type: EventType
    at: datetime
    recorded_at: datetime
    subject: str
    handler: str | None = None
    consent_id: str | None = None
    notice: str | None = None
    by: Actor | None = None
    guardian_verified: bool = False
    mode: Mode | None = None
    evidence: bool = False
    channel: str | None = None
    valid_until: datetime | None = None
    max_uses: int | None = None
    items: tuple[ConsentItem, ...] = ()
    purpose: str | None = None
    recipient: str | None = None
    categories: tuple[str, ...] = ()
    method: str | None = None
    birthdate: date | None = None
    retention_until: datetime | None = None
    until: datetime | None = None
    subjects: tuple[str, ...] = ()
    proof: Proof | None = None

    @property
    def earlier(self) -> datetime:
        """When it counts if it protects the person."""
        return self.at if self.at < self.recorded_at else self.recorded_at

    @property
    def later(self) -> datetime:
        """When it counts if it allows something."""
        return self.recorded_at if self.at < self.recorded_at else self.at

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], *, recorded_at: datetime | None = None) -> ConsentEvent:
        """Read an event strictly: unknown, missing and misplaced fields are refused.

        Args:
            mapping: as JSON gives it; times are ISO 8601 with an offset.
            recorded_at: when our server took it in. None for a stored event, which carries its own;
                an event from outside may carry one only if it is the same.

        Raises:
            FieldError: names the field, never its value.
        """
        kind = fields.word(mapping, "type", EventType)
        fields.no_others(mapping, FIELDS[kind])
        for name in _REQUIRED[kind]:
            if mapping.get(name) is None:
                raise FieldError(name, f"is required of {kind}")
        read: dict[str, Any] = {
            name: _READERS[name](mapping, name)
            for name, stated in mapping.items()
            if stated is not None and name in _READERS
        }
        if "category" in read:
            if "categories" in read:
                raise FieldError("category", "and categories say the same; give one of them")
            read["categories"] = (read.pop("category"),)
        if kind is EventType.GIVEN and not read["items"]:
            raise FieldError("items", "must name at least one processing")
        if kind is EventType.MERGED and len(read["subjects"]) < 2:
            raise FieldError("subjects", "must name the people joined, at least two")
        return cls(type=kind, recorded_at=_recorded_at(mapping, recorded_at), proof=read_proof(mapping), **read)

    def said_again(
        self,
        *,
        event_id: str,
        subject: str,
        at: datetime,
        recorded_at: datetime,
        consent_id: str | None,
        valid_until: datetime | None,
        proof: Proof | None,
    ) -> ConsentEvent:
        """Return the same act of another person: the same words at another time, with ids and a proof of its own."""
        return ConsentEvent(
            event_id=event_id,
            type=self.type,
            at=at,
            recorded_at=recorded_at,
            subject=subject,
            handler=self.handler,
            consent_id=consent_id,
            notice=self.notice,
            by=self.by,
            guardian_verified=self.guardian_verified,
            mode=self.mode,
            evidence=self.evidence,
            channel=self.channel,
            valid_until=valid_until,
            max_uses=self.max_uses,
            items=self.items,
            purpose=self.purpose,
            recipient=self.recipient,
            categories=self.categories,
            method=self.method,
            birthdate=self.birthdate,
            retention_until=self.retention_until,
            until=self.until,
            subjects=self.subjects,
            proof=proof,
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; fields that say nothing are left out."""
        return {**self.content(), "recorded_at": fields.said(self.recorded_at)}

    def content(self) -> dict[str, object]:
        """Return `to_mapping` without `recorded_at`: equal for an act and for its replay."""
        mapping: dict[str, object] = {
            "event_id": self.event_id,
            "type": str(self.type),
            "at": fields.said(self.at),
            "subject": self.subject,
        }
        for name in ("handler", "consent_id", "notice", "channel", "max_uses", "purpose", "recipient", "method"):
            found = getattr(self, name)
            if found is not None:
                mapping[name] = found
        for name in ("valid_until", "retention_until", "until"):
            time: datetime | None = getattr(self, name)
            if time is not None:
                mapping[name] = fields.said(time)
        if self.by is not None:
            mapping["by"] = str(self.by)
        if self.mode is not None:
            mapping["mode"] = str(self.mode)
        if self.type is EventType.GIVEN:
            mapping["evidence"] = self.evidence
            mapping["items"] = [item.to_mapping() for item in self.items]
        if self.guardian_verified:
            mapping["guardian_verified"] = True
        if self.categories:
            mapping["categories"] = list(self.categories)
        if self.birthdate is not None:
            mapping["birthdate"] = self.birthdate.isoformat()
        if self.subjects:
            mapping["subjects"] = list(self.subjects)
        if self.proof is not None:
            mapping.update(self.proof.to_mapping())
        return mapping


def _recorded_at(mapping: Mapping[str, object], taken_in: datetime | None) -> datetime:
    if taken_in is None:
        return fields.moment(mapping, "recorded_at")
    stated = fields.optional_moment(mapping, "recorded_at")
    if stated not in (None, taken_in):
        raise FieldError("recorded_at", "is set by the server that records; leave it out")
    try:
        return fields.in_utc(taken_in)
    except ValueError as error:
        raise FieldError("recorded_at", "must be a time with an offset") from error


def _notice(mapping: Mapping[str, object], name: str) -> str:
    notice = fields.text(mapping, name)
    reference, at_sign, version = notice.rpartition("@")
    if not (reference and at_sign and version.isascii() and version.isdigit()):
        raise FieldError(name, "must name a version, such as N-SHARE@1")
    return notice


def _items(mapping: Mapping[str, object], name: str) -> tuple[ConsentItem, ...]:
    return tuple(
        ConsentItem.from_mapping(entry, f"{name}[{position}].")
        for position, entry in enumerate(fields.mappings(mapping, name))
    )


_READERS: Mapping[str, Callable[[Mapping[str, object], str], object]] = {
    **dict.fromkeys(
        ("event_id", "subject", "handler", "consent_id", "channel", "purpose", "recipient", "category", "method"),
        fields.text,
    ),
    **dict.fromkeys(("at", "valid_until", "retention_until", "until"), fields.moment),
    **dict.fromkeys(("categories", "subjects"), fields.texts),
    **dict.fromkeys(("guardian_verified", "evidence"), fields.flag),
    "notice": _notice,
    "by": lambda mapping, name: fields.word(mapping, name, Actor),
    "mode": lambda mapping, name: fields.word(mapping, name, Mode),
    "max_uses": lambda mapping, name: fields.optional_count(mapping, name, least=1),
    "items": _items,
    "birthdate": fields.day,
}
"""How each field is read where it is stated; `type` and `recorded_at` are read apart."""
