"""Rows of matched customers, as they lie on disk, made into a `Matched`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.psi.attributes import decode, plaintext_bytes
from gateway.psi.fields import Fields
from gateway.route.agreement import Column
from gateway.route.matched import Matched
from gateway.route.subject_ref import REF_BYTES

Bytes = npt.NDArray[np.uint8]


def matched_fields(tag_bytes: int, columns: tuple[Column, ...], numbered: bool = False, lists: int = 0) -> Fields:
    """Return the fields of a matched customer's row: who, the row token, and what was learned.

    Args:
        tag_bytes: of a row token.
        columns: asked columns; empty for MATCH, and for what a sender learns.
        lists: bytes that say by which match key, 0 where there is one.
        numbered: whether a row says which row of the table it stands in: where S learns the matches, too.
    """
    return Fields(
        ref=REF_BYTES, list=lists, token=tag_bytes, number=8 if numbered else 0, plain=plaintext_bytes(columns)
    )


def matched_of(rows: Bytes, fields: Fields, columns: tuple[Column, ...], consent_ids: pa.StringArray) -> Matched:
    """Return rows as matched customers.

    Args:
        rows: (m, width).
        fields: of `matched_fields`.
        columns: asked columns.
        consent_ids: m ids of the consents that let them in.

    Raises:
        HostileInput: BAD_SHAPE when a row does not hold the agreed columns.
    """
    return Matched(
        subject_refs=fields.of(rows, "ref"),
        consent_ids=consent_ids,
        row_tokens=fields.of(rows, "token"),
        columns=decode(fields.of(rows, "plain"), columns) if columns else None,
    )
