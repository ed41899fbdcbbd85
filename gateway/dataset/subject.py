"""The customers whom rows of a source name: read in one way, whoever looks at the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import identifier
from gateway.dataset.source import Source
from gateway.dataset.text import as_text, unclear
from gateway.identifier.reason import RejectReason

_OPAQUE = identifier.parse("id.opaque")


@dataclass(frozen=True, slots=True)
class Subjects:
    """A column of customers.

    Attributes:
        written: n values as text, as they came.
        named: n values trimmed, null where nobody is named.
        empty: (n,) rows that name nobody.
        bad: (n,) rows of which nobody could say whom they name.
    """

    written: pa.StringArray
    named: pa.StringArray
    empty: npt.NDArray[np.bool_]
    bad: npt.NDArray[np.bool_]


def subjects_of(source: Source, column: str, values: pa.Array[Any]) -> Subjects:
    """Read the customers of a batch.

    Args:
        source: where the rows come from, for messages.
        column: its name, for messages.
        values: n values.

    Raises:
        SourceError: BAD_ROW for a type that has no one text.
    """
    written = as_text(source, column, values)
    named, faults = identifier.normalise(_OPAQUE, written)
    bad = unclear(values)
    empty = np.zeros(len(values), dtype=bool)
    if faults.null_count < len(faults):
        reasons = faults.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        empty = reasons == faults.dictionary.to_pylist().index(RejectReason.EMPTY)
        bad = bad | ((reasons >= 0) & ~empty)
    return Subjects(written, named, empty, bad)
