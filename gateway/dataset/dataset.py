"""The declared data sets of this machine, as the routes read them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from gateway import identifier
from gateway.dataset.declaration import Declaration, PartDeclaration, shown
from gateway.dataset.opening import origin
from gateway.dataset.origin import Origin
from gateway.dataset.scan import Scan, Wanted, subject_pieces
from gateway.dataset.source import Source
from gateway.dataset.survey import Survey
from gateway.errors import SourceError, StateError
from gateway.flow.ports.rows import DatasetDescription, DatasetPart, SurveyColumn, SurveyKey
from gateway.route.agreement import AgreementBinding, Column

BATCH_ROWS = 131_072
"""Most rows of a batch; half as many at least, unless they are large or the last."""


class Datasets:
    """DatasetPort over files and tables; a data set declared while the server runs is seen at its next use."""

    __slots__ = ("_batch_rows", "_declared", "_named")

    def __init__(
        self, load: Callable[[], Mapping[str, Declaration]], rows_named: int = 20, batch_rows: int = BATCH_ROWS
    ) -> None:
        """Read whatever is declared at the time of each call.

        Args:
            load: returns the declared data sets by name.
            rows_named: how many row numbers a report names per reason.
            batch_rows: most rows of a batch of `scan` and `subject_pieces`.
        """
        self._declared = load
        self._named = rows_named
        self._batch_rows = batch_rows

    async def declared(self) -> list[DatasetDescription]:
        """Return what is declared, sorted by name; no source is opened, so that columns are not known."""
        found = await asyncio.to_thread(self._declared)
        return [_declared(name, found[name]) for name in sorted(found)]

    async def describe(self, name: str) -> DatasetDescription:
        """Return the name, format and columns of a data set.

        Raises:
            StateError: NOT_FOUND for a name that is not declared.
            SourceError: when the file cannot be read or lacks its subject column.
        """
        return await asyncio.to_thread(self._describe, name)

    def scan(
        self,
        binding: AgreementBinding,
        match_key: str,
        columns: tuple[Column, ...],
        *,
        segments: bool = False,
        clip: bool = False,
        part: int = 0,
    ) -> Scan:
        """Begin one pass over the rows of one match key; nothing is read before `batches` is iterated.

        Subjects are trimmed; a row is rejected for its first fault in the order
        subject, match key, segment, values.

        Args:
            binding: which data set and columns answer for the agreement.
            match_key: name of the agreed match key.
            columns: agreed columns to carry; empty for none.
            segments: carry the bound segment column too; rows without a segment are rejected.
            clip: bring numbers back into the agreed bounds, and count them, instead of
                rejecting their rows.
            part: number of the source; one that is declared without an agreed column has no value of it.

        Raises:
            SourceError: MISSING_COLUMN for a binding without one that is asked for, or with one that cannot serve, or a
                part declared without match key or segment.
            RequestError: BAD_FIELD for a match key that is not supported.
            StateError: NOT_FOUND for a data set that is not declared.
        """
        key = identifier.parse(match_key)
        bound = _bound(binding, "match key", key.name, binding.match_key_columns)
        segment = _segment_column(binding) if segments else None
        values = [(one, _bound(binding, "column", one.name, binding.value_columns)) for one in columns]
        opened, declared = self._open(binding.dataset, part)
        source = opened.source
        own = _needed(source, declared, bound)
        wanted = Wanted(
            subject=declared.subject_column if source.part else binding.subject_column,
            match_key=key,
            key=own,
            content=_content(declared, binding.dataset, own, key),
            segment=None if segment is None else _needed(source, declared, segment),
            values=tuple((one, _own(declared, name)) for one, name in values),
            clip=clip,
        )
        return Scan(opened, wanted, rows=self._batch_rows, named=self._named)

    async def parts(self, name: str) -> tuple[DatasetPart, ...]:
        """Return the sources of a data set, in order.

        Raises:
            StateError: NOT_FOUND for a name that is not declared.
        """
        declared = await asyncio.to_thread(self._declaration, name)
        return tuple(_part(part, one) for part, one in declared.parts.items())

    async def identifiers(self, name: str) -> tuple[Mapping[str, str], ...]:
        """Return what columns of each source are declared to hold, by the data set's name of the column.

        None for a data set that is not declared.
        """
        declared = (await asyncio.to_thread(self._declared)).get(name)
        return () if declared is None else tuple(_held(part) for part in declared.parts.values())

    async def size(self, name: str, part: int = 0) -> tuple[int, bool] | None:
        """Return the rows of a source and whether that is exact; None where it must be read to know.

        Raises:
            StateError: NOT_FOUND for a data set that is not declared.
        """
        opened, _ = await asyncio.to_thread(self._open, name, part)
        return await asyncio.to_thread(opened.size)

    def survey(self, name: str, keys: Sequence[SurveyKey], columns: Sequence[SurveyColumn], part: int = 0) -> Survey:
        """Begin one pass that looks at match keys and columns; nothing is read before `batches` is iterated.

        Args:
            name: of the data set.
            keys: by the data set's names of columns; each is read as the part declares its column.
            columns: likewise; of keys and columns a part has those that it is declared with.
            part: number of the source.

        Raises:
            SourceError: MISSING_COLUMN for a part declared without the columns of all keys.
            StateError: NOT_FOUND for a data set that is not declared.
        """
        opened, declared = self._open(name, part)
        if keys and all(_own(declared, key.column) is None for key in keys):
            _needed(opened.source, declared, keys[0].column)
        return Survey(
            opened,
            declared.subject_column,
            tuple(_surveyed(declared, key) for key in keys),
            tuple(replace(one, column=_own(declared, one.column) or "") for one in columns),
            rows=self._batch_rows,
            named=self._named,
        )

    def subject_pieces(self, binding: AgreementBinding, part: int = 0) -> Generator[pa.StringArray, None, None]:
        """Yield the raw subject values of a part of the bound data set in pieces, trimmed and usable.

        One may come again.

        Raises:
            SourceError: as `SourceScan.batches`, when iterated.
            StateError: NOT_FOUND for a data set that is not declared, at once.
        """
        opened, declared = self._open(binding.dataset, part)
        column = declared.subject_column if opened.source.part else binding.subject_column
        return subject_pieces(opened, column, self._batch_rows)

    def _describe(self, name: str) -> DatasetDescription:
        columns: dict[str, str] = {}
        identifiers: dict[str, str] = {}
        parts: list[DatasetPart] = []
        for part, declared in self._declaration(name).parts.items():
            opened = origin(name, part, declared, self._batch_rows)
            source, present = opened.source, opened.header()
            parts.append(_part(part, declared))
            own = {column: column for column, _ in present if column != declared.subject_column}
            named = dict(declared.columns) or own
            needed = (declared.subject_column, *named.values(), *declared.identifiers)
            source.check_columns([column for column, _ in present], needed)
            for held in declared.identifiers.values():
                identifier.parse_content(held)
            identifiers = _held(declared) | identifiers
            types = dict(present)
            columns.setdefault(parts[0].subject_column, types[declared.subject_column])
            if not declared.columns and not part:
                return DatasetDescription(
                    name,
                    declared.format,
                    tuple(present),
                    declared.subject_column,
                    declared.subject_source,
                    identifiers=identifiers,
                    places=(shown(declared),),
                )
            for column, there in named.items():
                columns.setdefault(column, types[there])
        return replace(
            _declared(name, self._declaration(name)), columns=tuple(columns.items()), identifiers=identifiers
        )

    def _open(self, name: str, part: int) -> tuple[Origin, PartDeclaration]:
        called, declared = list(self._declaration(name).parts.items())[part]
        return origin(name, called, declared, self._batch_rows), declared

    def _declaration(self, name: str) -> Declaration:
        declared = self._declared().get(name)
        if declared is None:
            raise StateError("NOT_FOUND", f"no data set {name} is declared here; run `assent dataset add` first")
        return declared


def _declared(name: str, declared: Declaration) -> DatasetDescription:
    """Return what a declaration says without its sources."""
    sources = tuple(declared.parts.values())
    parts = tuple(_part(part, source) for part, source in declared.parts.items())
    identifiers: dict[str, str] = {}
    for source in sources:
        identifiers = _held(source) | identifiers
    several = parts[0].name != ""
    return DatasetDescription(
        name,
        "+".join(dict.fromkeys(part.format for part in parts)),
        (),
        parts[0].subject_column,
        "" if several else parts[0].subject_source,
        parts if several else (),
        identifiers,
        tuple(shown(source) for source in sources),
    )


def _held(declared: PartDeclaration) -> dict[str, str]:
    """Return what a file's columns are declared to hold, by the data set's names of them."""
    if not declared.columns:
        return dict(declared.identifiers)
    return {name: declared.identifiers[own] for name, own in declared.columns.items() if own in declared.identifiers}


def _content(
    declared: PartDeclaration, dataset: str, column: str, key: identifier.MatchKey
) -> identifier.Content | None:
    """Return what a column is declared to hold, None when nothing is."""
    held = declared.identifiers.get(column)
    if held is None:
        return None
    content = identifier.parse_content(held)
    if not content.serves(key):
        raise SourceError(
            "MISSING_COLUMN",
            f"column {column} of data set {dataset} holds {held}, which is not {key.name}; bind another column",
        )
    return content


def _part(name: str, declared: PartDeclaration) -> DatasetPart:
    return DatasetPart(name, declared.format, declared.subject_column, declared.subject_source, tuple(declared.columns))


def _own(declared: PartDeclaration, column: str) -> str | None:
    """Return a file's own column for one of the data set, None where it is declared without."""
    return declared.columns.get(column) if declared.columns else column


def _needed(source: Source, declared: PartDeclaration, column: str) -> str:
    own = _own(declared, column)
    if own is None:
        needs = "every part needs a match key, and the segment column where one is bound"
        source.refuse("MISSING_COLUMN", f"is declared without a column {column}: {needs}; declare it")
    return own


def _surveyed(declared: PartDeclaration, key: SurveyKey) -> SurveyKey:
    """Return a match key by the part's own name of its column, and as the part declares it where that serves it."""
    own = _own(declared, key.column)
    held = None if own is None else declared.identifiers.get(own)
    content = key.content if held is None else identifier.parse_content(held)
    if content is not None and not content.serves(key.key):
        content = key.content
    return replace(key, column=own or "", content=content)


def _bound(binding: AgreementBinding, kind: str, name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for agreed, column in pairs:
        if agreed == name:
            return column
    raise SourceError(
        "MISSING_COLUMN", f"the binding to data set {binding.dataset} has no column for {kind} {name}; bind it again"
    )


def _segment_column(binding: AgreementBinding) -> str:
    if not binding.segment_column:
        raise SourceError(
            "MISSING_COLUMN", f"the binding to data set {binding.dataset} has no segment column; bind it again"
        )
    return binding.segment_column
