"""Rows that stand for nobody, handed out as far as a list has come: both ascend."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gateway.psi.check import as_keys

Bytes = npt.NDArray[np.uint8]


class Fillers:
    """What fills a list up, taken piece by piece."""

    def __init__(self, pieces: Iterator[Bytes], key_bytes: int) -> None:
        """Take nothing yet.

        Args:
            pieces: (n, width) each, ascending by their leading bytes over all.
            key_bytes: how many leading bytes order them.
        """
        self._pieces, self._key_bytes = pieces, key_bytes
        self._held: Bytes | None = None

    def through(self, last: Bytes) -> Bytes | None:
        """Return the next fillers up to a key, itself included; None where there are none. Blocks.

        Args:
            last: (key_bytes,) the key; of a later call it is at least as great.
        """
        found: list[Bytes] = []
        while (held := self._next()) is not None:
            keys = as_keys(held[:, : self._key_bytes])
            end = int(np.searchsorted(keys, as_keys(last[None, :])[0], side="right"))
            if end:
                found.append(held[:end])
            if end < len(held):
                self._held = held[end:]
                break
            self._held = None
        return np.concatenate(found) if found else None

    def rest(self) -> Iterator[Bytes]:
        """Yield the fillers behind the last key, piece by piece. Blocks."""
        while (held := self._next()) is not None:
            self._held = None
            yield held

    def _next(self) -> Bytes | None:
        while self._held is None or not len(self._held):
            self._held = next(self._pieces, None)
            if self._held is None:
                return None
        return self._held
