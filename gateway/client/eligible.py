"""Cohorts and their counts, as the gateway streams them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.client.connection import Connection
from gateway.client.record import bare, required_time
from gateway.errors import HostileInput
from gateway.v1 import consent_pb2_grpc, eligible_pb2

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far consent reaches for one category and method.

    Attributes:
        subjects: people of whom anything is on file.
        eligible: of them, those whom the use is allowed about.
        denied: reason code -> the others with it.
        repairs: reason code -> what usually helps.
        gain: of the denied, those whom a new consent would let in and who may be asked now.
        barred: of the denied, those whom it would let in but who may not be asked again yet.
    """

    category: str
    method: str
    at: datetime
    subjects: int
    eligible: int
    denied: dict[str, int]
    repairs: dict[str, str]
    gain: int
    barred: int


async def read_eligible(
    connection: Connection, request: eligible_pb2.ReadEligibleRequest
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield record batches of {subject_ref, consent_id} as they arrive.

    Raises:
        HostileInput: BAD_SHAPE for bytes that are no such batch.
    """
    import pyarrow as pa  # a third of a second to load: only for those who need it

    schema = pa.schema({"subject_ref": pa.string(), "consent_id": pa.string()})
    stub = consent_pb2_grpc.ConsentServiceStub(connection.channel)
    async with aclosing(connection.download(stub.ReadEligible, request)) as answers:
        async for answer in answers:
            try:
                batch = pa.ipc.read_record_batch(pa.py_buffer(answer.record_batch), schema)
                batch.validate(full=True)
            except (pa.ArrowInvalid, OSError) as error:
                raise HostileInput(
                    "BAD_SHAPE", "the gateway's answer is no Arrow record batch of a cohort; ask again"
                ) from error
            yield batch


async def read_coverage(
    connection: Connection, request: eligible_pb2.ReadCoverageRequest
) -> AsyncGenerator[Coverage, None]:
    """Yield counts as they arrive."""
    stub = consent_pb2_grpc.ConsentServiceStub(connection.channel)
    async with aclosing(connection.download(stub.ReadCoverage, request)) as answers:
        async for found in answers:
            yield Coverage(
                category=bare(found.category),
                method=found.method,
                at=required_time(found, "decide_time"),
                subjects=found.subjects,
                eligible=found.eligible,
                denied={denial.reason_code: denial.subjects for denial in found.denials},
                repairs={denial.reason_code: denial.repair for denial in found.denials},
                gain=found.gain,
                barred=found.barred,
            )
