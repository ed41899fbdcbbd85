"""Cohorts and their counts, to messages; what is asked, from them."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from consent.question import Use
from consent.reason import REASONS, ReasonCode
from gateway.flow.eligible import Coverage
from gateway.rpc.convert.consent import MAX_METHOD
from gateway.rpc.convert.field import text, time_to_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import eligible_pb2

_ROWS = 16_384
_BYTES = 1024 * 1024


def cohort_use_from_proto(message: eligible_pb2.ReadEligibleRequest, own_party: str) -> Use:
    """Parse the use whose cohort is asked for.

    Args:
        message: the request.
        own_party: the handler where none is named.

    Raises:
        RequestError: BAD_FIELD.
    """
    handler, purpose, recipient = scope_from_proto(message, own_party)
    category = id_of(message.category, "categories", "category")
    return Use(handler, recipient, purpose, category, text(message.method, "method", longest=MAX_METHOD))


def scope_from_proto(
    message: eligible_pb2.ReadEligibleRequest | eligible_pb2.ReadCoverageRequest, own_party: str
) -> tuple[str, str, str | None]:
    """Parse handler, purpose and recipient; arguments and errors as `cohort_use_from_proto`."""
    handler = id_of(message.handler, "parties", "handler") if message.handler else own_party
    purpose = id_of(message.purpose, "purposes", "purpose")
    return handler, purpose, id_of(message.recipient, "parties", "recipient") if message.recipient else None


def narrowed_from_proto(message: eligible_pb2.ReadCoverageRequest) -> tuple[str | None, str | None]:
    """Parse the category and the method to which counting is narrowed; None is any.

    Raises:
        RequestError: BAD_FIELD.
    """
    category = id_of(message.category, "categories", "category") if message.category else None
    return category, text(message.method, "method", longest=MAX_METHOD) if message.method else None


def eligible_to_proto(batch: pa.RecordBatch) -> Iterator[eligible_pb2.ReadEligibleResponse]:
    """Write a record batch, cut so that a message is 1 MiB at most."""
    start = 0
    while start < batch.num_rows:
        piece = batch.slice(start, _ROWS)
        while piece.num_rows > 1 and piece.nbytes > _BYTES:
            piece = piece.slice(0, piece.num_rows // 2)
        yield eligible_pb2.ReadEligibleResponse(record_batch=piece.serialize().to_pybytes())
        start += piece.num_rows


def coverage_to_proto(coverage: Coverage) -> eligible_pb2.ReadCoverageResponse:
    """Write counts with the repair of each reason."""
    return eligible_pb2.ReadCoverageResponse(
        category=name_of("categories", coverage.use.category),
        method=coverage.use.method,
        decide_time=time_to_proto(coverage.at),
        subjects=coverage.subjects,
        eligible=coverage.eligible,
        denials=[
            eligible_pb2.DenialCount(reason_code=code, subjects=count, repair=REASONS[ReasonCode(code)].repair)
            for code, count in coverage.denied.items()
        ],
        gain=coverage.gain,
        barred=coverage.barred,
    )
