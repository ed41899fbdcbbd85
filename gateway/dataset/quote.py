"""Quotes of a CSV file: whether the last one that opens a value also closes it.

A quote opens a value only where a value begins; elsewhere it means itself, as in
`5" pipe`. Inside a quoted value two quotes stand for one, and one ends it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_QUOTE, _CR, _LF = b'"\r\n'
_SLICE = 1 << 17  # bytes; what is made of them stays in a cache

Flags = npt.NDArray[np.bool_]


class Quotes:
    """Reads a file's bytes block by block, all quotes of a block at once."""

    __slots__ = ("_before", "_delimiter", "_inside", "_plain", "_read", "_where")

    def __init__(self, offset: int = 0, delimiter: str = ",") -> None:
        """Begin where a value may begin.

        Args:
            offset: bytes of the file before the first that is read.
            delimiter: between values; one byte.
        """
        self._delimiter = ord(delimiter)
        self._read = offset
        self._inside = False  # of a quoted value
        self._before = _LF  # the last byte read
        self._plain = False  # it is a quote, and means itself
        self._where = offset

    @property
    def unclosed(self) -> int | None:
        """Offset of the last quote if what it opens has not been closed, else None."""
        return self._where if self._inside else None

    def read(self, block: npt.NDArray[np.uint8]) -> None:
        """Read on.

        Args:
            block: the bytes that follow those read before; at least one.
        """
        for start in range(0, len(block), _SLICE):
            self._read_slice(block[start : start + _SLICE])

    def _read_slice(self, block: npt.NDArray[np.uint8]) -> None:
        quotes = block == _QUOTE
        plain = False
        if quotes.any():
            plain = not self._pair(block, quotes) and self._judge(block, np.flatnonzero(quotes))
            if self._inside:
                self._where = self._read + quotes.tobytes().rfind(1)
        self._plain = plain and bool(quotes[-1])
        self._before = int(block[-1])
        self._read += len(block)

    def _pair(self, block: npt.NDArray[np.uint8], quotes: Flags) -> bool:
        """Pass over a block in which no quote means itself, a bit for each byte; return False where one may."""
        if self._plain and quotes[0]:
            return False
        bits = _words(quotes)
        inside = bits.copy()  # each bit becomes the sum of those up to it: 1 from a quote that opens to one that closes
        for shift in (1, 2, 4, 8, 16, 32):
            inside ^= inside << np.uint64(shift)
        sums = inside >> np.uint64(63)
        carried = np.bitwise_xor.accumulate(sums) ^ sums ^ np.uint64(self._inside)
        inside ^= -carried  # all ones where it is 1
        # One that opens right behind a quote reopens: the two are one character of the value.
        starters = _words(quotes | (block == self._delimiter) | (block == _LF) | (block == _CR))
        behind = starters << np.uint64(1)
        behind[1:] |= starters[:-1] >> np.uint64(63)
        behind[0] |= np.uint64(self._before in (_QUOTE, self._delimiter, _LF, _CR))
        if (bits & inside & ~behind).any():
            return False
        self._inside = bool(inside[-1] >> np.uint64(63))
        return True

    def _judge(self, block: npt.NDArray[np.uint8], at: npt.NDArray[np.int64]) -> bool:
        """Pass over the quotes of a block, some of which may mean themselves; return whether the last one does."""
        before = block[at - 1]
        if at[0] == 0:
            before[0] = self._before
        begins = (before == self._delimiter) | (before == _LF) | (before == _CR)
        misplaced = ~begins & (before != _QUOTE)
        if at[0] == 0 and self._plain:
            misplaced[0] = True
        if not self._inside and misplaced[0] and not begins.any():
            return True
        # Of those that do not mean themselves every second one opens. Only such a one can turn out to be misplaced.
        candidates = tuple(np.flatnonzero(misplaced[odd::2]) * 2 + odd for odd in (0, 1))
        following, plain = 0, 0
        while following < len(at):
            those = candidates[(self._inside + plain) % 2]
            found = int(np.searchsorted(those, following))
            if found == len(those):
                break
            following = int(those[found])
            begun = following
            while following < len(at) and (following == begun or at[following] == at[following - 1] + 1):
                following += 1
            plain += following - begun
        self._inside = (self._inside + len(at) - plain) % 2 == 1
        return following == len(at)


def _words(flags: Flags) -> npt.NDArray[np.uint64]:
    """Return flags as bits, the first one lowest, and zeros up to a whole word."""
    packed = np.packbits(flags, bitorder="little")
    if missing := -len(packed) % 8:
        packed = np.append(packed, np.zeros(missing, np.uint8))
    return packed.view("<u8")
