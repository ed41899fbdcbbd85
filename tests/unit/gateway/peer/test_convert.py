from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HostileInput, RequestError
from gateway.peer import convert
from gateway.peer.v1 import exchange_pb2 as pb
from gateway.route.agreement import Operation
from gateway.route.job import Failure
from gateway.route.session import AggregateStage, Chunk, SessionOffer, SessionState, SessionStatus, Stage, StageStatus

SESSION = "ab" * 32


def offer(operation: Operation, columns: tuple[str, ...] = ()) -> SessionOffer:
    return SessionOffer(
        agreement_id="0f7c2a52-6a6b-4c0e-9d5c-2b7e8f1a3c4d",
        agreement_hash=bytes(range(32)),
        operation=operation,
        suite="ristretto255-SHA512",
        match_keys=("phone.e164",),
        purpose="measure",
        columns=columns,
        declared_rows=1000,
        capabilities=("x",),
        nonce=bytes(32),
    )


def refused(message: pb.OpenSessionRequest) -> str:
    with pytest.raises(RequestError) as caught:
        convert.offer_from_proto(message)
    return caught.value.message


@pytest.mark.parametrize("operation", Operation)
def test_an_offer_comes_back_as_it_went(operation: Operation) -> None:
    columns = tuple(f"c{n}" for n in range({Operation.ENRICH: 3, Operation.AGGREGATE: 64}.get(operation, 0)))
    assert convert.offer_from_proto(convert.offer_to_proto(offer(operation, columns))) == offer(operation, columns)


@pytest.mark.parametrize(
    ("operation", "columns", "said"),
    [
        (Operation.ENRICH, 4, "columns: may name at most 3 columns"),
        (Operation.AGGREGATE, 65, "columns: may name at most 64 columns"),
    ],
)
def test_more_columns_than_an_operation_has_are_refused(operation: Operation, columns: int, said: str) -> None:
    assert said in refused(convert.offer_to_proto(offer(operation, tuple(f"c{n}" for n in range(columns)))))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"operation": "COUNT"}, "operation: must be one of MATCH, ENRICH, AGGREGATE, OVERLAP"),
        ({"operation": ""}, "operation"),
        ({"agreement_id": "x"}, "agreement_id"),
        ({"agreement_hash": b"x"}, "agreement_hash"),
        ({"declared_rows": 10**9 + 1}, "declared_rows"),
        ({"receiver_nonce": b""}, "receiver_nonce"),
        ({"purpose": "a b"}, "purpose[0]"),
    ],
)
def test_a_bad_field_of_an_offer_is_named(changes: dict[str, Any], said: str) -> None:
    message = convert.offer_to_proto(offer(Operation.OVERLAP))
    for name, value in changes.items():
        setattr(message, name, value)
    assert said in refused(message)


@pytest.mark.parametrize("stage", [*Stage, *AggregateStage])
def test_every_stage_has_its_number(stage: Stage | AggregateStage) -> None:
    chunk = Chunk(SESSION, stage, 7, bytes(32), b"rows")
    read = convert.chunk_from_proto(convert.chunk_to_proto(chunk))
    assert read == chunk
    assert type(read.stage) is int


@pytest.mark.parametrize("number", [9, 255, 2**32 - 1])
def test_an_unknown_stage_is_refused(number: int) -> None:
    message = convert.chunk_to_proto(Chunk(SESSION, 0, 0, bytes(32), b""))
    message.stage = number
    with pytest.raises(RequestError, match="stage: must be 0 to 8"):
        convert.chunk_from_proto(message)


def test_where_a_session_stands_comes_back_without_stages_of_the_future() -> None:
    stages = (StageStatus(0, 0, 1, True), StageStatus(8, -1, 0, False))
    status = SessionStatus(SESSION, SessionState.ACTIVE, stages, Failure("BAD_SHAPE", "why"))
    message = convert.status_to_proto(status)
    message.stages.add(stage=9, last_seq=1)
    assert convert.status_from_proto(SESSION, message) == status
    message.state = "DREAMING"
    with pytest.raises(HostileInput, match="does not know"):
        convert.status_from_proto(SESSION, message)


@given(
    st.text(max_size=20), st.lists(st.text(max_size=8), max_size=5), st.integers(0, 2**64 - 1), st.binary(max_size=40)
)
def test_any_offer_is_read_or_refused(word: str, names: list[str], rows: int, octets: bytes) -> None:
    message = pb.OpenSessionRequest(
        agreement_id=word, operation="AGGREGATE", columns=names, declared_rows=rows, receiver_nonce=octets
    )
    refused(message)
