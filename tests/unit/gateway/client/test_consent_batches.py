"""Rows of an import into messages: in order, none lost, none too large."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client import consent
from gateway.client.consent import MAX_NAMED, _batches, _Refused
from gateway.client.event import event_message
from gateway.v1 import consent_pb2

EMPTY = {"type": "subject_deceased", "at": "2026-11-01T00:00:00Z", "event_id": "e", "subject": ""}


def of_bytes(size: int) -> dict[str, Any]:
    """A row whose message has about so many bytes."""
    return EMPTY | {"subject": "x" * size}


def rows_in(requests: list[consent_pb2.ImportEventsRequest]) -> list[list[tuple[int, str]]]:
    return [[(row.row, row.event.subject) for row in request.batch.rows] for request in requests]


@given(st.lists(st.integers(0, 400), max_size=30), st.sets(st.integers(0, 29)))
def test_every_row_is_in_one_message_or_refused(sizes: list[int], wrong: set[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consent, "BATCH_ROWS", 4)
        patch.setattr(consent, "BATCH_BYTES", 300)
        rows = [of_bytes(size) if at not in wrong else EMPTY | {"colour": "red"} for at, size in enumerate(sizes)]
        refused = _Refused()
        found = rows_in(list(_batches(enumerate(rows, 1), refused)))
    messages = {
        at: consent_pb2.ConsentEventRow(row=at + 1, event=event_message(of_bytes(size)))
        for at, size in enumerate(sizes)
        if at not in wrong
    }
    fitting = [at for at, message in messages.items() if message.ByteSize() <= 300]
    assert [row for batch in found for row in batch] == [(at + 1, "x" * sizes[at]) for at in fitting]
    assert refused.count == len(sizes) - len(fitting)
    assert [error.row for error in refused.first] == [at + 1 for at in range(len(sizes)) if at not in fitting]
    for batch in found:
        assert 1 <= len(batch) <= 4
        assert sum(messages[row - 1].ByteSize() for row, _ in batch) <= 300


def test_only_the_first_refused_rows_are_named() -> None:
    refused = _Refused()
    assert list(_batches(((row, {"colour": "red"}) for row in range(1, MAX_NAMED + 9)), refused)) == []
    assert (refused.count, len(refused.first)) == (MAX_NAMED + 8, MAX_NAMED)
