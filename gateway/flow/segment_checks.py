"""What the receiver checks of each stage of an AGGREGATE that it pulls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gateway.errors import HostileInput, Misuse
from gateway.psi import segments as psi
from gateway.psi.check import check_ascending
from gateway.psi.record import Opening
from gateway.psi.stages import Grouped
from gateway.route.session import AggregateStage

Bytes = npt.NDArray[np.uint8]


class SegmentChecks:
    """Order inside lists, elements, places, flags."""

    def __init__(self, stage: AggregateStage, sizes: Opening, threads: int) -> None:
        self._stage, self._sizes, self._threads = stage, sizes, threads
        self._previous: bytes | None = None
        self._pieces: list[Bytes] = []

    def add(self, seq: int, rows: Bytes) -> None:
        """Take the records of the next chunk.

        Raises:
            HostileInput: NOT_ASCENDING or BAD_SHAPE.
        """
        if self._stage is AggregateStage.EVALUATED:
            self._pieces.append(rows)
        elif self._stage is AggregateStage.SENDER_ELEMENTS:
            self._previous = check_ascending(self._stage, seq, rows, self._previous)
            self._pieces.append(rows)
        elif self._stage is AggregateStage.LATE_DROPS:
            self._previous = check_ascending(self._stage, seq, rows, self._previous)
            listed = self._sizes.stage(AggregateStage.SENDER_ELEMENTS).rows
            if (positions(rows) >= listed).any() or (positions(rows) < 0).any():
                raise HostileInput("BAD_SHAPE", f"stage 5 LATE_DROPS, chunk {seq}: names a row beyond the list")
        elif self._stage is AggregateStage.RESULTS and (rows[:, 0] > 1).any():
            raise HostileInput("BAD_SHAPE", f"stage 7 RESULTS, chunk {seq}: a flag is neither 0 nor 1")

    def finish(self, read: Callable[[int], bytes]) -> None:
        """Check the lists as wholes.

        Raises:
            HostileInput: NOT_ASCENDING, NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT.
        """
        if not self._pieces:
            return
        elements = np.concatenate(self._pieces)
        if self._stage is AggregateStage.EVALUATED:
            psi.check_lists(self._stage, elements, grouped_part(self._sizes).elements(self._sizes.receiver.rows))
        psi.check_elements(self._stage, elements, self._threads)


def grouped_part(sizes: Opening) -> Grouped:
    """Return what the opening record of an AGGREGATE or OVERLAP says beside the rows."""
    if sizes.grouped is None:
        raise Misuse("a session of rows reached the segments' route")
    return sizes.grouped


def positions(rows: Bytes) -> npt.NDArray[np.int64]:
    """Read rows of stage 5 as places in the sender's list."""
    return np.ascontiguousarray(rows).view(">u8").reshape(-1).astype(np.int64)
