from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RequestError
from gateway.rpc.convert.field import optional_request_id, request_id, stamp_time, text, time_or_none, time_to_proto
from gateway.v1 import notice_pb2
from tests.unit.gateway.rpc.convert.messages import UUID, refused

MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)
)


@given(MOMENTS)
def test_times_come_back_as_they_went(at: datetime) -> None:
    written = time_to_proto(at)
    assert written is not None
    assert stamp_time(written) == at
    assert written.ToDatetime(tzinfo=UTC) == at


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(0, -1), (0, 1_000_000_000), (-62_135_596_801, 0), (253_402_300_800, 0), (2**62, 0)]
)
def test_what_is_no_time_is_refused(seconds: int, nanos: int) -> None:
    request = notice_pb2.PublishNoticeRequest(publish_time=Timestamp(seconds=seconds, nanos=nanos))
    refused(lambda message: time_or_none(message, "publish_time", "publish_time"), request, "publish_time")


def test_an_unset_time_is_none() -> None:
    assert time_or_none(notice_pb2.PublishNoticeRequest(), "publish_time", "publish_time") is None
    assert time_to_proto(None) is None


def test_below_a_microsecond_nothing_is_kept() -> None:
    assert stamp_time(Timestamp(seconds=1, nanos=1999)) == datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)


def test_a_request_id_is_a_uuid_in_its_usual_form() -> None:
    assert request_id(UUID.upper()) == UUID
    assert optional_request_id("") == ""
    for wrong in ("", "x", UUID.replace("-", ""), f"{{{UUID}}}", f"urn:uuid:{UUID}", UUID + "\n"):
        with pytest.raises(RequestError, match="request_id"):
            request_id(wrong)


@pytest.mark.parametrize("value", ["", " ", "\n\t", "x" * 11])
def test_a_text_is_there_and_bounded(value: str) -> None:
    refused(lambda message: text(message, "method", longest=10), value, "method")
