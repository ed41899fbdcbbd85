from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from consent.errors import FieldError
from consent.event import ConsentEvent
from consent.fields import said
from consent.party import Party
from consent.purpose import Category, Purpose
from consent.registry import Registry
from gateway import identifier
from gateway.flow.intake import RowError, SubjectNames, row_error, subject_fault, take_in
from gateway.route.canonical import canonical_bytes
from gateway.route.consent import EventGroup

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
NAMES = SubjectNames(b"\x07" * 32, "customer", 1)
REGISTRY = Registry.of(
    purposes=[Purpose("enrich")],
    categories=[Category("phone_hash")],
    parties=[Party("retailer"), Party("platform")],
)


def withdrawal(**changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "event_id": "w1",
        "type": "consent_withdrawn",
        "at": "2026-11-19T10:00:00+08:00",
        "subject": "张三",
        "handler": "retailer",
    }
    return fields | changes


def reference(key: bytes, kind: str, value: str) -> str:
    """The subject_ref of contracts: base32(HMAC-SHA256(local key, type || value))[:26], length-prefixed."""
    parts = [part for text in (kind, value) for part in (len(text.encode()).to_bytes(2, "big"), text.encode())]
    return base64.b32encode(hmac.digest(key, b"".join(parts), "sha256")).decode().lower()[:26]


@over(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), max_size=8))
def test_references_are_keyed_hashes_of_type_and_value(values: list[str]) -> None:
    assert NAMES.refs(values) == [reference(NAMES.key, "customer", value.strip()) for value in values]
    # Neither more nor less than data sets trim, and nothing is a subject here that is none there.
    named, reasons = identifier.normalise(identifier.parse("id.opaque"), pa.array(values, pa.string()))
    assert [value.strip() or None for value in values if not subject_fault(value)] == [
        name for name, value in zip(named.to_pylist(), values, strict=True) if not subject_fault(value)
    ]
    assert [subject_fault(value) is None for value in values] == [reason is None for reason in reasons.to_pylist()]


def test_a_row_becomes_an_event_of_a_reference() -> None:
    ((taken,), errors) = take_in([(7, withdrawal())], NAMES, REGISTRY, NOW)
    assert errors == []
    assert taken.row == 7
    event = taken.event(NOW)
    assert event.subject == reference(NAMES.key, "customer", "张三")
    assert event.recorded_at == NOW
    record = taken.record(said(NOW))
    assert record.encode() == canonical_bytes(event.to_mapping())
    assert ConsentEvent.from_mapping(json.loads(record)) == event


def test_the_content_hash_knows_the_act_and_not_the_time_of_its_recording() -> None:
    ((first,), _) = take_in([(1, withdrawal())], NAMES, REGISTRY, NOW)
    ((again,), _) = take_in([(1, withdrawal(at="2026-11-19T02:00:00Z"))], NAMES, REGISTRY, NOW + timedelta(days=1))
    assert again.content_hash == first.content_hash
    canonical = json.dumps(first.event(NOW).content(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert first.content_hash == hashlib.sha256(canonical.encode()).hexdigest()
    for changes in ({"purpose": "enrich"}, {"subject": "李四"}, {"event_id": "w2"}, {"at": "2026-11-19T02:00:01Z"}):
        ((other,), _) = take_in([(1, withdrawal(**changes))], NAMES, REGISTRY, NOW)
        assert other.content_hash != first.content_hash


def test_rows_keep_their_order_and_errors_theirs() -> None:
    rows = [(3, withdrawal()), (5, withdrawal(at="never")), (8, withdrawal(subject=None)), (9, withdrawal())]
    taken, errors = take_in(rows, NAMES, REGISTRY, NOW)
    assert [row.row for row in taken] == [3, 9]
    assert [(error.row, error.field) for error in errors] == [(5, "at"), (8, "subject")]


def test_a_foreign_field_name_is_not_repeated_when_it_may_be_a_value() -> None:
    assert row_error(1, FieldError("items[0].form", "must be loud")) == RowError(1, "items[0].form", "must be loud")
    for name in ("13800138000", "Zhang San", "items[12345].form", "a" * 41, ""):
        assert row_error(1, FieldError(name, "is not a field of this record")).field == "(unknown field)"


def test_what_can_be_a_subject() -> None:
    assert subject_fault("x" * 512) is None
    for value in (None, 5, "", "x" * 513, "\udc80", b"x", " \u3000\t", "C-1\0", "C\x85-1"):
        assert subject_fault(value) is not None


@pytest.mark.parametrize("batched", [False, True])
def test_white_space_around_a_subject_makes_nobody_else_of_them(batched: bool) -> None:
    """What was said of "C-1 " is said of the row of C-1: data sets trim."""
    said = ["C-1", " C-1", "C-1 ", "\u3000C-1\u00a0", "C-1\r", " ", "C\0-1"]
    rows: list[Any] = [(number, withdrawal(event_id=f"w{number}", subject=one)) for number, one in enumerate(said, 1)]
    if batched:
        own = {"subject": said, "event_id": [f"w{number}" for number in range(1, 8)]}
        rows = [EventGroup(range(1, 8), {k: v for k, v in withdrawal().items() if k not in own}, own)]
    taken, errors = take_in(rows, NAMES, REGISTRY, NOW)
    assert {one.subject for one in taken} == {reference(NAMES.key, "customer", "C-1")}
    assert [(error.row, error.field) for error in errors] == [(6, "subject"), (7, "subject")]
    merged = {"event_id": "m", "type": "identity_merged", "at": withdrawal()["at"], "subject": "A "}
    ((merge,), _) = take_in([(1, merged | {"subjects": ["A", " B"]})], NAMES, REGISTRY, NOW)
    assert set(merge.event(NOW).subjects) == {reference(NAMES.key, "customer", one) for one in "AB"}
