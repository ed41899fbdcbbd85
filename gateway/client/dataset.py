"""Data sets declared on the gateway's machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from gateway.client.check import CheckProgress, DatasetCheck, check_from_proto
from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, pages
from gateway.errors import StateError
from gateway.v1 import check_pb2, dataset_pb2, dataset_pb2_grpc


@dataclass(frozen=True, slots=True)
class DatasetPart:
    """One of several sources of a data set.

    Attributes:
        subject_column: the source's own column that names a customer.
        subject_source: the system whose ids stand there; "" for raw customer values.
    """

    name: str
    format: str
    subject_column: str
    subject_source: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a person may know of a data set: never its rows or a secret.

    Attributes:
        columns: (name, type) pairs in order of the source; none of a data set that was not opened.
        subject_column: names a customer.
        subject_source: the system whose ids stand there; "" for raw customer values.
        parts: the sources in order, where there are several.
        identifiers: what columns are declared to hold, such as phone@HK or phone.cn11.sha256.
        places: where each source is, without user, password and options.
    """

    name: str
    format: str
    columns: tuple[tuple[str, str], ...]
    subject_column: str
    subject_source: str = ""
    parts: tuple[DatasetPart, ...] = ()
    identifiers: Mapping[str, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()


class AsyncDatasets:
    """Calls of DatasetService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = dataset_pb2_grpc.DatasetServiceStub(connection.channel)

    async def get(self, name: str) -> Dataset:
        """Describe a data set; its source is opened."""
        request = dataset_pb2.GetDatasetRequest(name=named("datasets", name))
        return _dataset(await self._connection.call(self._stub.GetDataset, request))

    async def check(self, name: str, agreement: str = "", progress: CheckProgress | None = None) -> DatasetCheck:
        """Have the gateway read a data set once, and say what runs would find.

        Args:
            name: of the data set.
            agreement: id of one that it is bound to; "" looks at what the data set itself is declared to hold.
            progress: called while it reads.

        Raises:
            SourceError: the data set cannot be read; the message names the row.
        """
        request = check_pb2.CheckDatasetRequest(name=named("datasets", name), agreement=named("agreements", agreement))
        async with aclosing(self._connection.download(self._stub.CheckDataset, request)) as answers:
            async for answer in answers:
                if answer.HasField("check"):
                    return check_from_proto(answer.check)
                if progress is not None:
                    progress(answer.step, answer.rows_read)
        raise StateError("PEER_UNAVAILABLE", f"the gateway ended the check of {name} early; ask again")

    async def list(self) -> AsyncIterator[str]:
        """Yield the names of declared data sets, sorted."""
        async for found in self.declared():
            yield found.name

    async def declared(self) -> AsyncIterator[Dataset]:
        """Yield what is declared, by name; no source is opened, so that columns are not known."""

        async def fetch(token: str) -> tuple[list[Dataset], str]:
            request = dataset_pb2.ListDatasetsRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListDatasets, request)
            return [_dataset(dataset) for dataset in answer.datasets], answer.next_page_token

        async for dataset in pages(fetch):
            yield dataset


def _dataset(found: dataset_pb2.Dataset) -> Dataset:
    return Dataset(
        name=bare(found.name),
        format=found.format,
        # A column of a source that was opened has a type.
        columns=tuple((column.name, column.type) for column in found.columns if column.type),
        subject_column=found.subject_column,
        subject_source=found.subject_source,
        parts=tuple(
            DatasetPart(part.name, part.format, part.subject_column, part.subject_source) for part in found.parts
        ),
        identifiers={column.name: column.identifier for column in found.columns if column.identifier},
        places=tuple(found.places),
    )
