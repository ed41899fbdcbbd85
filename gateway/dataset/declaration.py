"""What this machine declares about a data set, as `[datasets.NAME]` says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class PartDeclaration(Protocol):
    """A declared file; the settings' tables of data sets and of their parts have this shape."""

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
        """What the file's columns of identifiers hold, e.g. phone@HK; of others the match key says it."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """The file's column for each column of the data set that the file has; empty where names are the same."""
        ...


class Declaration(Protocol):
    """A declared data set: one file, or several whose rows are one data set through the identity map."""

    @property
    def parts(self) -> Mapping[str, PartDeclaration]:
        """The files by name, in order; a data set of one file calls it ""."""
        ...
