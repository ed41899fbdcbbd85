"""An external sort of fixed-width rows by uniform keys: in memory while they fit, by ranges of the key beyond."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gateway import kernel
from gateway.errors import Misuse
from gateway.spool.ranges import BYTE_RANGES, RANGES, Bytes, first_difference, ranges_of, ranges_of_byte
from gateway.spool.spill import Run, Spill

Places = npt.NDArray[np.int64]

LEAST_ROWS = 64
ORDER_BYTES = 40
"""Of `kernel.order_rows` per row: 32 of working memory, and 8 of the order."""
_MAX_BLOCK_BYTES = 1 << 20
_MAX_PIECE_BYTES = 32 << 20  # the caller makes several copies of a piece, which are not part of the sort's memory
_RANGE_BYTES = 16 << 10  # that a range of one run should hold on average; with less memory there are fewer ranges
_MAX_COARSE = 5


@dataclass(frozen=True, slots=True)
class _Group:
    """Neighbouring ranges that are read together and make one piece.

    Attributes:
        runs: where their rows lie, in the order in which they were added.
        first: the first range.
        behind: the range behind the last one.
        rows: how many rows they hold.
        one_key: whether all of them have one key, which needs no ordering.
    """

    runs: tuple[Run, ...]
    first: int
    behind: int
    rows: int
    one_key: bool = False


class SpooledSorter:
    """A Sorter. While one piece is with the caller, a thread reads and orders the next one.

    Pieces fill at most a quarter of `memory`, and 32 MiB. The rows of one key may fill a half; more than that come
    divided.
    """

    def __init__(self, path: Path, width: int, key_bytes: int, memory: int) -> None:
        """Begin a sort.

        Args:
            path: where it may spill, in a folder that exists.
            width: bytes per row.
            key_bytes: leading bytes that order the rows, 8 to width.
            memory: bytes to hold, with all that ordering takes; at least `least_memory`.
        """
        self._path = path
        self._what = f"the sort {path.name.removeprefix('sort-')} of the spool"
        self._width = width
        self._key_bytes = key_bytes
        # A quarter is for two pieces of what is held in memory: the caller's and the next one.
        self._capacity = memory * 3 // 4 // (width + ORDER_BYTES)
        self._held_piece = min(memory // 8, _MAX_PIECE_BYTES) // width
        # The caller's piece, the next one, its rows as they were read, and their order.
        self._piece = min(min(memory // 4, _MAX_PIECE_BYTES) // width, memory // (3 * width + ORDER_BYTES))
        self._one_key = memory // 2 // width
        self._block = min(max(memory // 32 // width, 1), max(_MAX_BLOCK_BYTES // width, 1))
        fewer = (RANGES * _RANGE_BYTES - 1) // (self._capacity * width)
        self._coarse = min(fewer.bit_length(), _MAX_COARSE)
        self._state = "adding"
        self._rows = 0
        self._arena: Bytes | None = None
        self._held = 0
        self._cuts: list[Places] = []
        self._spill: Spill | None = None
        self._runs: list[Run] = []
        self._plan: list[_Group] = []

    @staticmethod
    def least_memory(width: int) -> int:
        """Return the least `memory` for rows of a width, bytes."""
        return LEAST_ROWS * (width + ORDER_BYTES) * 4 // 3

    @property
    def rows(self) -> int:
        """Rows added so far."""
        return self._rows

    def add(self, rows: Bytes) -> None:
        """Take rows in any order.

        Args:
            rows: (n, width); copied.

        Raises:
            StateError: DISK_FULL; NOT_FOUND when the job's folder went. The sort is lost then.
        """
        if self._state != "adding":
            raise Misuse(f"rows were added to {self._what}, which is {self._state}")
        if rows.ndim != 2 or rows.shape[1] != self._width or rows.dtype != np.uint8:
            raise Misuse(f"{self._what} takes rows of {self._width} bytes, not {rows.dtype} of shape {rows.shape}")
        taken = 0
        while taken < len(rows):
            if self._held == self._capacity:
                self._spill_held()
            if self._arena is None:
                # Reserved, not used: the system gives memory to a page when it is first written.
                self._arena = np.empty((self._capacity, self._width), np.uint8)
            part = rows[taken : taken + self._capacity - self._held]
            self._arena[self._held : self._held + len(part)] = part
            self._held += len(part)
            taken += len(part)
        self._rows += len(rows)

    def pieces(self) -> Iterator[Bytes]:
        """Yield all rows ascending by key, in pieces; those of one key in one piece, as they were added.

        Where one key has more rows than fit in half of the memory, they fill several pieces, of two rows at least, with
        no other key among them: only repeated rows of a source make that many.
        The first one is the work: nothing is ordered before it is asked for.

        Raises:
            StateError: DISK_FULL; NOT_FOUND when the disk is damaged. The sort is lost then.
        """
        if self._state == "closed":
            raise Misuse(f"pieces were asked of {self._what}, which is closed")
        if self._state == "adding":
            self._finish()
        yield from self._held_pieces() if self._spill is None else self._spilled_pieces(self._spill)

    def close(self) -> None:
        """Give memory and disk back; closing twice is fine."""
        self._state = "closed"
        self._arena, self._held = None, 0
        self._cuts, self._runs, self._plan = [], [], []
        if self._spill is not None:
            self._spill.close()

    def _finish(self) -> None:
        if self._spill is None and self._order_held():
            self._state = "sorted"
            return
        spill = self._spill_held()
        self._arena = None
        try:
            self._plan = list(self._planned(spill, tuple(self._runs)))
        except BaseException:
            self.close()
            raise
        self._state = "sorted"

    # ---- in memory -------------------------------------------------------------------------------------------

    def _order_held(self) -> bool:
        """Order the rows held and cut the order into pieces; False when one key has too many rows for a piece."""
        if self._arena is None:
            return True
        rows = self._arena[: self._held]
        order = kernel.order_rows(rows, self._key_bytes)
        start = 0
        while start < len(order):
            end = start + self._held_piece
            if end < len(order):
                end = first_of_key(rows, order, self._key_bytes, start, end)
            if end == start:
                self._cuts = []
                return False
            self._cuts.append(order[start:end])
            start = end
        return True

    def _held_pieces(self) -> Iterator[Bytes]:
        for cut in tuple(self._cuts):
            if self._arena is None:
                raise Misuse(f"{self._what} was closed while its pieces were read")
            yield kernel.take_rows(self._arena, cut)

    # ---- on disk ---------------------------------------------------------------------------------------------

    def _spill_held(self) -> Spill:
        try:
            if self._spill is None:
                self._spill = Spill(self._path, self._what, self._width, self._block)
            if self._arena is not None and self._held:
                rows = self._arena[: self._held]
                self._runs.append(self._spill.write(rows, ranges_of(rows, self._coarse), RANGES >> self._coarse))
                self._held = 0
            return self._spill
        except BaseException:
            self.close()
            raise

    def _spilled_pieces(self, spill: Spill) -> Iterator[Bytes]:
        ahead = ThreadPoolExecutor(1, thread_name_prefix="sort")
        coming: Future[Bytes] | None = None
        try:
            for group in tuple(self._plan):
                ready, coming = coming, ahead.submit(self._read, spill, group)
                if ready is not None:
                    yield ready.result()
                    del ready
            if coming is not None:
                yield coming.result()
        finally:
            ahead.shutdown(cancel_futures=True)

    def _read(self, spill: Spill, group: _Group) -> Bytes:
        rows = np.empty((group.rows, self._width), np.uint8)
        filled = 0
        for run in group.runs:
            filled += spill.read(run, group.first, group.behind, rows[filled:])
        if group.one_key:
            return rows
        return kernel.take_rows(rows, kernel.order_rows(rows, self._key_bytes))

    def _planned(self, spill: Spill, runs: tuple[Run, ...]) -> Iterator[_Group]:
        """Yield groups of ranges that fit into one piece each, cutting a range that does not fit into finer ones."""
        counts = np.sum([run.counts for run in runs], axis=0).tolist()
        first = rows = 0
        for number, count in enumerate([*counts, 0]):
            if rows and (rows + count > self._piece or number == len(counts)):
                yield _Group(runs, first, number, rows)
                first, rows = number, 0
            if count > self._piece:
                yield from self._split(spill, _Group(runs, number, number + 1, count))
                first = number + 1
            else:
                rows += count

    def _split(self, spill: Spill, group: _Group) -> Iterator[_Group]:
        parts = (part for run in group.runs for part in spill.parts(run, group.first, group.behind))
        key = next(parts)[0, : self._key_bytes].copy()
        place = self._key_bytes
        for run in group.runs:
            for part in spill.parts(run, group.first, group.behind):
                place = min(place, first_difference(part, key[:place]))
        if place == self._key_bytes:
            if group.rows > self._one_key:
                yield from self._divided(spill, group)
            else:
                yield _Group(group.runs, group.first, group.behind, group.rows, one_key=True)
            return
        finer = tuple(
            spill.write(rows, ranges_of_byte(rows, place), BYTE_RANGES)
            for rows in self._read_in_parts(spill, group, self._piece)
        )
        yield from self._planned(spill, finer)

    def _divided(self, spill: Spill, group: _Group) -> Iterator[_Group]:
        """Yield the rows of one key as several groups of about one size."""
        groups = -(-group.rows // self._piece)
        for rows in self._read_in_parts(spill, group, -(-group.rows // groups)):
            run = spill.write(rows, np.zeros(len(rows), np.uint16), 1)
            yield _Group((run,), 0, 1, len(rows), one_key=True)

    def _read_in_parts(self, spill: Spill, group: _Group, size: int) -> Iterator[Bytes]:
        """Yield the rows of a group, `size` at a time; a part is valid until the next one."""
        rows, held = np.empty((size, self._width), np.uint8), 0
        for run in group.runs:
            for part in spill.parts(run, group.first, group.behind):
                while len(part):
                    taken = part[: size - held]
                    rows[held : held + len(taken)] = taken
                    held, part = held + len(taken), part[len(taken) :]
                    if held == size:
                        yield rows
                        held = 0
        if held:
            yield rows[:held]


def first_of_key(rows: Bytes, order: Places, key_bytes: int, start: int, at: int) -> int:
    """Return where the key of one row of an order begins, not before `start`.

    Args:
        rows: as ordered.
        order: from `kernel.order_rows`.
        key_bytes: as there.
        start: least answer.
        at: place in the order.
    """
    key = rows[order[at], :key_bytes].tobytes()
    places = range(start, at)
    return start + bisect_left(places, key, key=lambda place: rows[order[place], :key_bytes].tobytes())
