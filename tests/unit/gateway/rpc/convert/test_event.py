"""A row of a file, through the client's message and back into the record's words."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from consent.errors import FieldError
from consent.event import Actor, ConsentEvent, EventType, Form, Mode
from gateway.client.event import NotCarried, event_message
from gateway.client.event_batch import Account, Batches
from gateway.route.consent import EventGroup
from gateway.rpc.convert.event import batch_from_proto, event_from_proto, options_from_proto
from gateway.rpc.convert.field import stamp_time
from gateway.v1 import consent_pb2
from tests.unit.consent.test_proof import FULL
from tests.unit.gateway.rpc.convert.messages import refused, stamp

RECORDED = datetime(2026, 3, 1, tzinfo=UTC)
GRANT: dict[str, Any] = {
    "event_id": "E-1",
    "type": "consent_given",
    "at": "2026-02-01T10:00:00+08:00",
    "subject": "C-000917",
    "handler": "retailer",
    "consent_id": "K-1",
    "notice": "N-SHARE@2",
    "by": "subject",
    "mode": "explicit",
    "evidence": True,
    "channel": "app",
    "valid_until": "2027-02-01T10:00:00.5+08:00",
    "max_uses": 3,
    "items": [
        {
            "purpose": "profile_enrichment",
            "categories": ["phone_hash", "purchase_history"],
            "methods": ["psi_hash"],
            "recipients": ["platform-b"],
            "form": "separate",
        }
    ],
}
WITHDRAWAL: dict[str, Any] = {
    "event_id": "E-2",
    "type": "consent_withdrawn",
    "at": "2026-02-03T10:00:00Z",
    "subject": "C-000917",
    "handler": "retailer",
    "purpose": "profile_enrichment",
    "recipient": "platform-b",
    "categories": ["phone_hash"],
    "method": "psi_hash",
}
OTHERS: list[dict[str, Any]] = [
    {"type": "birthdate_recorded", "birthdate": "2012-06-01"},
    {"type": "identity_merged", "subjects": ["C-1", "C-2"]},
    {"type": "collected", "categories": ["phone_hash"], "retention_until": "2027-01-01T00:00:00Z"},
    {"type": "statutory_hold", "until": "2027-01-01T00:00:00Z"},
    {"type": "consent_used", "consent_id": "K-1"},
    {"type": "subject_deceased"},
    {"type": "account_closed", "by": "subject", **FULL},
]
COMMON = {"event_id": "E-3", "at": "2026-02-03T10:00:00Z", "subject": "C-1"}


def _event(mapping: dict[str, Any]) -> ConsentEvent:
    return ConsentEvent.from_mapping(mapping, recorded_at=RECORDED)


def _carried(mapping: dict[str, Any]) -> dict[str, object]:
    sent = event_message(mapping).SerializeToString()
    return event_from_proto(consent_pb2.ConsentEvent.FromString(sent))


@pytest.mark.parametrize("mapping", [GRANT, WITHDRAWAL, *({**COMMON, **other} for other in OTHERS)])
def test_an_event_means_the_same_after_the_journey(mapping: dict[str, Any]) -> None:
    assert _event(_carried(mapping)) == _event(mapping)
    assert _event(_carried(mapping)).content() == _event(mapping).content()


rows = st.sampled_from([GRANT, WITHDRAWAL, *({**COMMON, **other} for other in OTHERS)])
changes = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.text(max_size=4),
        "subject": st.sampled_from(["C-2", "", "张三"]),
        "consent_id": st.sampled_from(["K-2", "", None]),
        "at": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "valid_until": st.sampled_from(
            ["2027-02-01T10:00:00Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.5Z", None]
        ),
        "channel": st.sampled_from(["app", "web", None]),
        "mode": st.sampled_from(["explicit", "loud"]),
        "retention_until": st.sampled_from([None, datetime(2027, 1, 1, tzinfo=UTC)]),
        "colour": st.just("red"),
    },
)


@given(st.lists(st.builds(lambda row, change: {**row, **change}, rows, changes), min_size=1, max_size=8))
def test_rows_together_become_what_each_becomes_alone(together: list[dict[str, Any]]) -> None:
    """What rows share is turned and parsed once, on either side; nothing of one row gets into another."""
    account, expected, refused_rows = Account(), [], []
    for number, mapping in enumerate(together, 1):
        try:
            expected.append((number, event_from_proto(event_message(mapping))))
        except NotCarried as fault:
            refused_rows.append((number, fault.field, fault.reason))
    found: list[tuple[int, dict[str, object]]] = []
    for request in Batches(enumerate(together, 1), account):
        sent = consent_pb2.ImportEventsRequest.FromString(request.SerializeToString())
        for group in batch_from_proto(sent.batch):
            assert isinstance(group, EventGroup)
            found += [(number, dict(group.fields(place))) for place, number in enumerate(group.rows)]
    assert sorted(found, key=lambda row: row[0]) == expected
    assert [(error.row, error.field, error.reason) for error in account.end(len(together)).rejected] == refused_rows


@given(st.lists(st.builds(lambda row, change: {**row, **change}, rows, changes), min_size=1, max_size=8))
def test_rows_sent_one_by_one_become_what_each_becomes_alone(together: list[dict[str, Any]]) -> None:
    batch, expected = consent_pb2.ConsentEventBatch(), []
    for number, mapping in enumerate(together, 1):
        with suppress(NotCarried):
            batch.rows.add(row=number, event=event_message(mapping))
            expected.append((number, event_from_proto(event_message(mapping))))
    if expected:
        parsed = batch_from_proto(consent_pb2.ConsentEventBatch.FromString(batch.SerializeToString()))
        found = [row for row in parsed if not isinstance(row, EventGroup)]
        assert [(number, dict(fields)) for number, fields in found] == expected


@given(
    st.integers(-(2**63), 2**63 - 1) | st.integers(-62_135_596_801, 253_402_300_800),
    st.sampled_from([0, 1, 999, 1000, 500_000_000, 999_999_999, 10**9, -1]) | st.integers(0, 10**9 - 1),
)
def test_a_time_is_written_as_python_writes_it(seconds: int, nanos: int) -> None:
    act = consent_pb2.ConsentEvent()
    act.act_time.seconds, act.act_time.nanos = seconds, nanos
    at = stamp_time(act.act_time)
    assert event_from_proto(act)["at"] == ("" if at is None else at.isoformat())


def test_a_single_category_is_a_list_of_one() -> None:
    one = {**WITHDRAWAL, "category": "phone_hash"}
    del one["categories"]
    assert _event(_carried(one)) == _event(WITHDRAWAL)


@pytest.mark.parametrize("absent", sorted(GRANT.keys() - {"channel", "valid_until", "max_uses", "notice"}))
def test_what_is_missing_from_the_row_is_missing_from_the_record(absent: str) -> None:
    mapping = {name: value for name, value in GRANT.items() if name != absent}
    with pytest.raises(FieldError) as raised:
        _event(_carried(mapping))
    assert raised.value.field == absent


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_uses": 0}, "max_uses"),
        ({"consent_id": ""}, "consent_id"),
        ({"handler": ""}, "handler"),
        ({"evidence": False, "guardian_verified": False, "items": []}, "items"),
        ({"items": [{**GRANT["items"][0], "categories": []}]}, "items[0].categories"),
        ({"items": [{k: v for k, v in GRANT["items"][0].items() if k != "form"}]}, "items[0].form"),
        ({"purpose": "profile_enrichment"}, "purpose"),
        ({"birthdate": "yesterday"}, "birthdate"),
    ],
)
def test_a_wrong_value_is_not_turned_into_an_absent_one(changes: dict[str, Any], field: str) -> None:
    """An empty text or a zero must be refused, not read as "says nothing": absence may widen an act."""
    with pytest.raises(FieldError) as raised:
        _event(_carried({**GRANT, **changes}))
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "consent_givn"}, "type"),
        ({"type": 3}, "type"),
        ({"at": "2026-02-01"}, "at"),
        ({"at": "2026-02-01T10:00:00"}, "at"),
        ({"at": 17}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"subject": 917}, "subject"),
        ({"subject": "\ud800"}, "subject"),
        ({"evidence": "yes"}, "evidence"),
        ({"evidence": 1}, "evidence"),
        ({"max_uses": "3"}, "max_uses"),
        ({"max_uses": True}, "max_uses"),
        ({"max_uses": 2**70}, "max_uses"),
        ({"items": "all"}, "items"),
        ({"items": ["all"]}, "items[0]"),
        ({"items": [{"purpose": 1}]}, "items[0].purpose"),
        ({"items": [{"form": "loud"}]}, "items[0].form"),
        ({"items": [{"methods": "psi_hash"}]}, "items[0].methods"),
        ({"items": [{"methods": [1]}]}, "items[0].methods[0]"),
        ({"items": [{"colour": "red"}]}, "items[0]"),
        ({"recorded_at": "2026-02-01T10:00:00Z"}, "recorded_at"),
        ({"category": "phone_hash", "categories": ["phone_hash"]}, "category"),
        ({"colour": "red"}, "colour"),
        ({"13800138000" * 9: "red"}, "?"),
    ],
)
def test_what_no_message_carries_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(NotCarried) as raised:
        event_message({**GRANT, **changes})
    assert raised.value.field == field
    assert "13800138000" not in raised.value.reason


def test_the_words_of_consent_and_of_the_message_are_the_same() -> None:
    for enum, prefix, words in (
        (consent_pb2.ConsentEventType, "CONSENT_EVENT_TYPE_", EventType),
        (consent_pb2.ConsentActor, "CONSENT_ACTOR_", Actor),
        (consent_pb2.ConsentMode, "CONSENT_MODE_", Mode),
        (consent_pb2.ConsentForm, "CONSENT_FORM_", Form),
    ):
        known: Any = enum
        assert {name.removeprefix(prefix).lower() for name in known.keys()[1:]} == {word.value for word in words}


@given(st.integers(), st.integers(min_value=-(2**31), max_value=2**31 - 1))
def test_any_number_in_an_enum_or_time_is_an_error_of_the_row_at_worst(number: int, enum: int) -> None:
    event = event_message(GRANT)
    event.type = enum  # type: ignore[assignment]
    event.act_time.CopyFrom(Timestamp(seconds=max(-(2**63), min(number, 2**63 - 1)), nanos=enum))
    try:
        _event(event_from_proto(event))
    except FieldError as error:
        # Under another type the grant's own fields are out of place.
        assert error.field == "at" or enum != consent_pb2.CONSENT_EVENT_TYPE_CONSENT_GIVEN


def test_frames_are_checked_and_rows_are_not() -> None:
    batch = consent_pb2.ConsentEventBatch(rows=[consent_pb2.ConsentEventRow(row=3, event=consent_pb2.ConsentEvent())])
    assert batch_from_proto(batch) == [(3, {"event_id": "", "type": "", "subject": ""})]
    refused(batch_from_proto, consent_pb2.ConsentEventBatch(), "batch.rows")
    unnumbered = consent_pb2.ConsentEventBatch(rows=[consent_pb2.ConsentEventRow(event=event_message(GRANT))])
    refused(batch_from_proto, unnumbered, "batch.rows[0].row")
    without = consent_pb2.ConsentEventBatch(rows=[*batch.rows, consent_pb2.ConsentEventRow(row=4)])
    refused(batch_from_proto, without, "batch.rows[1].event")
    refused(options_from_proto, consent_pb2.ImportOptions(), "options.subject_type")


def test_groups_are_checked_and_their_rows_are_not() -> None:
    def group(**changes: Any) -> consent_pb2.ConsentEventBatch:
        fields: dict[str, Any] = {"rows": [1, 2], "event_ids": ["", "a"], "subjects": ["", ""]}
        fields["wording"] = consent_pb2.ConsentEvent(handler="retailer")
        wanted = {name: value for name, value in (fields | changes).items() if value is not None}
        return consent_pb2.ConsentEventBatch(groups=[consent_pb2.ConsentEventGroup(**wanted)])

    (found,) = batch_from_proto(group())
    assert isinstance(found, EventGroup)
    assert found.shared == {"type": "", "handler": "retailer"}
    assert found.own == {"event_id": ["", "a"], "subject": ["", ""]}
    (timed,) = batch_from_proto(group(act_micros=[2**63 - 1, -1]))
    assert isinstance(timed, EventGroup)
    assert [timed.fields(place)["at"] for place in (0, 1)] == ["", "1969-12-31T23:59:59.999999+00:00"]
    for changes, field in (
        ({"rows": []}, "rows"),
        ({"rows": [0, 1]}, "rows"),
        ({"wording": None}, "wording"),
        ({"wording": consent_pb2.ConsentEvent(dwell_ms=0)}, "wording"),
        ({"wording": consent_pb2.ConsentEvent(event_id="e")}, "wording"),
        ({"wording": consent_pb2.ConsentEvent(consent_id="")}, "wording"),
        ({"wording": consent_pb2.ConsentEvent(act_time=stamp()), "act_micros": [1, 2]}, "wording"),
        ({"event_ids": ["a"]}, "event_ids"),
        ({"subjects": []}, "subjects"),
        ({"consent_ids": ["c"]}, "consent_ids"),
        ({"act_micros": [1, 2, 3]}, "act_micros"),
    ):
        refused(batch_from_proto, group(**changes), f"batch.groups[0].{field}")
    both = group()
    both.rows.add(row=3)
    refused(batch_from_proto, both, "batch.groups")
    long = group(rows=[1] * 10_001)
    refused(batch_from_proto, long, "batch.groups")


def test_times_are_written_in_utc() -> None:
    assert event_from_proto(consent_pb2.ConsentEvent(act_time=stamp()))["at"] == "2026-02-01T02:00:00.123456+00:00"
