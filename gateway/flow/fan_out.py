"""How many customers of ours stand behind one match: a household has one telephone. It is counted at home only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_NAMES = ("1", "2", "3 or more")


class FanOut:
    """Matched rows of the partner by how many of our customers each stands for."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        """Begin with no match."""
        self._counts = np.zeros(len(_NAMES), dtype=np.int64)

    def add(self, tokens: Bytes) -> None:
        """Count matches of one list.

        Args:
            tokens: (n, width) row tokens, one per customer of ours; those of one row stand together and come at once.
        """
        if not len(tokens):
            return
        begins = np.flatnonzero(np.append(True, (tokens[1:] != tokens[:-1]).any(axis=1)))
        customers = np.diff(np.append(begins, len(tokens)))
        self._counts += np.bincount(np.minimum(customers, len(_NAMES)) - 1, minlength=len(_NAMES))

    @property
    def counts(self) -> dict[str, int]:
        """Rows by number of customers; nothing where nothing matched."""
        return {name: int(rows) for name, rows in zip(_NAMES, self._counts, strict=True) if rows}
