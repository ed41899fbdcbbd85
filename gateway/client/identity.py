"""The identity map: whose an id in another system is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from gateway.client.connection import Connection
from gateway.client.event import RowError
from gateway.client.record import PAGE_SIZE, pages, required_time
from gateway.v1 import identity_pb2, identity_pb2_grpc

BATCH_ROWS = 5000
BATCH_CHARACTERS = 500_000

LinkRow = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What became of an import of links.

    Attributes:
        version: of the map after it; 0 when nothing changed.
        linked: ids that had no customer.
        moved: ids that were another customer's.
        known: rows that said what the map says.
        rejected: the first rejected rows, in order.
        rejected_count: all rows that were not kept.
    """

    version: int
    linked: int
    moved: int
    known: int
    rejected: tuple[RowError, ...]
    rejected_count: int


@dataclass(frozen=True, slots=True)
class IdentityLink:
    """A link of the map.

    Attributes:
        source: the other system.
        link_ref: pseudonymous reference of the id there.
        subject_ref: pseudonymous reference of the customer.
        version: of the map, since when.
        ended_version: 0 while it holds.
        linked_at: when it was made.
    """

    source: str
    link_ref: str
    subject_ref: str
    version: int
    ended_version: int
    linked_at: datetime


class AsyncIdentity:
    """Calls of IdentityService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = identity_pb2_grpc.IdentityServiceStub(connection.channel)

    async def import_links(self, rows: Iterable[LinkRow | RowError], source: str, subject_type: str) -> LinkReport:
        """Import links; rows are read and sent batch by batch, and repeating it does no harm.

        Args:
            rows: (row number, raw id in the system, raw customer value), or what is wrong with a row.
            source: the other system, e.g. "crm".
            subject_type: what a subject is, e.g. "customer".
        """
        refused: list[RowError] = []
        options = identity_pb2.LinkOptions(source=source, subject_type=subject_type)
        requests = chain([identity_pb2.ImportLinksRequest(options=options)], _batches(rows, refused))
        answer = await self._connection.upload(self._stub.ImportLinks, requests)
        named_there = [RowError(error.row, error.field, error.reason) for error in answer.rejected]
        return LinkReport(
            version=answer.version,
            linked=answer.linked,
            moved=answer.moved,
            known=answer.known,
            rejected=tuple(sorted([*refused[:1000], *named_there], key=lambda error: error.row)),
            rejected_count=answer.rejected_count + len(refused),
        )

    async def links(self, subject: str, *, subject_type: str) -> AsyncIterator[IdentityLink]:
        """Yield every link of a customer there ever was, by system and version.

        Args:
            subject: the raw customer value; it is neither stored nor logged.
            subject_type: what a subject is, e.g. "customer".
        """

        async def fetch(token: str) -> tuple[list[IdentityLink], str]:
            request = identity_pb2.ListLinksRequest(
                subject_type=subject_type, subject=subject, page_size=PAGE_SIZE, page_token=token
            )
            answer = await self._connection.call(self._stub.ListLinks, request)
            return [_link(link) for link in answer.links], answer.next_page_token

        async for link in pages(fetch):
            yield link

    async def unlink(self, source: str, link_id: str) -> int:
        """End the link of an id; return the version of the map since which it is nobody's.

        Raises:
            StateError: NOT_FOUND when it is nobody's already.
        """
        request = identity_pb2.UnlinkIdRequest(source=source, id=link_id)
        return (await self._connection.call(self._stub.UnlinkId, request)).version


def _batches(rows: Iterable[LinkRow | RowError], refused: list[RowError]) -> Iterator[identity_pb2.ImportLinksRequest]:
    request, size = identity_pb2.ImportLinksRequest(), 0
    for found in rows:
        if isinstance(found, RowError):
            refused.append(found)
            continue
        number, link_id, subject = found
        fault = _fault(number, link_id, subject)
        if fault is not None:
            refused.append(fault)
            continue
        size += len(link_id) + len(subject)
        if len(request.batch.rows) == BATCH_ROWS or (size > BATCH_CHARACTERS and request.batch.rows):
            yield request
            request, size = identity_pb2.ImportLinksRequest(), len(link_id) + len(subject)
        request.batch.rows.add(row=number, id=link_id, subject=subject)
    if request.batch.rows:
        yield request


def _fault(number: int, link_id: str, subject: str) -> RowError | None:
    for name, value in (("id", link_id), ("subject", subject)):
        if len(value) > 100_000:
            return RowError(number, name, "must be a text of 1 to 512 characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            return RowError(number, name, "is not valid Unicode")
    return None


def _link(message: identity_pb2.IdentityLink) -> IdentityLink:
    return IdentityLink(
        source=message.source,
        link_ref=message.link_ref,
        subject_ref=message.subject_ref,
        version=message.version,
        ended_version=message.ended_version,
        linked_at=required_time(message, "link_time"),
    )
