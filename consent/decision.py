"""Decisions on record: what each rests on, and an id by which the same decision is known again.

The id is a digest of the question and of everything that was weighed: what the person said, as known then, what was
registered of all that the question touches, the numbers of the house and the rule itself. Asked again at any later
time, with the same `at` and `as_known_at`, the same question has the same id, whatever was recorded since. A
partner's card alone carries no time of recording: where a new card names another country, the answer and its id change.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b32encode
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol

from consent import fields
from consent.assessment import Assessment
from consent.event import EventType
from consent.history import History, known, members
from consent.matter import Matter
from consent.mechanism import Exported
from consent.notice import Notice
from consent.party import PartyEventType, Role
from consent.policy import Policy
from consent.question import Decision, Kind, Question, Use
from consent.reason import ReasonCode
from consent.record import FOREVER
from consent.registry import Registry
from consent.standing import assessment, basis_rule, contract, unregistered, way_out

RULE_VERSION = 2
"""Grows with every change of the rule that changes an answer."""

ID_LENGTH = 26

_DECIDED = (
    "reason_code", "consent_id", "notice", "consent_item_no", "decision_id", "notice_hash", "contract_id",
    "mechanism_id", "assessment_id", "basis_rule_id", "policy_version", "registry_version",
)  # fmt: skip
_TIMES = ("decided_at", "as_known_at", "expires_at")


def on_record(decision: Decision, question: Question, history: History, registry: Registry) -> Decision:
    """Return a decision with its id and everything that it rests on.

    Args:
        decision: the answer of `may_use`.
        question: that it answers.
        history: by which it was answered.
        registry: likewise.
    """
    everybody = members(history, question.at, question.as_known_at)
    matter = None if unregistered(question, registry) is not None else Matter.of(question, history, registry)
    registered = _digest("registry", _registered(question, matter, registry))[:ID_LENGTH]
    numbers = policy_version(registry.policy)
    weighed = {
        "question": asked(question),
        "events": sorted({event.event_id for one in everybody for event in known(one, question.as_known_at)}),
        "registry": registered,
        "policy": numbers,
    }
    notice = _shown(decision, registry)
    return replace(
        _resting(decision, question, matter),
        decision_id=_digest("decision", weighed)[:ID_LENGTH],
        notice_hash=None if notice is None else notice.content_hash(),
        policy_version=numbers,
        registry_version=registered,
        expires_at=_after(question.at, registry.policy.decision_lifetime),
    )


@dataclass(frozen=True, slots=True)
class Ground:
    """What uses of many people's information rest on, whoever they are.

    Attributes:
        policy_version: the rule and the numbers of the house.
        registry_version: digest of what was registered of all that the uses touch; notices are each person's own.
        assessments: the impact assessments that cover them, each once.
        mechanisms: the ways out of the country that carry them, `id@version`, each once.
    """

    policy_version: str
    registry_version: str
    assessments: tuple[Assessment, ...]
    mechanisms: tuple[str, ...]


def ground(uses: Sequence[Use], at: datetime, registry: Registry, exported: Exported) -> Ground:
    """Return what uses rested on at a moment, by what was known then; asked again later it is the same.

    Args:
        uses: in any order.
        at: the moment.
        registry: the snapshot to judge by.
        exported: how many people's information had gone abroad in the year of that moment.
    """
    registered: list[str] = []
    assessments: dict[str, Assessment] = {}
    mechanisms: dict[str, None] = {}
    for use in uses:
        question = Question(
            subject="",
            use=use,
            at=at,
            as_known_at=at,
            exported_this_year=exported.people,
            sensitive_exported_this_year=exported.sensitive,
        )
        known_then = unregistered(question, registry) is None
        matter = Matter.of(question, History("", ()), registry) if known_then else None
        registered.append(_digest("registry", _registered(question, matter, registry)))
        assessed = None if matter is None else assessment(matter)
        way = None if matter is None else _way_out(matter)
        if assessed is not None:
            assessments[assessed.id] = assessed
        if way is not None:
            mechanisms[way] = None
    return Ground(
        policy_version=policy_version(registry.policy),
        registry_version=_digest("ground", {"uses": sorted(registered)})[:ID_LENGTH],
        assessments=tuple(assessments.values()),
        mechanisms=tuple(mechanisms),
    )


def asked(question: Question) -> dict[str, object]:
    """Return a question as a JSON object; what is not said is null."""
    use = question.use
    return {
        "kind": str(question.kind),
        "subject": question.subject,
        "handler": use.handler,
        "recipient": use.recipient,
        "purpose": use.purpose,
        "category": use.category,
        "method": use.method,
        "basis": use.basis,
        "at": fields.said(question.at),
        "as_known_at": fields.said(question.as_known_at),
        "group_size": question.group_size,
        "linkable": question.linkable,
        "exported_this_year": question.exported_this_year,
        "sensitive_exported_this_year": question.sensitive_exported_this_year,
        "necessary_for_service": question.necessary_for_service,
    }


def question_of(mapping: Mapping[str, object]) -> Question:
    """Read what `asked` made; FieldError names what is wrong."""
    return Question(
        subject=fields.text(mapping, "subject"),
        use=Use(
            handler=fields.text(mapping, "handler"),
            recipient=fields.optional_text(mapping, "recipient"),
            purpose=fields.text(mapping, "purpose"),
            category=fields.text(mapping, "category"),
            method=fields.text(mapping, "method"),
            basis=fields.text(mapping, "basis"),
        ),
        at=fields.moment(mapping, "at"),
        as_known_at=fields.moment(mapping, "as_known_at"),
        kind=fields.word(mapping, "kind", Kind),
        group_size=fields.optional_count(mapping, "group_size"),
        linkable=fields.flag(mapping, "linkable"),
        exported_this_year=fields.optional_count(mapping, "exported_this_year"),
        sensitive_exported_this_year=fields.optional_count(mapping, "sensitive_exported_this_year"),
        necessary_for_service=fields.flag(mapping, "necessary_for_service"),
    )


def recorded(question: Question, decision: Decision) -> dict[str, object]:
    """Return a question and its decision, which is on record, as a JSON object."""
    written: dict[str, object] = {name: getattr(decision, name) for name in _DECIDED}
    for name in _TIMES:
        time: datetime | None = getattr(decision, name)
        written[name] = None if time is None else fields.said(time)
    articles = {"articles": list(decision.articles), "allowed": decision.allowed}
    return {"question": asked(question), "decision": written | articles}


def decision_of(mapping: Mapping[str, object]) -> Decision:
    """Read the decision of what `recorded` made; FieldError names what is wrong."""
    return Decision(
        allowed=fields.flag(mapping, "allowed"),
        reason_code=fields.word(mapping, "reason_code", ReasonCode).value,
        articles=fields.texts(mapping, "articles"),
        consent_id=fields.optional_text(mapping, "consent_id"),
        notice=fields.optional_text(mapping, "notice"),
        decided_at=fields.moment(mapping, "decided_at"),
        as_known_at=fields.moment(mapping, "as_known_at"),
        consent_item_no=fields.optional_count(mapping, "consent_item_no"),
        decision_id=fields.text(mapping, "decision_id"),
        notice_hash=fields.optional_text(mapping, "notice_hash"),
        contract_id=fields.optional_text(mapping, "contract_id"),
        mechanism_id=fields.optional_text(mapping, "mechanism_id"),
        assessment_id=fields.optional_text(mapping, "assessment_id"),
        basis_rule_id=fields.optional_text(mapping, "basis_rule_id"),
        policy_version=fields.text(mapping, "policy_version"),
        registry_version=fields.text(mapping, "registry_version"),
        expires_at=fields.optional_moment(mapping, "expires_at"),
    )


@lru_cache(maxsize=64)
def policy_version(policy: Policy) -> str:
    """Return which rule and which numbers of the house decide: `rule.digest`."""
    numbers = {
        "clock_tolerance": int(policy.clock_tolerance.total_seconds()),
        "smallest_group": policy.smallest_group,
        "reprompt_cooldown": int(policy.reprompt_cooldown.total_seconds()),
        "small_volume_limit": policy.small_volume_limit,
        "export_limit": policy.export_limit,
        "sensitive_export_limit": policy.sensitive_export_limit,
        "adult_age": policy.adult_age,
        "time_zone": str(policy.time_zone),
    }
    return f"{RULE_VERSION}.{_digest('policy', numbers)[:8]}"


def _resting(decision: Decision, question: Question, matter: Matter | None) -> Decision:
    """Name what covers the use; no aggregate that is anonymous needs any of it."""
    if matter is None or question.kind is not Kind.USE or decision.reason_code == ReasonCode.OK_ANONYMOUS:
        return decision
    covering = contract(matter)
    assessed, rule = assessment(matter), basis_rule(matter)
    return replace(
        decision,
        contract_id=None if covering is None else covering.id or None,
        mechanism_id=_way_out(matter),
        assessment_id=None if assessed is None else assessed.id,
        basis_rule_id=None if rule is None else _named(rule.id or rule.basis, rule.version),
    )


def _way_out(matter: Matter) -> str | None:
    """Name the way out of the country; an authority's request has an approval instead."""
    authority = matter.party is not None and matter.party.role is Role.FOREIGN_AUTHORITY
    way = way_out(matter) if matter.abroad and not authority else None
    return None if way is None else _named(way.id or str(way.type), way.version)


def _shown(decision: Decision, registry: Registry) -> Notice | None:
    """Return the notice of the consent that a decision names, if we knew of it then."""
    notice = registry.notices.get(decision.notice or "")
    if notice is None or (notice.recorded_at is not None and notice.recorded_at > decision.as_known_at):
        return None
    return notice


def _registered(question: Question, matter: Matter | None, registry: Registry) -> dict[str, object]:
    """Return what was registered, as known then, of all that a question touches."""
    use, by = question.use, question.as_known_at
    if matter is None:
        return {"purpose": None, "category": None, "method": use.method in registry.methods}
    found: dict[str, object] = {
        "purpose": _written(registry.purposes[use.purpose]),
        "category": _written(registry.categories[use.category]),
        "method": True,
    }
    names, recipient = matter.names, matter.party
    if recipient is not None:
        # What is agreed later for later does not touch this question.
        in_force = tuple(one for one in recipient.contracts if one.in_force(question.at))
        recipient = replace(recipient, contracts=in_force)
    notices = {event.notice.rpartition("@")[0] for event in matter.of_type(EventType.GIVEN) if event.notice}
    return found | {
        "judged": _written(matter.category),
        "recipient": None if recipient is None else _written(recipient),
        "happened": [
            _written(event)
            for event in registry.party_events
            if event.recorded_at <= by and (event.party in names or event.type is PartyEventType.SUCCEEDED)
        ],
        "ways_out": [_written(way) for way in registry.ways_out(use.recipient or "", question.at, by)],
        "assessments": [
            _written(one)
            for one in registry.assessments
            if one.known(by) and use.purpose in one.purposes and use.recipient in one.recipients
        ],
        "basis_rules": [_written(rule) for rule in registry.rules(question.at, by) if rule.basis == use.basis],
        "notices": [
            (notice.reference, notice.content_hash(), _time(notice.published_at), _time(notice.effective_at))
            for name in sorted(notices)
            for notice in registry.versions.get(name, ())
            if notice.recorded_at is None or notice.recorded_at <= by
        ],
    }


def _after(at: datetime, lifetime: timedelta) -> datetime:
    return at + min(lifetime, FOREVER - at)


def _time(time: datetime | None) -> str | None:
    return None if time is None else fields.said(time)


def _named(name: str, version: int) -> str:
    return f"{name}@{version}"


class _Row(Hashable, Protocol):
    def to_mapping(self) -> dict[str, object]: ...


@lru_cache(maxsize=4096)
def _written(row: _Row) -> str:
    """Return a row of the registry as canonical JSON; rows never change, and every question is about a few of them."""
    return _canonical(row.to_mapping())


def _digest(kind: str, content: Mapping[str, object]) -> str:
    """Return SHA-256 over a kind and canonical JSON, in lower-case base32."""
    found = hashlib.sha256(f"assent {kind} v1\n{_canonical(content)}".encode(errors="surrogatepass")).digest()
    return b32encode(found).decode().rstrip("=").lower()


def _canonical(content: Mapping[str, object]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
