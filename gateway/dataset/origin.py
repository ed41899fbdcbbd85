"""What every kind of source answers, whatever lies behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import pyarrow as pa

from gateway.dataset.source import Source


class Origin(Protocol):
    """Where the rows of one part of a data set come from: files or a table. One pass at a time."""

    @property
    def source(self) -> Source:
        """Names it in messages."""
        ...

    @property
    def state(self) -> Mapping[str, str]:
        """Digests of what was read, by what they cover; of the last pass, once that is exhausted.

        Two passes read the same where they agree in all that both cover.
        """
        ...

    def encoding(self) -> str:
        """Return how the text is encoded, for people; "" where there is no choice.

        Raises:
            SourceError: it cannot be read.
        """
        ...

    def size(self) -> tuple[int, bool] | None:
        """Return the rows and whether that is exact; None where they must be read to know, or cannot be."""
        ...

    def header(self) -> list[tuple[str, str]]:
        """Return the columns with their types in words.

        Raises:
            SourceError: it cannot be read.
        """
        ...

    def batches(self, wanted: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
        """Read columns in an order that is the same at every pass; nothing before the first batch is asked for.

        Batches may differ in the types of their columns, never in the names.

        Args:
            wanted: names of columns, each once.

        Raises:
            SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING, BAD_ROW, SOURCE_CHANGED.
        """
        ...
