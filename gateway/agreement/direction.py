"""A direction: one operation, who starts it, who answers, who learns the result."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.agreement.record import PARTY_ID, Record
from gateway.route.agreement import AggregateTerms, Column, Direction, Noise, Operation

MAX_DIRECTIONS = 16
MAX_COLUMNS = 64

_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")


def directions(
    fields: Record, parties: Sequence[str], columns: Sequence[Column], aggregate: AggregateTerms | None
) -> tuple[Direction, ...]:
    """Read the list of directions.

    Args:
        fields: the document.
        parties: ids of the two parties.
        columns: the agreement's columns.
        aggregate: the terms of statistics, if there are any.

    Raises:
        RequestError: BAD_FIELD with the field's path.
    """
    found = tuple(
        _direction(entry, parties, columns, aggregate) for entry in fields.records("directions", 1, MAX_DIRECTIONS)
    )
    if len({(one.operation, one.receiver) for one in found}) != len(found):
        fields.refuse("directions", "gives an operation twice to one receiver")
    if aggregate is not None and aggregate.noise is Noise.NONE:
        _check_exact(fields, found)
    return found


def _check_exact(fields: Record, found: Sequence[Direction]) -> None:
    """Refuse exact sums of a column beside its values: one row more or less in a sum could then be told apart."""
    for one in found:
        if one.operation is not Operation.AGGREGATE:
            continue
        for other in found:
            if other.operation is Operation.ENRICH and other.sender == one.sender:
                both = sorted(set(one.columns) & set(other.columns))
                if both:
                    fields.refuse("directions", f"give column {both[0]} to ENRICH and, without noise, to AGGREGATE")


def check_match_keys(
    fields: Record, agreed: Sequence[Direction], match_keys: Sequence[str], aggregate: AggregateTerms | None
) -> None:
    """Refuse noisy statistics over several match keys: one person would be charged once and counted twice.

    Raises:
        RequestError: BAD_FIELD.
    """
    if aggregate is None or len(match_keys) == 1 or not any(one.operation.grouped for one in agreed):
        return
    if Noise.LAPLACE in (aggregate.dummies, aggregate.noise):
        fields.refuse(
            "match_keys",
            "must name one match key: AGGREGATE and OVERLAP with dummies or noise count people by one; several keys "
            "need aggregate.dummies NONE and aggregate.noise NONE",
        )


def _direction(
    entry: Record, parties: Sequence[str], columns: Sequence[Column], aggregate: AggregateTerms | None
) -> Direction:
    operation = entry.choice("operation", Operation)
    receiver = entry.text("receiver", PARTY_ID, "a party id")
    sender = entry.text("sender", PARTY_ID, "a party id")
    if {receiver, sender} != set(parties):
        entry.refuse("sender", "and receiver must be the two parties")
    wanted = entry.texts("columns", 0, MAX_COLUMNS, _COLUMN, "a column name")
    _check_columns(entry, operation, wanted, columns)
    result_to = entry.texts("result_to", 1, 2, PARTY_ID, "a party id")
    if not set(result_to) <= set(parties):
        entry.refuse("result_to", "must name one or both of the two parties")
    if len(result_to) == 2 and result_to[0] != receiver:
        entry.refuse("result_to", "must name the receiver first")
    if not operation.grouped and result_to[0] != receiver:
        entry.refuse("result_to", f"must name the receiver: of {operation.value} the sender learns what it does")
    entry.close()
    if operation.grouped:
        _check_terms(entry, operation, wanted, aggregate)
    return Direction(operation, receiver, sender, wanted, result_to)


def _check_columns(entry: Record, operation: Operation, wanted: Sequence[str], columns: Sequence[Column]) -> None:
    if operation in (Operation.MATCH, Operation.OVERLAP) and wanted:
        entry.refuse("columns", f"must be empty: {operation.value} discloses no attribute")
    if operation is Operation.ENRICH and not wanted:
        entry.refuse("columns", "must name at least one column: ENRICH discloses attributes")
    if operation is Operation.AGGREGATE and not wanted:
        entry.refuse("columns", "must name at least one column; for counts alone agree on OVERLAP")
    if not {one.name for one in columns}.issuperset(wanted):
        entry.refuse("columns", "names a column that the agreement does not define")


def _check_terms(entry: Record, operation: Operation, wanted: Sequence[str], aggregate: AggregateTerms | None) -> None:
    if aggregate is None:
        entry.refuse("operation", f"is {operation.value}, which needs the field aggregate; it is null, write its terms")
    measured = {one.column for one in aggregate.measures}
    for row, name in enumerate(wanted):
        if name not in measured:
            entry.refuse(f"columns[{row}]", "has no measure; add one to aggregate.measures, or remove the column")
