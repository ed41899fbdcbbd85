"""One row per subject: equal rows fold into one, conflicting ones are all left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, slots=True)
class Folded:
    """What is left of n rows.

    Attributes:
        kept: positions of the first row of every subject without a conflict, ascending.
        conflicting: (n,) flags of all rows of subjects with a conflict.
        folded: rows that only repeated a kept one.
    """

    kept: npt.NDArray[np.int64]
    conflicting: npt.NDArray[np.bool_]
    folded: int


def fold(subjects: pa.StringArray, contents: Sequence[pa.Array[Any]]) -> Folded:
    """Fold rows of one subject.

    Args:
        subjects: n subjects, never null.
        contents: columns of n values each, in which rows of one subject must agree;
            null agrees with null only.
    """
    of = _codes(subjects)
    n = len(of)
    # Codes count up in order of appearance. Assigning backwards leaves each subject's first row.
    first = np.empty(int(of.max()) + 1 if n else 0, np.int64)
    first[of[::-1]] = np.arange(n)[::-1]
    differs = np.zeros(n, np.bool_)
    for content in contents:
        codes = _codes(content)
        differs |= codes != codes[first[of]]
    in_conflict = np.zeros(len(first), np.bool_)
    in_conflict[of[differs]] = True
    conflicting = in_conflict[of]
    kept = np.sort(first[~in_conflict])
    return Folded(kept, conflicting, n - len(kept) - int(conflicting.sum()))


def _codes(values: pa.Array[Any]) -> npt.NDArray[np.int64]:
    """Number the distinct values; null is a value of its own."""
    indices = pc.fill_null(pc.dictionary_encode(values).indices, -1)
    return np.asarray(indices).astype(np.int64)
