"""Agreements and their bindings, from and to messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from gateway.route.agreement import AgreementBinding, AgreementCopy, AgreementState, ColumnType, Padding
from gateway.rpc.convert.aggregate import terms_to_proto
from gateway.rpc.convert.field import octets, refuse, some, text, text_or_empty, time_to_proto
from gateway.rpc.convert.job import OPERATION_NUMBERS
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import agreement_pb2

MAX_DOCUMENT_BYTES = 256 * 1024
MAX_NAME = 200
MAX_MATCH_KEYS = 16
MAX_COLUMNS = 256
_BINDING = "/binding"


def document_from_proto(document: bytes, path: str = "document") -> Mapping[str, object]:
    """Parse a JSON document; its fields are checked where its meaning is known.

    Raises:
        RequestError: BAD_FIELD for anything but a JSON object without floats and repeated keys.
    """
    octets(document, path, most=MAX_DOCUMENT_BYTES)
    try:
        parsed = json.loads(
            document.decode("utf-8"), object_pairs_hook=_object, parse_float=_no_float, parse_constant=_no_float
        )
    except (ValueError, RecursionError):
        refuse(path, "must be a JSON object in UTF-8, decimals as text and no key twice")
    if not isinstance(parsed, dict):
        refuse(path, "must be a JSON object")
    return parsed


def binding_from_proto(message: agreement_pb2.BindAgreementRequest) -> AgreementBinding:
    """Parse a binding.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.HasField("binding"):
        refuse("binding", "is required")
    binding = message.binding
    if not binding.name.endswith(_BINDING):
        refuse("binding.name", 'must be a name like "agreements/.../binding"')
    keys = some(binding.match_key_columns, "binding.match_key_columns", most=MAX_MATCH_KEYS)
    values = some(binding.value_columns, "binding.value_columns", least=0, most=MAX_COLUMNS)
    return AgreementBinding(
        agreement_id=id_of(binding.name.removesuffix(_BINDING), "agreements", "binding.name"),
        dataset=id_of(binding.dataset, "datasets", "binding.dataset"),
        subject_column=text(binding.subject_column, "binding.subject_column", longest=MAX_NAME),
        subject_type=text(binding.subject_type, "binding.subject_type", longest=MAX_NAME),
        match_key_columns=tuple(
            (
                text(key.match_key, f"binding.match_key_columns[{row}].match_key", longest=MAX_NAME),
                text(key.column, f"binding.match_key_columns[{row}].column", longest=MAX_NAME),
            )
            for row, key in enumerate(keys)
        ),
        value_columns=tuple(
            (
                text(value.agreed_column, f"binding.value_columns[{row}].agreed_column", longest=MAX_NAME),
                text(value.column, f"binding.value_columns[{row}].column", longest=MAX_NAME),
            )
            for row, value in enumerate(values)
        ),
        segment_column=text_or_empty(binding.segment_column, "binding.segment_column", longest=MAX_NAME),
        minimum_cohort=binding.minimum_cohort,
    )


def expected_hash_from_proto(message: agreement_pb2.AcceptAgreementRequest) -> str:
    """Return the approved hash as hex, or "" when any is accepted.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.expected_hash:
        return ""
    return octets(message.expected_hash, "expected_hash", least=32, most=32).hex()


def agreement_to_proto(copy: AgreementCopy) -> agreement_pb2.Agreement:
    """Write our copy of an agreement."""
    agreement = copy.agreement
    return agreement_pb2.Agreement(
        name=name_of("agreements", agreement.agreement_id),
        hash=agreement.hash,
        state=_STATES[copy.state],
        document=agreement.document,
        signatures=[
            agreement_pb2.AgreementSignature(party=name_of("parties", party), signature=signature)
            for party, signature in copy.signatures
        ],
        parties=[name_of("parties", party.party) for party in agreement.parties],
        purposes=[name_of("purposes", purpose) for purpose in agreement.purposes],
        directions=[
            agreement_pb2.AgreementDirection(
                operation=OPERATION_NUMBERS[direction.operation],
                receiver=name_of("parties", direction.receiver),
                sender=name_of("parties", direction.sender),
                columns=direction.columns,
                result_to=[name_of("parties", party) for party in direction.result_to],
            )
            for direction in agreement.directions
        ],
        columns=[
            agreement_pb2.AgreementColumn(
                name=column.name,
                category=name_of("categories", column.category),
                type=_COLUMN_TYPES[column.type],
                scale=column.scale,
            )
            for column in agreement.columns
        ],
        valid_from_time=time_to_proto(agreement.valid_from),
        valid_until_time=time_to_proto(agreement.valid_until),
        sandbox=agreement.sandbox,
        aggregate=terms_to_proto(agreement.aggregate),
        padding=_PADDINGS[agreement.padding],
    )


def binding_to_proto(binding: AgreementBinding) -> agreement_pb2.AgreementBinding:
    """Write a binding."""
    return agreement_pb2.AgreementBinding(
        name=name_of("agreements", binding.agreement_id) + _BINDING,
        dataset=name_of("datasets", binding.dataset),
        subject_column=binding.subject_column,
        subject_type=binding.subject_type,
        match_key_columns=[
            agreement_pb2.MatchKeyColumn(match_key=key, column=column) for key, column in binding.match_key_columns
        ],
        value_columns=[
            agreement_pb2.ValueColumn(agreed_column=agreed, column=column) for agreed, column in binding.value_columns
        ],
        segment_column=binding.segment_column,
        minimum_cohort=binding.minimum_cohort,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated key")
    return found


def _no_float(text: str) -> NoReturn:
    raise ValueError("decimal number")


_STATES = {
    AgreementState.PROPOSED: agreement_pb2.AGREEMENT_STATE_PROPOSED,
    AgreementState.IN_FORCE: agreement_pb2.AGREEMENT_STATE_IN_FORCE,
}
_PADDINGS = {
    Padding.NONE: agreement_pb2.PADDING_NONE,
    Padding.POWER_OF_TWO: agreement_pb2.PADDING_POWER_OF_TWO,
}
_COLUMN_TYPES = {
    ColumnType.NUMBER: agreement_pb2.COLUMN_TYPE_NUMBER,
    ColumnType.BAND: agreement_pb2.COLUMN_TYPE_BAND,
    ColumnType.CATEGORY: agreement_pb2.COLUMN_TYPE_CATEGORY,
}
