"""What this machine declares about a data set, as `[datasets.NAME]` says it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from gateway.errors import RequestError

_HOSTS = re.compile(r"(?:\[[0-9A-Fa-f:]+\]|[\w.-]*)(?::[0-9]+)?(?:,(?:\[[0-9A-Fa-f:]+\]|[\w.-]*)(?::[0-9]+)?)*")


class PartDeclaration(Protocol):
    """A declared source; the settings' tables of data sets and of their parts have this shape."""

    @property
    def format(self) -> str:
        """One of csv, parquet, orc (files), postgresql, sqlite, mysql (tables)."""
        ...

    @property
    def path(self) -> Path | None:
        """The file, folder, pattern or SQLite database, absolute; None where a URL says it."""
        ...

    def address(self) -> str:
        """Return the URL, which may hold a password; "" where a path says it.

        Raises:
            RequestError: BAD_FIELD when the variable of the environment that should hold it is not set.
        """
        ...

    @property
    def encoding(self) -> str:
        """Encoding of CSV files; "" for what their byte order mark says, else UTF-8."""
        ...

    @property
    def delimiter(self) -> str:
        """Delimiter of CSV files; "" for a comma."""
        ...

    @property
    def partitions(self) -> Sequence[str]:
        """Conditions on folders such as dt=2026-01-01, all of which must hold."""
        ...

    @property
    def table(self) -> str:
        """Name of the table or view, maybe with its schema; "" for files."""
        ...

    @property
    def order_by(self) -> Sequence[str]:
        """Columns that give a table's rows their order; none for its primary key."""
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
        """What the source's columns of identifiers hold, e.g. phone@HK; of others the match key says it."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """The source's column for each column of the data set that it has; empty where names are the same."""
        ...


class Declaration(Protocol):
    """A declared data set: one source, or several whose rows are one data set through the identity map."""

    @property
    def parts(self) -> Mapping[str, PartDeclaration]:
        """The sources by name, in order; a data set of one source calls it ""."""
        ...


def shown(declared: PartDeclaration) -> str:
    """Return where a source is, for people: never a user, a password or an option of its URL.

    Args:
        declared: the source.
    """
    if declared.path is not None:
        place = str(declared.path)
    else:
        try:
            place = _bare(declared.address())
        except RequestError:
            place = "a variable of the environment that is not set"
    return f"{place} {declared.table}" if declared.table else place


def _bare(url: str) -> str:
    """Return a URL's scheme, hosts and path; the scheme alone where an unquoted password may reach into them."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    odd = "@" in parts.path + parts.query + parts.fragment or not _HOSTS.fullmatch(hosts)
    return f"{parts.scheme}://..." if odd else f"{parts.scheme}://{hosts}{parts.path}"
