"""UTF-8 among GB18030, which takes almost any pair of bytes for a character.

Text of an odd number of Chinese characters in UTF-8 does not fit GB18030 and stops the decoder. An even number does
fit: as half as many again, most of them rare. A value is suspect that is nothing but Chinese in UTF-8 and, read as
GB18030, holds a character that GB2312 lacks. A value that is meant so is met about once in a hundred million.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from gateway.dataset.fault import Fault

_PAIR = 6  # bytes of two Chinese characters in UTF-8
_EVEN = re.compile(rb"(?:(?:[\xe4-\xe9][\x80-\xbf]{2}){2})+")
_FEW = 2  # that are let pass, and one more in so many bytes
_BYTES = 50 << 20


class ForeignUtf8:
    """Looks for suspect values, block by block."""

    __slots__ = ("_count", "_first", "_read")

    def __init__(self) -> None:
        """Begin with no value."""
        self._count = self._read = self._first = 0

    def look(self, block: bytes, offset: int) -> Fault | None:
        """Look at a block that is GB18030, and return what is wrong once that is beyond chance.

        Args:
            block: bytes, beginning with a character.
            offset: of its text in UTF-8.
        """
        for begin, end in _chinese(block):
            try:
                block[begin:end].decode("gb2312")
            except UnicodeDecodeError:
                if not self._count:
                    self._first = offset + len(block[:begin].decode("gb18030", "ignore").encode())
                self._count += 1
        self._read += len(block)
        if self._count <= _FEW + self._read // _BYTES:
            return None
        return Fault(
            "BAD_ENCODING",
            self._first,
            "is not gb18030 in row {row}, but UTF-8, as in other rows; save all of it in one encoding and declare that",
        )


def _chinese(block: bytes) -> Iterator[tuple[int, int]]:
    """Yield where values beyond ASCII lie that are an even number of Chinese characters in UTF-8."""
    bytes_ = np.frombuffer(block, np.uint8)
    beyond = np.zeros(len(bytes_) + 2, np.int8)
    beyond[1:-1] = bytes_ >= 0x80
    edges = np.flatnonzero(np.diff(beyond))
    begins, ends = edges[::2], edges[1::2]
    likely = (ends - begins) % _PAIR == 0
    begins, ends = begins[likely], ends[likely]
    for place in (0, 3):
        likely = (bytes_[begins + place] >= 0xE4) & (bytes_[begins + place] <= 0xE9)
        for following in (1, 2):
            likely &= bytes_[begins + place + following] <= 0xBF
        begins, ends = begins[likely], ends[likely]
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if _EVEN.fullmatch(block, begin, end):
            yield begin, end
