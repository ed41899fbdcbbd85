from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from gateway.rpc.convert.page import MAX_BYTES, page_of, page_size, place_of, timed_place_of, token_of
from gateway.v1 import dataset_pb2
from tests.unit.gateway.rpc.convert.messages import refused


def _dataset(name: str) -> dataset_pb2.Dataset:
    return dataset_pb2.Dataset(name=name)


def test_sizes_are_capped() -> None:
    assert [page_size(wanted) for wanted in (0, 1, 1000, 5000)] == [100, 1, 1000, 1000]
    refused(page_size, -1, "page_size")


def test_walking_the_pages_yields_every_item_once() -> None:
    items = [f"{number:03d}" for number in range(25)]
    seen: list[str] = []
    token = ""
    while True:
        place = place_of(token, "datasets", (str,))
        rest = [item for item in items if item > ("" if place is None else str(place[0]))]
        page, token = page_of(rest[:11], 10, "datasets", lambda item: (item,), _dataset)
        seen += [message.name for message in page]
        if not token:
            break
    assert seen == items


def test_a_page_is_cut_before_it_outgrows_a_message_but_never_empty() -> None:
    large = ["x" * (MAX_BYTES // 2), "y" * (MAX_BYTES // 2), "z", "w" * (2 * MAX_BYTES)]
    page, token = page_of(large, 10, "datasets", lambda item: (item[:1],), _dataset)
    assert [message.name[:1] for message in page] == ["x"]
    assert place_of(token, "datasets", (str,)) == ("x",)
    page, token = page_of(large[3:], 10, "datasets", lambda item: (item[:1],), _dataset)
    assert (len(page), token) == (1, "")


def test_no_items_are_one_empty_page() -> None:
    assert page_of([], 10, "datasets", lambda item: (item,), _dataset) == ([], "")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "!!!!",
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b'["jobs"]').decode(),
        base64.urlsafe_b64encode(b'["jobs", 1]').decode(),
        base64.urlsafe_b64encode(b'{"jobs": "a"}').decode(),
        base64.urlsafe_b64encode(b"[" * 700).decode(),
        base64.urlsafe_b64encode(b"7").decode(),
        token_of("agreements", ("a",)),
        token_of("jobs", ("a", "b")),
        "é",
    ],
)
def test_other_tokens_are_refused(token: str) -> None:
    refused(lambda value: place_of(value, "jobs", (str,)), token, "page_token")


def test_true_is_no_number() -> None:
    refused(lambda value: place_of(value, "audit", (int,)), token_of("audit", (True,)), "page_token")


def test_a_place_that_begins_with_a_time() -> None:
    at = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    assert timed_place_of("", "jobs") is None
    assert timed_place_of(token_of("jobs", (at.isoformat(), "job-1")), "jobs") == (at, "job-1")
    assert timed_place_of(token_of("runs", (at.isoformat(),)), "runs", 0) == (at,)
    assert timed_place_of(token_of("removals", (at.isoformat(), "a", "b")), "removals", 2) == (at, "a", "b")


@pytest.mark.parametrize(
    "place", [("yesterday", "a"), ("2026-11-22T08:30:00", "a"), ("2026-11-22T08:30:00Z",), (7, "a")]
)
def test_a_time_that_is_none(place: tuple[str | int, ...]) -> None:
    refused(lambda token: timed_place_of(token, "jobs"), token_of("jobs", place), "page_token")
