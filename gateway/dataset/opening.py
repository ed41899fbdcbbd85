"""From what is declared to where the rows come from."""

from __future__ import annotations

from pathlib import Path

from gateway.dataset import partition, place
from gateway.dataset.csv_bytes import Dialect
from gateway.dataset.declaration import PartDeclaration
from gateway.dataset.files import Files
from gateway.dataset.origin import Origin
from gateway.dataset.place import Place
from gateway.dataset.source import Source

_DELIMITERS = {"": ",", "tab": "\t", "ctrl-a": "\x01"}


def origin(name: str, part: str, declared: PartDeclaration, rows: int) -> Origin:
    """Return where the rows of a part come from; nothing is read yet.

    Args:
        name: of the data set.
        part: of the data set, "" where it has one.
        declared: what stands in the settings.
        rows: most rows of a batch.

    Raises:
        RequestError: BAD_FIELD for what the settings could not check.
        SourceError: BAD_ROW for a file system that cannot be opened.
    """
    predicates = tuple(partition.parse(text) for text in declared.partitions)
    dialect = Dialect(declared.encoding, _DELIMITERS.get(declared.delimiter, declared.delimiter))
    if declared.path is not None:
        source = Source(name, declared.path, part)
        where = Place(None, str(declared.path))
    else:
        url = declared.address()
        where = place.remote(Source(name, Path(url.partition("?")[0]), part), url)
        source = Source(name, Path(where.path), part, disk=where.disk)
    return Files(source, where, declared.format, rows, dialect=dialect, predicates=predicates)
