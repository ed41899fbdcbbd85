"""Where an import of a file or a table stands, kept in a file of its own, so that a killed one goes on from there.

Rows are safe to send twice; the place only saves their time. It is written after each batch that the gateway has
committed, and after the rows that it rejected are in the errors' file.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TextIO

from gateway.client import ImportProgress
from gateway.errors import RequestError

_COUNTS = ("row", "accepted", "replayed", "rejected", "errors_bytes")
_MARK = "key_digest"  # of the last settled row of a table
_WARNED = "warned"  # not in places that were left before there were any


class Rows(Protocol):
    """Rows of a table, each of which has a mark of its own."""

    def described(self) -> Mapping[str, object]:
        """Return what tells the table from another."""
        ...

    def go_on(self, row: int, mark: str) -> None:
        """Begin behind a row."""
        ...

    def settle(self, row: int) -> str:
        """Return the mark of a row that was read, and is settled now."""
        ...


class ImportPlace:
    """How far an import has come, and the files that say so.

    Attributes:
        row: number of the last row that is settled.
        accepted: events kept, over all starts.
        replayed: events imported before.
        rejected: rows not kept.
        warned: rows kept that may be mistaken.
    """

    def __init__(
        self,
        source: Path | Rows,
        subject_type: str,
        place: Path | None,
        errors: Path | None,
        told: Callable[[], None],
    ) -> None:
        """Take up a place that was left, or begin.

        Args:
            source: the file that is imported, or the rows of a table.
            subject_type: of the import.
            place: file of the place; None keeps none.
            errors: file that gets every rejected row; None for none.
            told: called after every progress.

        Raises:
            RequestError: BAD_FIELD for a place that another file was left at.
        """
        self.row = self.accepted = self.replayed = self.rejected = self.warned = self._errors_bytes = 0
        self._place, self._told, self._mark = place, told, ""
        self._rows = None if isinstance(source, Path) else source
        of = _fingerprint(source) if isinstance(source, Path) else source.described()
        self._of = {**of, "subject_type": subject_type}
        if place is not None and place.exists():
            self._take_up(place)
        self.begun_after = self.row
        self._errors = None if errors is None else _errors_file(errors, self._errors_bytes)

    def _take_up(self, place: Path) -> None:
        try:
            left = json.loads(place.read_text(encoding="utf-8"))
            of, counts = left["of"], [int(left[name]) for name in _COUNTS]
            self.warned = int(left.get(_WARNED, 0))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RequestError("BAD_FIELD", f"{place.name} holds no place of an import; name another file") from error
        if of != self._of:
            raise RequestError(
                "BAD_FIELD",
                f"{place.name} was left by an import of another file, or this one was changed since; delete it to"
                " begin anew: what was imported before is not imported twice",
            )
        self.row, self.accepted, self.replayed, self.rejected, self._errors_bytes = counts
        if self._rows is not None:
            self._rows.go_on(self.row, str(left.get(_MARK, "")))

    def advance(self, progress: ImportProgress) -> None:
        """Add what was settled, and make it last."""
        self.accepted += progress.accepted
        self.replayed += progress.replayed
        self.rejected += len(progress.rejected)
        self.warned += len(progress.warned)
        if self._errors is not None and progress.rejected:
            csv.writer(self._errors, lineterminator="\n").writerows(
                (error.row, error.field, error.reason) for error in progress.rejected
            )
            self._errors.flush()
        if progress.settled_row > self.row:
            self.row = progress.settled_row
            self._mark = "" if self._rows is None else self._rows.settle(self.row)
            if self._place is not None:
                self._keep(self._place)
        self._told()

    def _keep(self, place: Path) -> None:
        if self._errors is not None:
            os.fsync(self._errors.fileno())
            self._errors_bytes = os.fstat(self._errors.fileno()).st_size
        counts = (self.row, self.accepted, self.replayed, self.rejected, self._errors_bytes)
        beside = place.with_name(place.name + ".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump(
                {"of": self._of, **dict(zip(_COUNTS, counts, strict=True)), _WARNED: self.warned, _MARK: self._mark},
                file,
            )
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)

    def end(self) -> None:
        """Forget the place: every row is settled."""
        if self._place is not None:
            self._place.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._errors is not None:
            self._errors.close()


def _fingerprint(source: Path) -> dict[str, object]:
    try:
        state = source.stat()
    except OSError as error:
        raise RequestError("BAD_FIELD", f"{source.name} cannot be read: {error.strerror}") from error
    return {"name": source.name, "size": state.st_size, "changed": state.st_mtime_ns}


def _errors_file(path: Path, kept_bytes: int) -> TextIO:
    """Open the file of rejected rows after what the place vouches for, or anew with its head."""
    try:
        go_on = kept_bytes > 0 and path.exists() and path.stat().st_size >= kept_bytes
        file = path.open("r+" if go_on else "w", encoding="utf-8", newline="")
        if go_on:
            file.truncate(kept_bytes)
            file.seek(0, os.SEEK_END)
        else:
            file.write("row,field,reason\n")
            file.flush()
    except OSError as error:
        raise RequestError("BAD_FIELD", f"{path.name} cannot be written: {error.strerror}") from error
    return file
