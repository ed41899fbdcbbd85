"""What this machine declares about a data set, as `[datasets.NAME]` says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Declaration(Protocol):
    """A declared data set; the settings' table of the same name has this shape."""

    @property
    def format(self) -> str:
        """Either "csv" or "parquet"."""
        ...

    @property
    def path(self) -> Path:
        """The file, absolute."""
        ...

    @property
    def subject_column(self) -> str:
        """Column of raw subject values, or of another system's ids."""
        ...

    @property
    def subject_source(self) -> str:
        """The system whose ids stand in the subject column; "" for raw subjects."""
        ...

    @property
    def identifiers(self) -> Mapping[str, str]:
        """What columns of identifiers hold, e.g. phone@HK or phone.cn11.sha256; of others the match key says it."""
        ...
