"""Acts of an import that name a consent which their person never gave, as far as is on file.

They are kept: the consent may come later, and nothing that somebody said is thrown away. But a withdrawal that means
nothing is a withdrawal that is not heeded, so whoever imports is told of each by its row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from consent.evaluate import History
from consent.event import ConsentEvent, EventType
from gateway.flow.intake import RowError, TakenRow

NAMING = frozenset({EventType.REFUSED, EventType.WITHDRAWN, EventType.INVALIDATED, EventType.REVOKED, EventType.USED})

BY_SCOPE = (
    "is of no consent on file of this person: until that consent is imported, the act reaches no more than what its "
    "purpose, recipient, categories and method name; correct the id, or leave it out"
)
BY_NOTHING = (
    "is of no consent on file of this person, and the act says nothing else: it has no effect until that consent is "
    "imported; correct the id, or leave it out to mean every consent of the person"
)


def naming(rows: Sequence[TakenRow]) -> list[TakenRow]:
    """Return the rows that name a consent which they do not give."""
    return [row for row in rows if row.consent_id is not None and row.wording.act.type in NAMING]


def given_in(rows: Sequence[TakenRow]) -> set[tuple[str, str | None]]:
    """Return (subject_ref, consent_id) of the consents that rows give."""
    return {(row.subject, row.consent_id) for row in rows if row.wording.act.type is EventType.GIVEN}


def unmet(
    rows: Sequence[TakenRow], given: Collection[tuple[str, str | None]], histories: Mapping[str, History]
) -> list[RowError]:
    """Return a warning of each row that names a consent which is not there.

    Args:
        rows: of `naming`.
        given: consents that come with them.
        histories: of their people, with those joined to them; who is left out has nothing on file.
    """
    warnings: list[RowError] = []
    for row in rows:
        history = histories.get(row.subject, History(row.subject, ()))
        people = (history, *history.linked)
        if any((one.subject, row.consent_id) in given for one in people):
            continue
        if not any(_gives(event, row.consent_id) for one in people for event in one.events):
            warnings.append(RowError(row.row, "consent_id", BY_SCOPE if _has_scope(row.wording.act) else BY_NOTHING))
    return warnings


def _gives(event: ConsentEvent, consent_id: str | None) -> bool:
    return event.type is EventType.GIVEN and event.consent_id == consent_id


def _has_scope(act: ConsentEvent) -> bool:
    return bool(act.purpose or act.recipient or act.categories or act.method)
