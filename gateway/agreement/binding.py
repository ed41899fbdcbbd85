"""The binding: which of our columns answer for an agreement. Local, unsigned, never sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from gateway.agreement.agreement import signatory
from gateway.agreement.record import ITEM_ID
from gateway.errors import RequestError
from gateway.route.agreement import Agreement, AgreementBinding

_SUBJECT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MAX_COLUMN = 200  # characters
MAX_MINIMUM_COHORT = 1_000_000  # people


def check_binding(agreement: Agreement, party: str, binding: AgreementBinding) -> None:
    """Check that a binding answers for everything that the agreement asks of us.

    Args:
        agreement: the agreement.
        party: our party id.
        binding: our binding of it.

    Raises:
        RequestError: BAD_FIELD: another agreement, a match key without a column,
            an agreed column that we send and that is not mapped, segments without a
            column, or a mapping of something that is not agreed.
    """
    signatory(agreement, party)
    if binding.agreement_id != agreement.agreement_id:
        raise RequestError("BAD_FIELD", "field agreement_id is not that of the agreement")
    if ITEM_ID.fullmatch(binding.dataset) is None:
        raise RequestError("BAD_FIELD", "field dataset must be the name of a data set")
    if _SUBJECT_TYPE.fullmatch(binding.subject_type) is None:
        raise RequestError("BAD_FIELD", "field subject_type must be 1 to 32 of a-z, 0-9 and _, e.g. customer")
    _column("subject_column", binding.subject_column)
    _pairs("match_key_columns", binding.match_key_columns, agreement.match_keys)
    sent = dict.fromkeys(name for way in agreement.directions if way.sender == party for name in way.columns)
    _pairs("value_columns", binding.value_columns, tuple(sent))
    _check_segment_column(agreement, party, binding.segment_column)
    if not 0 <= binding.minimum_cohort <= MAX_MINIMUM_COHORT:
        raise RequestError("BAD_FIELD", f"field minimum_cohort must be an integer from 0 to {MAX_MINIMUM_COHORT}")


def check_columns(binding: AgreementBinding, present: Collection[str], subject_column: str) -> None:
    """Check that a binding names only columns that the data set has, and its declared subject column.

    Args:
        binding: a binding that `check_binding` passed.
        present: column names of the data set.
        subject_column: the column that the data set declares.

    Raises:
        RequestError: BAD_FIELD.
    """
    if binding.subject_column != subject_column:
        raise RequestError("BAD_FIELD", "field subject_column is not the subject column that the data set declares")
    for field, pairs in (("match_key_columns", binding.match_key_columns), ("value_columns", binding.value_columns)):
        for name, column in pairs:
            if column not in present:
                raise RequestError("BAD_FIELD", f"field {field}.{name} names a column that the data set does not have")
    if binding.segment_column and binding.segment_column not in present:
        raise RequestError("BAD_FIELD", "field segment_column names a column that the data set does not have")


def _check_segment_column(agreement: Agreement, party: str, column: str) -> None:
    """Check that who groups customers says by what, and nobody else does."""
    groups = any(way.operation.grouped and way.receiver == party for way in agreement.directions)
    if groups and not column:
        raise RequestError(
            "BAD_FIELD", "field segment_column is missing: we are the receiver of AGGREGATE or OVERLAP, name the column"
        )
    if column and not groups:
        raise RequestError(
            "BAD_FIELD", "field segment_column must be empty: this side groups no customers under the agreement"
        )
    if column:
        _column("segment_column", column)


def _pairs(field: str, pairs: Sequence[tuple[str, str]], wanted: tuple[str, ...]) -> None:
    """Check that each wanted name stands exactly once on the left, and a column name on the right."""
    named = [name for name, _ in pairs]
    if len(set(named)) != len(named):
        raise RequestError("BAD_FIELD", f"field {field} maps a name twice")
    if set(named) - set(wanted):
        raise RequestError("BAD_FIELD", f"field {field} maps a name that this side does not need under the agreement")
    for name in wanted:
        if name not in named:
            raise RequestError("BAD_FIELD", f"field {field} has no column for {name}")
    for name, column in pairs:
        _column(f"{field}.{name}", column)


def _column(field: str, column: str) -> None:
    if not 0 < len(column) <= _MAX_COLUMN or not column.isprintable():
        raise RequestError("BAD_FIELD", f"field {field} must be a column name of at most {_MAX_COLUMN} characters")
