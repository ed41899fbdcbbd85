"""Named fields of fixed-width rows, one after the other without gaps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.errors import Misuse

Bytes = npt.NDArray[np.uint8]


class Fields:
    """Where each field of a row begins and ends.

    Attributes:
        width: bytes of a row.
    """

    __slots__ = ("_places", "width")

    def __init__(self, **widths: int) -> None:
        """Lay out fields in the order given; a field of no bytes is left out.

        Args:
            widths: bytes of each field.
        """
        self._places: dict[str, slice] = {}
        self.width = 0
        for name, width in widths.items():
            if width:
                self._places[name] = slice(self.width, self.width + width)
                self.width += width

    def __contains__(self, name: str) -> bool:
        """Return whether rows have such a field."""
        return name in self._places

    def __getitem__(self, name: str) -> slice:
        """Return the place of a field."""
        return self._places[name]

    def of(self, rows: Bytes, name: str) -> Bytes:
        """Return a field of rows, (n, its width); a copy that lies close together."""
        return np.ascontiguousarray(rows[:, self._places[name]])

    def number(self, rows: Bytes, name: str) -> npt.NDArray[np.int64]:
        """Return a field of 4 or 8 bytes as big-endian numbers, (n,)."""
        field = self.of(rows, name)
        return field.view(f">u{field.shape[1]}").reshape(-1).astype(np.int64)

    def join(self, rows: int, **parts: Bytes | npt.NDArray[np.int64]) -> Bytes:
        """Return rows made of their fields; a field that is not given is zeros.

        Args:
            rows: n.
            parts: per field (n, its width) bytes, or (n,) numbers for a field of 4 or 8 bytes.
        """
        out = np.zeros((rows, self.width), dtype=np.uint8)
        for name, part in parts.items():
            if name not in self._places:
                continue
            place = self._places[name]
            if part.ndim == 1:
                width = place.stop - place.start
                part = part.astype(f">u{width}").view(np.uint8).reshape(rows, width)
            if part.shape != (rows, place.stop - place.start):
                raise Misuse(f"field {name} has {part.shape} bytes where {rows} rows of its width were due")
            out[:, place] = part
        return out
