"""The log of decisions about single people."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select

from consent.decision import decision_of, question_of, recorded
from consent.errors import ConsentError
from gateway.errors import StateError
from gateway.route.decision import AnsweredQuestion, DecisionFilter, LoggedDecision
from gateway.store.column_type import json_text, to_micros
from gateway.store.connection import AnyRow, StoreConnection
from gateway.store.counters import Counter, lock_counter, set_counter
from gateway.store.schema import decisions

_COLUMNS = decisions.c
_TOGETHER = 32  # decisions written out at a stretch: half a millisecond


class SqlDecisionStore:
    """Decisions inside one transaction."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    async def append(self, answered: Sequence[AnsweredQuestion]) -> list[LoggedDecision]:
        """Number decisions and store them; whoever else appends waits for our commit."""
        last = await lock_counter(self._connection, Counter.DECISIONS)
        logged = [LoggedDecision(number, one) for number, one in enumerate(answered, last + 1)]
        columns: dict[str, Sequence[Any]] = {
            "number": [one.number for one in logged],
            "decision_id": [one.decision.decision_id for one in answered],
            "subject_ref": [one.question.subject for one in answered],
            "asked_at": [to_micros(one.asked_at) for one in answered],
            "caller": [one.caller for one in answered],
            "purpose": [one.question.use.purpose for one in answered],
            "recipient": [one.question.use.recipient or "" for one in answered],
            "reason_code": [one.decision.reason_code for one in answered],
            "body": await _bodies(answered),
        }
        await self._connection.insert_columns(decisions, columns)
        await set_counter(self._connection, Counter.DECISIONS, last + len(logged))
        return logged

    async def list(self, wanted: DecisionFilter, before: int | None, limit: int) -> list[LoggedDecision]:
        """Return decisions, the newest first, with numbers strictly below `before`; None is from the newest on."""
        query = select(decisions).where(*_asked_for(wanted))
        if before is not None:
            query = query.where(_COLUMNS.number < before)
        found = await self._connection.rows(query.order_by(_COLUMNS.number.desc()).limit(limit))
        return [_decision(row) for row in found]

    async def purge(self, before: datetime, limit: int) -> int:
        """Delete the oldest, at most `limit`, of those asked before a time; return how many."""
        oldest = select(_COLUMNS.number).where(_COLUMNS.asked_at < before).order_by(_COLUMNS.asked_at).limit(limit)
        gone = await self._connection.execute(delete(decisions).where(_COLUMNS.number.in_(oldest)))
        return gone.rowcount


async def _bodies(answered: Sequence[AnsweredQuestion]) -> list[str]:
    bodies: list[str] = []
    for start in range(0, len(answered), _TOGETHER):
        part = answered[start : start + _TOGETHER]
        bodies += [json_text(recorded(one.question, one.decision)) for one in part]
        await asyncio.sleep(0)  # others on the loop have their turn: they are whoever asks the next question
    return bodies


def _asked_for(wanted: DecisionFilter) -> list[ColumnElement[bool]]:
    exact = {
        "subject_ref": wanted.subject,
        "decision_id": wanted.decision_id,
        "caller": wanted.caller,
        "purpose": wanted.purpose,
        "recipient": wanted.recipient,
        "reason_code": wanted.reason_code,
    }
    conditions = [_COLUMNS[name] == value for name, value in exact.items() if value is not None]
    if wanted.since is not None:
        conditions.append(_COLUMNS.asked_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(_COLUMNS.asked_at < wanted.until)
    return conditions


def _decision(row: AnyRow) -> LoggedDecision:
    body: Mapping[str, Any] = row.body
    try:
        question, decision = question_of(body["question"]), decision_of(body["decision"])
    except (ConsentError, LookupError, TypeError) as error:
        raise StateError(
            "LOG_INCONSISTENT", "a stored decision cannot be read; stop this gateway and restore a backup of the store"
        ) from error
    return LoggedDecision(row.number, AnsweredQuestion(row.asked_at, row.caller, question, decision))
