"""The registry part of a document of worked cases (`consent.cases`): fixtures, and events for everybody.

What the document does not repeat, the texts of notices, is taken as attested by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from consent import fields
from consent.assessment import Assessment
from consent.basis import BasisRule
from consent.errors import FieldError
from consent.mechanism import ExportMechanism, MechanismType
from consent.notice import Notice, NoticeState, RecipientTold
from consent.party import Contract, Party, PartyEvent, PartyEventType, Role
from consent.policy import CHINA_STANDARD_TIME, Policy
from consent.purpose import METHODS, Category, Method, Purpose
from consent.registry import Registry

Json = Mapping[str, object]

NOTICE_PUBLISHED = "notice_published"
PIA_APPROVED = "pia_approved"
PARTY_EVENTS = frozenset(map(str, PartyEventType))
REGISTRY_EVENTS = PARTY_EVENTS | {NOTICE_PUBLISHED, PIA_APPROVED}
"""The types of event that concern everybody."""

_EVERY_EVENT = frozenset({"type", "at", "recorded_at", "subject", "handler", "note"})
REGISTRY_EVENT_FIELDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **dict.fromkeys(PARTY_EVENTS, _EVERY_EVENT | {"recipient", "purposes", "methods", "until"}),
        str(PartyEventType.SUCCEEDED): _EVERY_EVENT | {"from", "to", "notified"},
        NOTICE_PUBLISHED: _EVERY_EVENT | {"notice", "version", "contents", "material_for", "effective_at"},
        PIA_APPROVED: _EVERY_EVENT | {"pia"},
    }
)
"""What they may say; persons and handlers are named in some for the reader's sake."""

ATTESTED = "attested by the document"
_NOTHING: Json = MappingProxyType({})


class _Told(NamedTuple):
    """What a notice speaks of, as ids."""

    purposes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


def registry_of(fixtures: Json, events: Iterable[tuple[str, Json]]) -> Registry:
    """Build the registry of one case.

    Args:
        fixtures: the shared registry of the document.
        events: path and mapping of the case's events of types REGISTRY_EVENTS.

    Raises:
        FieldError: names the place in the document.
    """
    methods = fields.texts(fixtures, "methods", "fixtures.") if "methods" in fixtures else tuple(METHODS)
    parties = [_party(name, party, path) for name, party, path in _named(fixtures, "parties")]
    purposes = [
        Purpose(
            id=name,
            text=fields.optional_text(purpose, "zh", path) or "",
            automated=fields.flag(purpose, "adm", path, default=False),
            personalised_marketing=fields.flag(purpose, "adm_marketing", path, default=False),
        )
        for name, purpose, path in _named(fixtures, "purposes")
    ]
    categories = [
        Category(
            id=name,
            text=fields.optional_text(category, "zh", path) or "",
            sensitive=fields.flag(category, "sensitive", path, default=False),
            written=fields.flag(category, "written_required", path, default=False),
            anonymous_if_group=fields.flag(category, "anonymous_if_k", path, default=False),
            base=fields.optional_text(category, "base", path),
            derived_from=fields.texts(category, "derived_from", path),
        )
        for name, category, path in _named(fixtures, "categories")
    ]
    # What a document attests is told of everything.
    told = _Told(tuple(purpose.id for purpose in purposes), methods, tuple(category.id for category in categories))
    notices = {
        name: _notice(name, fields.texts(notice, "contents", path), parties, told, path[:-1])
        for name, notice, path in _named(fixtures, "notices")
    }
    assessments = [_assessment(pia, path) for path, pia in _numbered(fixtures, "pias")]
    party_events: list[PartyEvent] = []
    for path, event in events:
        kind = fields.text(event, "type", path)
        if kind == NOTICE_PUBLISHED:
            notice = _published(event, path, notices, parties, told)
            notices[notice.reference] = notice
        elif kind == PIA_APPROVED:
            assessments.append(_assessment(fields.mapping(event, "pia", path), path + "pia.", _clocks(event, path)))
        else:
            party_events += _party_events(PartyEventType(kind), event, path, parties)
    return Registry.of(
        purposes=purposes,
        categories=categories,
        methods=[METHODS.get(name, Method(name)) for name in methods],
        parties=parties,
        notices=notices.values(),
        assessments=assessments,
        party_events=party_events,
        mechanisms=[
            ExportMechanism(
                party=fields.text(mechanism, "party", path),
                type=fields.word(mechanism, "type", MechanismType, path),
                valid_from=fields.moment(mechanism, "from", path),
                valid_until=fields.moment(mechanism, "to", path),
            )
            for path, mechanism in _numbered(fixtures, "mechanisms")
        ],
        basis_rules=[
            BasisRule(
                basis=fields.text(rule, "basis", path),
                purpose=fields.text(rule, "purpose", path),
                recipients=fields.parties(rule, "recipients", path),
                categories=frozenset(fields.texts(rule, "categories", path)),
            )
            for path, rule in _numbered(fixtures, "basis_rules")
        ],
        policy=_policy(fixtures),
    )


def _policy(fixtures: Json) -> Policy:
    usual, path = Policy(), "fixtures.policy."
    stated = fields.mapping(fixtures, "policy", "fixtures.") if "policy" in fixtures else _NOTHING

    def number(name: str, default: int) -> int:
        found = fields.optional_count(stated, name, path)
        return default if found is None else found

    return Policy(
        clock_tolerance=timedelta(seconds=number("clock_skew_tolerance_s", int(usual.clock_tolerance.total_seconds()))),
        smallest_group=number("k_min", usual.smallest_group),
        reprompt_cooldown=timedelta(days=number("reprompt_cooldown_days", usual.reprompt_cooldown.days)),
        small_volume_limit=number("small_volume_limit", usual.small_volume_limit),
        time_zone=_time_zone(fields.optional_text(fixtures, "timezone", "fixtures.")),
    )


def _time_zone(name: str | None) -> tzinfo:
    # China keeps one offset all year; no time zone database is needed for it.
    if name is None or name == CHINA_STANDARD_TIME.tzname(None):
        return CHINA_STANDARD_TIME
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise FieldError("fixtures.timezone", "is no time zone known here") from None


def _party(name: str, party: Json, path: str) -> Party:
    contracts = []
    if party.get("contract") is not None:
        contract, inside = fields.mapping(party, "contract", path), path + "contract."
        contracts.append(
            Contract(
                valid_from=fields.moment(contract, "from", inside),
                valid_until=fields.moment(contract, "to", inside),
                purposes=frozenset(fields.texts(contract, "purposes", inside)),
            )
        )
    return Party(
        id=name,
        legal_name=fields.optional_text(party, "name", path) or "",
        contact=fields.optional_text(party, "contact", path) or "",
        role=fields.word(party, "role", Role, path),
        country=fields.text(party, "country", path),
        processing_country=fields.optional_text(party, "processing_country", path),
        contracts=tuple(contracts),
        sub_processor_of=fields.optional_text(party, "sub_processor_of", path),
        sub_processing_approved=fields.flag(party, "sub_processing_approved", path, default=False),
        restricted=fields.flag(party, "restricted_list", path, default=False),
    )


def _party_events(kind: PartyEventType, event: Json, path: str, parties: list[Party]) -> list[PartyEvent]:
    """One event; an approval that names no recipient is for every foreign authority of the document."""
    at, recorded_at = _clocks(event, path)
    succession = kind is PartyEventType.SUCCEEDED
    field = "from" if succession else "recipient"
    named = [fields.text(event, field, path)] if field in event or kind is not PartyEventType.AUTHORITY_APPROVAL else []
    return [
        PartyEvent(
            type=kind,
            at=at,
            recorded_at=recorded_at,
            party=party,
            to=fields.text(event, "to", path) if succession else None,
            notified=fields.flag(event, "notified", path, default=False),
            purposes=frozenset(fields.texts(event, "purposes", path)),
            methods=frozenset(fields.texts(event, "methods", path)),
            until=fields.optional_moment(event, "until", path),
        )
        for party in named or [party.id for party in parties if party.role is Role.FOREIGN_AUTHORITY]
    ]


def _assessment(pia: Json, path: str, clocks: tuple[datetime, datetime] | None = None) -> Assessment:
    """An assessment of the fixtures, always known; or one of an event, which counts from its clocks at the earliest."""
    approved_at = fields.optional_moment(pia, "approved_at", path)
    at, recorded_at = clocks or (approved_at, None)
    begins = max((time for time in (approved_at, at) if time is not None), default=None)
    if begins is None:
        raise FieldError(path + "approved_at", "is required")
    return Assessment(
        id=fields.text(pia, "id", path),
        approved_at=begins,
        purposes=frozenset(fields.texts(pia, "purposes", path)),
        recipients=fields.parties(pia, "recipients", path),
        methods=frozenset(fields.texts(pia, "methods", path)),
        covers_sensitive=fields.flag(pia, "covers_sensitive", path, default=False),
        next_review=fields.optional_moment(pia, "next_review", path),
        recorded_at=recorded_at,
    )


def _notice(reference: str, contents: tuple[str, ...], parties: list[Party], told: _Told, field: str) -> Notice:
    """A published notice with the contents that the document attests, about every party."""
    name, at_sign, version = reference.rpartition("@")
    if not (name and at_sign and version.isascii() and version.isdigit()):
        raise FieldError(field, "must name a version, such as N-SHARE@1")

    def shown(article: str) -> str:
        return ATTESTED if article in contents else ""

    general, sensitive = shown("art17"), shown("art30")
    listed = told if general else _Told()
    named = parties if "art23" in contents or "art39" in contents else []
    return Notice(
        id=name,
        version=int(version),
        text=general,
        handler_name=general,
        handler_contact=general,
        purposes=listed.purposes,
        categories=listed.categories,
        methods=listed.methods,
        retention=general,
        after_retention=general,
        rights_channel=general,
        withdrawal_channel=general,
        closure_channel=general,
        necessity=sensitive,
        impact=sensitive,
        recipients=tuple(
            RecipientTold(party.id, ATTESTED, ATTESTED, *told, rights_channel=shown("art39")) for party in named
        ),
        state=NoticeState.PUBLISHED,
    )


def _published(event: Json, path: str, notices: Mapping[str, Notice], parties: list[Party], told: _Told) -> Notice:
    at, recorded_at = _clocks(event, path)
    version = fields.optional_count(event, "version", path, least=1)
    name = fields.text(event, "notice", path)
    if "@" not in name:
        # Published without a number, it is the version after the last.
        latest = max((notice.version for notice in notices.values() if notice.id == name), default=0)
        name = f"{name}@{latest + 1 if version is None else version}"
    notice = notices.get(name) or _notice(name, fields.texts(event, "contents", path), parties, told, path + "notice")
    return replace(
        notice,
        material_for=fields.texts(event, "material_for", path),
        published_at=at,
        # To bind people anew protects them: without a date of its own it counts from the earlier clock.
        effective_at=fields.optional_moment(event, "effective_at", path) or min(at, recorded_at),
        recorded_at=recorded_at,
    )


def _clocks(event: Json, path: str) -> tuple[datetime, datetime]:
    at = fields.moment(event, "at", path)
    return at, fields.optional_moment(event, "recorded_at", path) or at


def _named(fixtures: Json, name: str) -> Iterator[tuple[str, Json, str]]:
    for key, entry in fields.mapping(fixtures, name, "fixtures.").items():
        path = f"fixtures.{name}.{key}."
        if not isinstance(entry, Mapping):
            raise FieldError(path[:-1], "must be an object")
        yield key, entry, path


def _numbered(fixtures: Json, name: str) -> Iterator[tuple[str, Json]]:
    for position, entry in enumerate(fields.mappings(fixtures, name, "fixtures.")):
        yield f"fixtures.{name}[{position}].", entry
