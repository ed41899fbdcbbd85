"""A declared source: what it is called in messages, its columns, how its bytes are opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import pyarrow as pa
from pyarrow import fs

from gateway.errors import SourceError

_HEX = "[0-9a-fA-F]"
# Eleven digits in a row or in groups, an e-mail address, a digest, a device's id: no column is called so.
_LIKE_A_VALUE = re.compile(
    rf"[0-9]{{11}}|1[3-9][0-9][ -][0-9]{{4}}[ -][0-9]{{4}}|\A\+[0-9]|@|{_HEX}{{32}}"
    rf"|{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-|({_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}"
)
_DIGITS = 5  # in a name that may be somebody's number
_SIGNS = {"\t": "tab", "\x01": "ctrl-a", ";": "';'", "|": "'|'", ",": "','"}
"""What parts columns where commas do not, and how it is declared."""
# What an object store answers, in Arrow's words: a code, never a name or a value.
_STORE_CODE = re.compile(r"AWS Error ([A-Z_]+)")


class Source:
    """Names a data set in messages and raises its errors.

    The library's own messages quote rows, so its exceptions are never chained to
    these: a traceback that is logged must hold no value.
    """

    __slots__ = ("disk", "name", "part", "path", "shown")

    def __init__(
        self, name: str, path: Path, part: str = "", *, disk: fs.FileSystem | None = None, shown: str = ""
    ) -> None:
        """Speak of one data set.

        Args:
            name: its declared name.
            path: its file; only the last part is ever shown. Of a table its name.
            part: which of its sources, "" where it has one.
            disk: where the file lies; None for this machine.
            shown: what is said in place of the path's last part.
        """
        self.name = name
        self.path = path
        self.part = part
        self.disk = disk
        self.shown = shown or path.name

    @property
    def label(self) -> str:
        """The data set and its file or table, for messages."""
        part = f", part {self.part}" if self.part else ""
        return f"data set {self.name}{part} ({self.shown})"

    def of(self, path: Path, shown: str) -> Source:
        """Return one of the files that make the source.

        Args:
            path: of the file, on the same disk.
            shown: its path within the source.
        """
        return Source(self.name, path, self.part, disk=self.disk, shown=shown)

    def refuse(self, reason: str, problem: str) -> NoReturn:
        """Raise a SourceError.

        Args:
            reason: of SourceError.
            problem: what is wrong, at which row, and the next step.
        """
        raise SourceError(reason, f"{self.label} {problem}") from None

    def refuse_input(self, error: Exception) -> NoReturn:
        """Raise a SourceError for what the operating system or an object store refuses."""
        code = _STORE_CODE.search(str(error))
        problem = code[1] if code else getattr(error, "strerror", None) or "input error"
        self.refuse("BAD_ROW", f"cannot be read ({problem}); check the file, its permissions and the disk")

    def open(self) -> BinaryIO:
        """Open the file for reading; OSError or an Arrow exception where that fails."""
        if self.disk is None:
            return self.path.open("rb")
        return cast(BinaryIO, self.disk.open_input_file(str(self.path)))

    def check_file(self) -> None:
        """Refuse what is no readable file with content."""
        try:
            if self.disk is None:
                if not self.path.exists():
                    self.refuse("BAD_ROW", "has no file any more; put it back or declare the data set again")
                if not self.path.is_file():
                    self.refuse("BAD_ROW", "is not a file; declare the data set with the path of one file")
            with self.open() as file:
                first = file.read(1)
        except (OSError, pa.ArrowException) as error:
            self.refuse_input(error)
        if not first:
            self.refuse("EMPTY", "has no bytes; export the file again")

    def check_names(self, names: list[str]) -> None:
        """Refuse a first line that holds values: repeating it as column names would publish a row."""
        if any(_LIKE_A_VALUE.search(name) for name in names):
            self.refuse("BAD_ROW", "begins with values instead of column names (row 0); add a line with column names")

    def check_columns(self, present: list[str], wanted: tuple[str, ...]) -> None:
        """Refuse when a wanted column is not there, or there twice.

        Args:
            present: column names in the file's order, after `check_names`.
            wanted: names asked for.
        """
        for column in wanted:
            found = present.count(column)
            if not found:
                there = f"it has {_listed(present)}"
                step = "Bind another column or export it"
                alike = [name for name in present if name.strip().casefold() == column.strip().casefold()]
                if alike:
                    step = f"Write {column} as the first line does, with its blanks and capitals, or rename it there"
                elif present and present[0].casefold().startswith("sep="):
                    step = "Its first line is a spreadsheet's mark and no column names: remove it"
                for sign, word in _SIGNS.items():
                    if len(present) == 1 and column in present[0].split(sign):
                        step = f"Declare its delimiter: --delimiter {word}"
                self.refuse("MISSING_COLUMN", f"has no column {column}; {there}. {step}")
            if found > 1:
                self.refuse("MISSING_COLUMN", f"has {found} columns called {column}; rename all but one")

    def one_file(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Pass on what is read while it comes from one file, and that file stays as it is.

        Args:
            batches: of this source; nothing is read before the first is asked for.

        Raises:
            SourceError: SOURCE_CHANGED, in place of whatever else a changed file leads to.
        """
        begun = self._state()
        try:
            for batch in batches:
                # An object store is asked at the end only: each question is a journey.
                if self.disk is None:
                    self._check_state(begun)
                yield batch
        except SourceError:
            self._check_state(begun)
            raise
        self._check_state(begun)

    def refuse_changed(self) -> NoReturn:
        """Raise a SourceError for what is not as it was."""
        self.refuse("SOURCE_CHANGED", "changed while it was read; try again once it is written")

    def _check_state(self, begun: tuple[int, ...] | None) -> None:
        if self._state() != begun:
            self.refuse_changed()

    def _state(self) -> tuple[int, ...] | None:
        try:
            if self.disk is not None:
                found = self.disk.get_file_info(str(self.path))
                return (found.size or 0, found.mtime_ns or 0) if found.is_file else None
            now = self.path.stat()
        except (OSError, pa.ArrowException):
            return None
        return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns


def _listed(names: list[str]) -> str:
    """Return column names as they are told, none where one may be a value: a file may have no line of names."""
    if all(sum(map(str.isdigit, name)) < _DIGITS and any(map(str.isalpha, name)) for name in names if name):
        return ", ".join(dict.fromkeys(names))
    return f"{len(names)} others, not told as they may be values: check that its first line names the columns"
