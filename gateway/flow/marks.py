"""By which R tells S whom it found (stage 5): a bit per row of S's table, written and read along that table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gateway.errors import HostileInput
from gateway.flow.drops import Drops
from gateway.flow.members import somebody
from gateway.flow.ports import StageFile
from gateway.flow.sent import Sent
from gateway.psi.bitmap import bitmap_bytes, has_unused, packed, unpacked
from gateway.psi.check import OVER, at
from gateway.psi.fields import Fields
from gateway.route.session import Stage

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

NUMBER_BYTES = 8


def numbered(table: Iterator[Bytes]) -> Iterator[Bytes]:
    """Yield the rows of a table, each with its u64 number behind it, (n, row_bytes + 8). Blocks."""
    first = 0
    for rows in table:
        numbers = np.arange(first, first + len(rows)).astype(">u8").view(np.uint8).reshape(-1, NUMBER_BYTES)
        yield np.concatenate([rows, numbers], axis=1)
        first += len(rows)


def write_marks(file: StageFile, numbers: Iterator[Places], rows: int) -> None:
    """Write the stage in place of nothing. Blocks.

    Args:
        file: of the stage, empty.
        numbers: rows found, ascending over all pieces.
        rows: of the table.
    """
    file.extend(packed(numbers, rows, file.rows_per_chunk), 0)


class Marks:
    """The stage on disk, whole."""

    def __init__(self, file: StageFile, rows: int) -> None:
        """Read nothing yet.

        Args:
            file: of the stage.
            rows: of the table.
        """
        self._file, self._rows = file, rows
        self._seq, self._chunk = -1, b""

    def of(self, first: int, count: int) -> Mask:
        """Return the marks of rows first, first + 1, ... (count of them). Blocks."""
        step, marks = self._file.rows_per_chunk * 8, [np.zeros(0, dtype=bool)]
        for seq in range(first // step, -(-(first + count) // step)):
            if seq != self._seq:
                self._seq, self._chunk = seq, self._file.read(seq)
            begin, end = max(first - seq * step, 0), min(first + count - seq * step, step)
            marks.append(unpacked(self._chunk, begin, end - begin))
        return np.concatenate(marks)

    def count(self) -> int:
        """Return how many rows are marked. Blocks."""
        contents = (np.frombuffer(self._file.read(seq), dtype=np.uint8) for seq in range(self._file.chunks()))
        return sum(int(np.bitwise_count(content).sum()) for content in contents)

    def check(self, sent: Sent, drops: StageFile, threads: int) -> None:
        """Refuse what no honest receiver sends. Blocks.

        Args:
            sent: who stands behind each row.
            drops: stage 4, whole.
            threads: native threads.

        Raises:
            HostileInput: BAD_SHAPE for a bit behind the last row, or of a row that stage 4 had taken out.
        """
        last = self._file.chunks() - 1
        place = (bitmap_bytes(self._rows) - 1) % self._file.rows_per_chunk
        if self._rows and has_unused(self._file.read(last)[place], self._rows):
            raise HostileInput(
                "BAD_SHAPE", f"{at(Stage.MATCHED_TAGS, last, place)}: a bit is set behind the last row; {OVER}"
            )
        if not drops.rows():
            return
        dropped, first = Drops(drops, threads), 0
        for rows in sent.pieces():
            gone = np.flatnonzero(dropped.among(sent.fields.of(rows, "token")) & self.of(first, len(rows)))
            if len(gone):
                seq, place = divmod((first + int(gone[0])) // 8, self._file.rows_per_chunk)
                raise HostileInput(
                    "BAD_SHAPE", f"{at(Stage.MATCHED_TAGS, seq, place)}: names a row that stage 4 took out; {OVER}"
                )
            first += len(rows)

    def people(self, sent: Sent, fields: Fields) -> Iterator[Bytes]:
        """Yield rows of the people behind marked rows; a marked row that stands for nobody is a false match. Blocks.

        Args:
            sent: who stands behind each row.
            fields: of what is yielded, with `ref` and `token`.
        """
        first = 0
        for rows in sent.pieces():
            refs = sent.fields.of(rows, "ref")
            found = self.of(first, len(rows)) & somebody(refs)
            tokens = sent.fields.of(rows, "token")[found]
            yield fields.join(len(tokens), ref=refs[found], token=tokens)
            first += len(rows)
