"""Agreements: propose, accept, bind, look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, new_request_id, pages, required_time
from gateway.client.terms import AggregateTerms, Budget, budget_of, terms_of
from gateway.v1 import agreement_pb2, agreement_pb2_grpc, job_pb2

# Handing a document to the partner may dial it, which takes as long as the partner's network.
DIAL_TIMEOUT_S = 90.0


@dataclass(frozen=True, slots=True)
class Direction:
    """One agreed operation: the receiver initiates, `result_to` learn; a sender of rows learns whom both have."""

    operation: str
    receiver: str
    sender: str
    columns: tuple[str, ...]
    result_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute that may be disclosed.

    Attributes:
        category: category of personal information that consent is asked for.
        type: "NUMBER", "BAND" or "CATEGORY".
        scale: decimal digits of a number, 0 to 9.
    """

    name: str
    category: str
    type: str
    scale: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Our copy of an agreement.

    Attributes:
        hash: 32 bytes, the same on both sides.
        state: "PROPOSED" or "IN_FORCE".
        document: the RFC 8785 JSON that both sign.
        signatures: (party, Ed25519 signature) pairs.
        sandbox: only synthetic data may be used under it.
        aggregate: terms of AGGREGATE and OVERLAP, None where neither is agreed.
        padding: "NONE", or "POWER_OF_TWO" where lists of MATCH and ENRICH are filled up with rows of nobody.
    """

    agreement_id: str
    hash: bytes
    state: str
    document: bytes
    signatures: tuple[tuple[str, bytes], ...]
    parties: tuple[str, ...]
    purposes: tuple[str, ...]
    directions: tuple[Direction, ...]
    columns: tuple[Column, ...]
    valid_from: datetime
    valid_until: datetime
    sandbox: bool
    aggregate: AggregateTerms | None
    padding: str


@dataclass(frozen=True, slots=True)
class Binding:
    """Which of our data answers for an agreement.

    Attributes:
        dataset: a data set declared on the gateway's machine.
        subject_column: its column that names a customer.
        subject_type: what a subject is, as in the consent files, e.g. "customer".
        match_key_columns: match key -> column.
        value_columns: agreed column -> column, for what we send.
        segment_column: column of segment names, where we are the receiver of AGGREGATE or OVERLAP; else "".
        minimum_cohort: our own least number of people behind a released cell; 0 = the agreement's.
    """

    dataset: str
    subject_column: str
    subject_type: str
    match_key_columns: Mapping[str, str]
    value_columns: Mapping[str, str]
    segment_column: str = ""
    minimum_cohort: int = 0


class AsyncAgreements:
    """Calls of AgreementService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = agreement_pb2_grpc.AgreementServiceStub(connection.channel)

    async def propose(self, document: bytes, request_id: str | None = None) -> Agreement:
        """Have a document checked, signed and handed to the partner.

        Args:
            document: JSON in UTF-8, decimals as text.
            request_id: uuid; repeating a call with it returns the same agreement.
        """
        request = agreement_pb2.ProposeAgreementRequest(document=document, request_id=request_id or new_request_id())
        return _agreement(await self._connection.call(self._stub.ProposeAgreement, request, DIAL_TIMEOUT_S))

    async def accept(self, agreement_id: str, expected_hash: bytes = b"") -> Agreement:
        """Countersign a partner's proposal.

        Args:
            agreement_id: the agreement.
            expected_hash: the hash that was read and approved, 32 bytes; another one is refused.

        Raises:
            StateError: PEER_UNAVAILABLE when the partner could not be told; call again.
        """
        request = agreement_pb2.AcceptAgreementRequest(
            name=named("agreements", agreement_id), expected_hash=expected_hash
        )
        return _agreement(await self._connection.call(self._stub.AcceptAgreement, request, DIAL_TIMEOUT_S))

    async def bind(self, agreement_id: str, binding: Binding) -> Binding:
        """Bind an agreement to our data; replaces an earlier binding."""
        request = agreement_pb2.BindAgreementRequest(
            binding=agreement_pb2.AgreementBinding(
                name=named("agreements", agreement_id) + "/binding",
                dataset=named("datasets", binding.dataset),
                subject_column=binding.subject_column,
                subject_type=binding.subject_type,
                match_key_columns=[
                    agreement_pb2.MatchKeyColumn(match_key=key, column=column)
                    for key, column in binding.match_key_columns.items()
                ],
                value_columns=[
                    agreement_pb2.ValueColumn(agreed_column=agreed, column=column)
                    for agreed, column in binding.value_columns.items()
                ],
                segment_column=binding.segment_column,
                minimum_cohort=binding.minimum_cohort,
            )
        )
        stored = await self._connection.call(self._stub.BindAgreement, request)
        return Binding(
            dataset=bare(stored.dataset),
            subject_column=stored.subject_column,
            subject_type=stored.subject_type,
            match_key_columns={pair.match_key: pair.column for pair in stored.match_key_columns},
            value_columns={pair.agreed_column: pair.column for pair in stored.value_columns},
            segment_column=stored.segment_column,
            minimum_cohort=stored.minimum_cohort,
        )

    async def get(self, agreement_id: str) -> Agreement:
        """Return our copy of an agreement."""
        request = agreement_pb2.GetAgreementRequest(name=named("agreements", agreement_id))
        return _agreement(await self._connection.call(self._stub.GetAgreement, request))

    async def budget(self, agreement_id: str) -> Budget:
        """Return what statistics towards the agreement's partner cost within its period.

        Raises:
            RequestError: BAD_FIELD when the agreement allows no statistics, or is not bound.
        """
        request = agreement_pb2.GetBudgetRequest(name=named("agreements", agreement_id))
        return budget_of(await self._connection.call(self._stub.GetBudget, request))

    async def list(self) -> AsyncIterator[Agreement]:
        """Yield our copies by id."""

        async def fetch(token: str) -> tuple[list[Agreement], str]:
            request = agreement_pb2.ListAgreementsRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListAgreements, request)
            return [_agreement(agreement) for agreement in answer.agreements], answer.next_page_token

        async for agreement in pages(fetch):
            yield agreement


def _agreement(message: agreement_pb2.Agreement) -> Agreement:
    return Agreement(
        agreement_id=bare(message.name),
        hash=message.hash,
        state=agreement_pb2.AgreementState.Name(message.state).removeprefix("AGREEMENT_STATE_"),
        document=message.document,
        signatures=tuple((bare(signature.party), signature.signature) for signature in message.signatures),
        parties=tuple(bare(party) for party in message.parties),
        purposes=tuple(bare(purpose) for purpose in message.purposes),
        directions=tuple(
            Direction(
                operation=job_pb2.Operation.Name(direction.operation).removeprefix("OPERATION_"),
                receiver=bare(direction.receiver),
                sender=bare(direction.sender),
                columns=tuple(direction.columns),
                result_to=tuple(bare(party) for party in direction.result_to),
            )
            for direction in message.directions
        ),
        columns=tuple(
            Column(
                name=column.name,
                category=bare(column.category),
                type=agreement_pb2.ColumnType.Name(column.type).removeprefix("COLUMN_TYPE_"),
                scale=column.scale,
            )
            for column in message.columns
        ),
        valid_from=required_time(message, "valid_from_time"),
        valid_until=required_time(message, "valid_until_time"),
        sandbox=message.sandbox,
        aggregate=terms_of(message),
        padding=agreement_pb2.Padding.Name(message.padding).removeprefix("PADDING_"),
    )
