"""Rows of an import into messages: in order, none lost, none too large."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client import event_batch
from gateway.client.event import RowError, event_message
from gateway.client.event_batch import MAX_NAMED, NAMED_PER_REASON, Account, Batches, ImportProgress
from gateway.v1 import consent_pb2

EMPTY = {"type": "subject_deceased", "at": "2026-11-01T00:00:00Z", "event_id": "e", "subject": ""}


def test_rows_of_many_wordings_stand_in_groups_within_one_message() -> None:
    rows = [EMPTY | {"subject": f"C{row}", "channel": "ab"[row % 2], "event_id": f"e{row}"} for row in range(6)]
    rows += [{name: value for name, value in row.items() if name != "at"} for row in rows[:2]]
    rows += [{"type": "subject_deceased", "at": "2026-11-01T00:00:00Z"}]
    (request,) = Batches(enumerate(rows, 1), Account())
    groups = [(list(group.rows), group.wording.channel, len(group.act_micros)) for group in request.batch.groups]
    assert groups == [([1, 3, 5], "a", 3), ([2, 4, 6], "b", 3), ([7], "a", 0), ([8], "b", 0), ([9], "", 1)]
    assert [list(group.event_ids) for group in request.batch.groups][-1] == [""]


def of_bytes(size: int) -> dict[str, Any]:
    """A row whose message has about so many bytes."""
    return EMPTY | {"subject": "x" * size}


def rows_in(requests: list[consent_pb2.ImportEventsRequest]) -> list[list[tuple[int, str]]]:
    return [
        [row for group in request.batch.groups for row in zip(group.rows, group.subjects, strict=True)]
        for request in requests
    ]


@given(st.lists(st.integers(0, 400), max_size=30), st.sets(st.integers(0, 29)))
def test_every_row_is_in_one_message_or_refused(sizes: list[int], wrong: set[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_batch, "BATCH_ROWS", 4)
        patch.setattr(event_batch, "BATCH_BYTES", 300)
        rows = [of_bytes(size) if at not in wrong else EMPTY | {"colour": "red"} for at, size in enumerate(sizes)]
        told: list[ImportProgress] = []
        account = Account(told.append)
        batches = Batches(enumerate(rows, 1), account)
        requests = list(batches)
        found = rows_in(requests)
        report = account.end(batches.last_row)
    messages = {
        at: consent_pb2.ConsentEventRow(row=at + 1, event=event_message(of_bytes(size)))
        for at, size in enumerate(sizes)
        if at not in wrong
    }
    fitting = [at for at, message in messages.items() if message.ByteSize() <= 300]
    assert [row for batch in found for row in batch] == [(at + 1, "x" * sizes[at]) for at in fitting]
    refused = [at + 1 for at in range(len(sizes)) if at not in fitting]
    assert report.rejected_count == len(refused)
    assert [error.row for progress in told for error in progress.rejected] == refused
    for request, batch in zip(requests, found, strict=True):
        assert 1 <= len(batch) <= 4
        assert request.batch.ByteSize() <= 300 or len(batch) == 1


def test_every_refused_row_is_told_and_the_first_of_each_reason_are_named() -> None:
    told: list[ImportProgress] = []
    account = Account(told.append)
    rows: list[Any] = [(row, {"colour": "red"}) for row in range(1, 100)]
    rows += [RowError(row, f"field{row}", "is wrong") for row in range(100, 2000)]
    batches = Batches(rows, account)
    assert list(batches) == []
    report = account.end(batches.last_row)
    assert report.rejected_count == 1999
    assert [error.row for error in report.rejected] == [*range(1, NAMED_PER_REASON + 1), *range(100, 1080)]
    assert len(report.rejected) == MAX_NAMED
    assert [error.row for progress in told for error in progress.rejected] == list(range(1, 2000))


def test_refused_rows_are_told_in_their_place() -> None:
    told: list[ImportProgress] = []
    account = Account(told.append)
    for row in (2, 5, 9):
        account.refuse(RowError(row, "a", "b"))
    account.settle(0, 0, 0, ())
    account.settle(6, 3, 0, [RowError(3, "c", "d")])
    report = account.end(9)
    assert [(one.settled_row, [error.row for error in one.rejected]) for one in told] == [
        (0, []),
        (6, [2, 3, 5]),
        (9, [9]),
    ]
    assert (report.accepted, report.rejected_count) == (3, 4)


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_batch, "MAX_WAITING", 10)
    told: list[ImportProgress] = []
    account = Account(told.append)
    for row in range(1, 24):
        account.refuse(RowError(row, "a", "b"))
    assert [len(one.rejected) for one in told] == [11, 11]
    assert {one.settled_row for one in told} == {0}
    assert account.end(23).rejected_count == 23


def test_rows_that_were_kept_with_a_warning_are_told_and_counted() -> None:
    told: list[ImportProgress] = []
    account = Account(told.append)
    rows = [RowError(row, "consent_id", "is of no consent on file") for row in range(1, NAMED_PER_REASON + 3)]
    account.settle(100, 100, 0, [], rows)
    report = account.end(100)
    assert (report.accepted, report.rejected_count, report.warned_count) == (100, 0, len(rows))
    assert report.warned == tuple(rows[:NAMED_PER_REASON])
    assert told[0].warned == tuple(rows)
