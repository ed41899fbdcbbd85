"""S's late drops, read along with its table: both ascend by tag."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gateway.flow.lost import among
from gateway.flow.members import stage_pieces
from gateway.flow.ports import StageFile
from gateway.psi.check import as_keys

Bytes = npt.NDArray[np.uint8]


class Drops:
    """Stage 4 of MATCH and ENRICH on disk."""

    def __init__(self, file: StageFile, threads: int) -> None:
        """Read nothing yet.

        Args:
            file: the stage, whole.
            threads: native threads.
        """
        self._pieces: Iterator[Bytes] = stage_pieces(file)
        self._threads = threads
        self._held = np.empty((0, file.record_size), dtype=np.uint8)

    def among(self, tokens: Bytes) -> npt.NDArray[np.bool_]:
        """Return which tokens, (n, t) ascending, were dropped; of a later call all are at least as great. Blocks."""
        if not len(tokens):
            return np.zeros(0, dtype=bool)
        while not len(self._held) or self._held[-1].tobytes() < tokens[-1].tobytes():
            piece = next(self._pieces, None)
            if piece is None:
                break
            begin = np.searchsorted(as_keys(self._held), as_keys(tokens[:1])[0])
            self._held = np.concatenate([self._held[begin:], piece])
        return among(self._held, tokens, self._threads)
