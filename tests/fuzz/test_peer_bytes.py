"""Whatever bytes a partner sends, only typed errors come out."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import AssentError, HostileInput
from gateway.peer import convert
from gateway.peer.v1 import exchange_pb2 as pb
from gateway.psi.record import OpeningHalf, sender_half_of
from gateway.psi.run import RunHalf, sender_run_half_of
from gateway.route.canonical import canonical_bytes, parse_canonical

SESSION = "ab" * 32
AT = datetime(2026, 3, 1, tzinfo=UTC)
HALF = OpeningHalf(SESSION, (7,), bytes(32), AT)
GROUPED_HALF = OpeningHalf(SESSION, (70, 90, 80), bytes(32), AT)
RUN = RunHalf(SESSION, bytes(32), AT, 5, 1, 0, AT)
GROUPED_RUN = RunHalf(SESSION, bytes(32), AT, 5, 1, 0, AT, 2)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def parsers():  # type: ignore[no-untyped-def]
    return [
        pytest.param(lambda raw: OpeningHalf.parse(raw, SESSION, range(1, 2), 10), HALF.encode(), id="opening half"),
        pytest.param(
            lambda raw: sender_half_of(raw, SESSION, 10),
            canonical_bytes(
                {
                    "session": SESSION,
                    "sender_rows": [7],
                    "sender_commitment": "00" * 32,
                    "sender_judged_at": "2026-03-01T00:00:00.000000Z",
                }
            ),
            id="opening record",
        ),
        pytest.param(
            lambda raw: OpeningHalf.parse(raw, SESSION, range(1, 9), 1000), GROUPED_HALF.encode(), id="grouped half"
        ),
        pytest.param(lambda raw: RunHalf.parse(raw, SESSION), RUN.encode(), id="run half"),
        pytest.param(lambda raw: RunHalf.parse(raw, SESSION), GROUPED_RUN.encode(), id="grouped run half"),
        pytest.param(
            lambda raw: sender_run_half_of(raw, SESSION),
            canonical_bytes({"sender": {"party": "platform", **RUN.to_mapping()}}),
            id="run record",
        ),
    ]


@pytest.mark.parametrize(("parse", "good"), parsers())
def test_the_good_record_is_read(parse, good: bytes) -> None:  # type: ignore[no-untyped-def]
    assert parse(good) in (HALF, RUN, GROUPED_HALF, GROUPED_RUN)


@pytest.mark.parametrize(("parse", "good"), parsers())
@given(data=st.data())
def test_records_raise_typed_errors_only(parse, good: bytes, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    kind = data.draw(st.sampled_from(["bytes", "json", "field", "flip"]))
    if kind == "bytes":
        raw = data.draw(st.binary(max_size=200))
    elif kind == "json":
        raw = canonical_bytes(data.draw(json_values))
    elif kind == "field":
        value = parse_canonical(good)
        inner = value.get("sender", value)
        name = data.draw(st.sampled_from(sorted(inner)))
        if data.draw(st.booleans()):
            inner[name] = data.draw(json_values)
        else:
            del inner[name]
        raw = canonical_bytes(value)
    else:
        raw = bytearray(good)
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        raw = bytes(raw)
    with contextlib.suppress(HostileInput):
        parse(raw)


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (pb.OpenSessionRequest, convert.offer_from_proto),
        (pb.OpenSessionResponse, convert.answer_from_proto),
        (pb.Chunk, convert.chunk_from_proto),
        (pb.GetSessionResponse, lambda found: convert.status_from_proto(SESSION, found)),
    ],
)
@given(raw=st.binary(max_size=300), data=st.data())
def test_messages_raise_typed_errors_only(message, read, raw: bytes, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    try:
        found = message.FromString(raw)
    except DecodeError:
        found = message()
    for field in message.DESCRIPTOR.fields:
        if data.draw(st.booleans()) and not field.is_repeated and field.type in (field.TYPE_STRING, field.TYPE_BYTES):
            text = data.draw(st.sampled_from(["", "MATCH", "ACTIVE", SESSION, "a" * 32, "😀"]))
            setattr(found, field.name, text if field.type == field.TYPE_STRING else text.encode()[:32])
    with contextlib.suppress(AssentError):
        read(found)


@given(st.binary(max_size=400), st.integers(1, 40))
def test_plaintexts_of_a_partner_raise_typed_errors_only(raw: bytes, rows: int) -> None:
    from decimal import Decimal

    from gateway.psi.attributes import decode, plaintext_bytes
    from gateway.route.agreement import Column, ColumnType

    columns = (
        Column("n", "c", ColumnType.NUMBER, Decimal(0), Decimal(10), 1, 0),
        Column("t", "c", ColumnType.BAND, None, None, 0, 3),
    )
    width = plaintext_bytes(columns)
    plaintexts = np.zeros((rows, width), dtype=np.uint8)
    flat = np.frombuffer(raw, dtype=np.uint8)[: rows * width]
    plaintexts.reshape(-1)[: len(flat)] = flat
    plaintexts[:, 0], plaintexts[:, 1] = (width - 2) >> 8, (width - 2) & 0xFF
    with contextlib.suppress(HostileInput):
        decode(plaintexts, columns)


@given(st.binary(max_size=120), st.integers(0, 5), st.integers(0, 3))
def test_counts_and_shared_sums_raise_typed_errors_only(raw: bytes, segments: int, lanes: int) -> None:
    from gateway.flow.figures import read_counts, read_shared

    with contextlib.suppress(HostileInput):
        counts, withheld = read_counts(raw, segments)
        assert len(counts) == len(withheld) == segments
        assert all(abs(count) <= 1 << 40 for count in counts)
    with contextlib.suppress(HostileInput):
        _, sums = read_shared(raw, lanes)
        assert sums is None or len(sums) == lanes


@given(st.lists(st.integers(-2, 1001) | st.booleans() | st.none() | st.text(max_size=3), max_size=12))
def test_rows_of_a_grouped_half_are_counts_within_the_cap(rows: list[object]) -> None:
    raw = canonical_bytes(
        {"v": 1, "session": SESSION, "rows": rows, "commitment": "00" * 32, "judged_at": "2026-03-01T00:00:00.000000Z"}
    )
    good = all(type(count) is int and count >= 0 for count in rows) and 1 <= len(rows) <= 8
    try:
        half = OpeningHalf.parse(raw, SESSION, range(1, 9), 1000)
    except HostileInput:
        assert not good or sum(rows) > 1000  # type: ignore[arg-type]
    else:
        assert good
        assert list(half.rows) == rows


@given(st.binary(max_size=400))
def test_late_drops_of_a_partner_are_places_or_refused(raw: bytes) -> None:
    from gateway.flow.segment_checks import positions

    rows = np.frombuffer(raw[: len(raw) // 8 * 8], dtype=np.uint8).reshape(-1, 8)
    read = positions(rows)
    for row, place in zip(rows, read.tolist(), strict=True):
        number = int.from_bytes(row.tobytes(), "big")
        assert place == number if number < 2**63 else place < 0
