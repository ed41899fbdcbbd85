"""Worked cases as a document: registry, events, questions, and the answers of the rule.

The format is for lawyers and auditors: one JSON object with `fixtures` (the shared
registry) and `cases` (events and one question each), with defaults for what goes
without saying. `decide` answers every case; it never looks at an expected answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from consent import fields
from consent.basis import CONSENT
from consent.decision import on_record
from consent.errors import FieldError
from consent.evaluate import History, Kind, Question, Use, may_use
from consent.event import FIELDS, ConsentEvent, EventType
from consent.fixtures import REGISTRY_EVENT_FIELDS, REGISTRY_EVENTS, registry_of

Json = Mapping[str, object]

MAX_CASES = 100_000
RECORD = (
    "decision_id", "consent_id", "consent_item_no", "notice", "notice_hash", "assessment_id", "contract_id",
    "mechanism_id", "basis_rule_id", "policy_version", "registry_version", "decided_at", "as_known_at", "expires_at",
)  # fmt: skip
"""What the record of a decision adds."""
DEFAULT_HANDLER = "RET"  # unless the document's own schema names another default
QUESTION_FIELDS = frozenset(
    {
        *("kind", "subject", "handler", "recipient", "purpose", "category", "method", "basis", "at", "as_known_at"),
        *("group_size", "linkable", "exported_this_year", "sensitive_exported_this_year", "necessary_for_service"),
    }
)
_SAID_TO_A_HANDLER = frozenset(
    {
        EventType.REQUESTED,
        EventType.DEFERRED,
        EventType.GIVEN,
        EventType.REFUSED,
        EventType.WITHDRAWN,
        EventType.INVALIDATED,
        EventType.REVOKED,
    }
)


def decide(document: Json, *, with_record: bool = False) -> list[dict[str, object]]:
    """Answer every case of a document.

    Args:
        document: `fixtures` and `cases`, as JSON gives them.
        with_record: say of each answer what it rests on as well.

    Returns:
        Per case, in order: id, allowed, reason_code, articles; with their records also the fields of RECORD.

    Raises:
        FieldError: names the place in the document, never its value.
    """
    fixtures = fields.mapping(document, "fixtures")
    default_handler = _default_handler(document)
    if "cases" not in document:
        raise FieldError("cases", "is required")
    answers: list[dict[str, object]] = []
    for position, case in enumerate(fields.mappings(document, "cases", longest=MAX_CASES)):
        path = f"cases[{position}]."
        personal: list[tuple[str, Json]] = []
        general: list[tuple[str, Json]] = []
        for number, event in enumerate(fields.mappings(case, "events", path)):
            place = f"{path}events[{number}]."
            for_everybody = fields.text(event, "type", place) in REGISTRY_EVENTS
            (general if for_everybody else personal).append((place, event))
        question = _question(fields.mapping(case, "question", path), path + "question.", default_handler)
        history = _history(personal, question.subject, default_handler)
        registry = registry_of(fixtures, general)
        decision = may_use(question, history, registry)
        answered: dict[str, object] = {
            "id": fields.text(case, "id", path),
            "allowed": decision.allowed,
            "reason_code": decision.reason_code,
            "articles": list(decision.articles),
        }
        if with_record:
            record = on_record(decision, question, history, registry)
            answered |= {name: _shown(getattr(record, name)) for name in RECORD}
        answers.append(answered)
    return answers


def _shown(entry: object) -> object:
    return fields.said(entry) if isinstance(entry, datetime) else entry


def unread(document: Json) -> list[str]:
    """Name the fields of events and questions that no rule reads, by their place: a misspelt field changes no answer.

    Args:
        document: one that `decide` has answered.
    """
    found: list[str] = []
    for position, case in enumerate(fields.mappings(document, "cases", longest=MAX_CASES)):
        path = f"cases[{position}]."
        asked = fields.mapping(case, "question", path)
        found += [f"{path}question.{fields.shown(name)}" for name in asked if name not in QUESTION_FIELDS]
        for number, event in enumerate(fields.mappings(case, "events", path)):
            kind = fields.text(event, "type", path)
            known = REGISTRY_EVENT_FIELDS.get(kind) or FIELDS[EventType(kind)] | {"subjects", "note"}
            found += [f"{path}events[{number}].{fields.shown(name)}" for name in event if name not in known]
    return found


def _default_handler(document: Json) -> str:
    schema: object = document
    for step in ("case_schema", "properties", "question", "properties", "handler", "default"):
        schema = schema.get(step) if isinstance(schema, Mapping) else None
    return schema if isinstance(schema, str) and schema else DEFAULT_HANDLER


def _question(mapping: Json, path: str, default_handler: str) -> Question:
    at = fields.moment(mapping, "at", path)
    return Question(
        subject=fields.text(mapping, "subject", path),
        use=Use(
            handler=fields.optional_text(mapping, "handler", path) or default_handler,
            recipient=fields.optional_text(mapping, "recipient", path),
            purpose=fields.text(mapping, "purpose", path),
            category=fields.text(mapping, "category", path),
            method=fields.text(mapping, "method", path),
            basis=fields.optional_text(mapping, "basis", path) or CONSENT,
        ),
        at=at,
        as_known_at=fields.optional_moment(mapping, "as_known_at", path) or at,
        kind=fields.word(mapping, "kind", Kind, path) if "kind" in mapping else Kind.USE,
        group_size=fields.optional_count(mapping, "group_size", path),
        linkable=fields.flag(mapping, "linkable", path, default=False),
        exported_this_year=fields.optional_count(mapping, "exported_this_year", path),
        sensitive_exported_this_year=fields.optional_count(mapping, "sensitive_exported_this_year", path),
        necessary_for_service=fields.flag(mapping, "necessary_for_service", path, default=False),
    )


# ---- events of people -----------------------------------------------------------------------------------------------


def _history(events: list[tuple[str, Json]], subject: str, default_handler: str) -> History:
    """Sort the events by person.

    What names no person is about the holder of the consent that it names, and about
    everybody in the case if it names none.
    """
    holders: dict[str, str] = {}
    by_subject: dict[str, list[ConsentEvent]] = {subject: []}
    for path, event in events:
        for person in _people(event, path):
            by_subject.setdefault(person, [])
            consent_id = fields.optional_text(event, "consent_id", path)
            if consent_id is not None:
                holders[consent_id] = person
    for path, event in events:
        holder = holders.get(fields.optional_text(event, "consent_id", path) or "")
        people = _people(event, path) or ((holder,) if holder is not None else tuple(by_subject))
        for person in people:
            by_subject[person].append(_event(path, event, person, default_handler))
    linked = tuple(History(other, tuple(found)) for other, found in by_subject.items() if other != subject)
    return History(subject, tuple(by_subject[subject]), linked)


def _people(event: Json, path: str) -> tuple[str, ...]:
    one = fields.optional_text(event, "subject", path)
    together = fields.texts(event, "subjects", path)
    return together if one is None or one in together else (one, *together)


def _event(path: str, event: Json, subject: str, default_handler: str) -> ConsentEvent:
    try:
        kind = fields.word(event, "type", EventType)
        filled: dict[str, object] = {
            # In a document an act is told apart by its place; a replay repeats its id or its consent's.
            "event_id": path,
            **{name: entry for name, entry in event.items() if name in FIELDS[kind]},
            "subject": subject,
        }
        filled.setdefault("recorded_at", filled.get("at"))
        if kind in _SAID_TO_A_HANDLER:
            filled.setdefault("handler", default_handler)
        if kind is EventType.GIVEN:
            for name, default in (("consent_id", path), ("by", "subject"), ("mode", "explicit"), ("evidence", True)):
                filled.setdefault(name, default)
        return ConsentEvent.from_mapping(filled)
    except FieldError as error:
        raise FieldError(path + error.field, error.expected) from None
