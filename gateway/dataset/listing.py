"""The files of a source: one, those of a folder, or those that a pattern names, in the order of their paths."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from gateway.dataset.place import Place
from gateway.dataset.source import Source
from gateway.route import partition
from gateway.route.partition import Predicate

_MAGIC = "*?["
_DEEPEST = 32  # folders within folders; links that lead back up end here


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a source.

    Attributes:
        path: on its file system.
        shown: within the source, for messages and for the order.
        size: bytes.
        changed: when it was last written, nanoseconds of the epoch.
        partitions: what the folders say that it lies in, in their order.
    """

    path: str
    shown: str
    size: int
    changed: int
    partitions: Mapping[str, str | None] = field(default_factory=dict)


def found(source: Source, place: Place, predicates: tuple[Predicate, ...]) -> list[Found]:
    """List the files, at least one.

    Names that begin with a point or an underscore are passed over in folders, as Hive and Spark do: they are marks.

    Args:
        source: for messages.
        place: where to look.
        predicates: folders that do not meet them are not even listed.

    Raises:
        SourceError: BAD_ROW where there is nothing to read; MISSING_COLUMN for a predicate on what no folder says.
    """
    disk = place.listing
    try:
        info = disk.get_file_info(place.path)
        if info.type == fs.FileType.File:
            if predicates:
                source.refuse("MISSING_COLUMN", "is one file and has no partitions; declare it without conditions")
            return [Found(place.path, source.shown, info.size or 0, info.mtime_ns or 0)]
        if info.type == fs.FileType.Directory:
            files = list(_below(source, disk, place.path, (), predicates))
        elif info.type == fs.FileType.NotFound and any(mark in place.path for mark in _MAGIC):
            root, pattern = _split(place.path)
            files = list(_below(source, disk, root, pattern, predicates))
        elif info.type == fs.FileType.NotFound:
            source.refuse("BAD_ROW", "has no file any more; put it back or declare the data set again")
        else:
            source.refuse("BAD_ROW", "is not a file; declare the data set with a file, a folder or a pattern")
    except (OSError, pa.ArrowException) as error:
        source.refuse_input(error)
    for one in files:
        for predicate in predicates:
            if predicate.key not in one.partitions:
                source.of(source.path, one.shown).refuse(
                    "MISSING_COLUMN", f"lies in no folder {predicate.key}=...; declare it without that condition"
                )
    if not files:
        why = "none of its files lies in folders that meet its conditions" if predicates else "no file is there"
        problem = f"is not a file but a folder or a pattern, and {why}"
        source.refuse("BAD_ROW", f"{problem}; check the path and the conditions")
    return sorted(files, key=lambda one: one.shown)


def state_of(files: list[Found]) -> str:
    """Return what differs when a file comes, goes, or is written again."""
    digest = hashlib.sha256()
    for one in files:
        digest.update(f"{one.shown}\0{one.size}\0{one.changed}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _split(path: str) -> tuple[str, tuple[str, ...]]:
    """Part a pattern into the folder that it begins in and its steps."""
    steps = path.split("/")
    first = next(number for number, step in enumerate(steps) if any(mark in step for mark in _MAGIC))
    return "/".join(steps[:first]) or "/", tuple(steps[first:])


def _below(
    source: Source, disk: fs.FileSystem, root: str, pattern: tuple[str, ...], predicates: tuple[Predicate, ...]
) -> Iterator[Found]:
    open_: list[tuple[str, tuple[str, ...], dict[str, str | None]]] = [(root, (), {})]
    while open_:
        path, above, partitions = open_.pop()
        if len(above) > _DEEPEST:
            source.refuse(
                "BAD_ROW", f"has folders more than {_DEEPEST} deep, such as a link that leads back up; remove it"
            )
        if isinstance(disk, fs.LocalFileSystem):
            _refuse_dead_link(source, path, above, pattern)
        for info in disk.get_file_info(fs.FileSelector(path, allow_not_found=True)):
            name = info.base_name
            steps = (*above, name)
            if name.startswith((".", "_")):
                continue
            if info.type == fs.FileType.File:
                if _matches(steps, pattern):
                    yield Found(info.path, "/".join(steps), info.size or 0, info.mtime_ns or 0, partitions)
            elif info.type == fs.FileType.Directory and _may_hold(steps, pattern):
                told = partition.folder(name)
                if told is None:
                    open_.append((info.path, steps, partitions))
                elif all(one.holds(told[1]) for one in predicates if one.key == told[0]):
                    open_.append((info.path, steps, {**partitions, told[0]: told[1]}))


def _refuse_dead_link(source: Source, path: str, above: tuple[str, ...], pattern: tuple[str, ...]) -> None:
    """Refuse a link that leads nowhere: Arrow lists what is left, and fewer rows would be read in silence."""
    try:
        with os.scandir(path) as entries:
            links = [entry for entry in entries if entry.is_symlink() and not entry.name.startswith((".", "_"))]
    except FileNotFoundError:
        return
    for link in links:
        steps = (*above, link.name)
        if _matches(steps, pattern) and not Path(link.path).exists():
            source.of(source.path, "/".join(steps)).refuse(
                "BAD_ROW", "is a link that leads nowhere; remove it, or put back what it leads to"
            )


def _may_hold(steps: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Return whether a folder can hold what a pattern names."""
    for step, wanted in zip(steps, pattern, strict=False):
        if wanted == "**":
            return True
        if not fnmatchcase(step, wanted):
            return False
    return True


def _matches(steps: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Return whether a path meets a pattern, or lies in a folder that does; `**` stands for any folders."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_matches(steps[at:], pattern[1:]) for at in range(len(steps)))
    return bool(steps) and fnmatchcase(steps[0], pattern[0]) and _matches(steps[1:], pattern[1:])
