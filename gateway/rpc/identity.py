"""IdentityService: links in, looked at, ended."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.errors import RequestError
from gateway.flow import identity as flow
from gateway.flow.identity import LinkRow
from gateway.flow.ports import House, IdentityLink
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.consent import MAX_SUBJECT, row_error_to_proto, subject_from_proto
from gateway.rpc.convert.event import MAX_BATCH, MAX_SUBJECT_TYPE
from gateway.rpc.convert.field import refuse, some, text, time_to_proto
from gateway.rpc.convert.page import page_of, page_size, place_of
from gateway.rpc.door import Context, unary
from gateway.v1 import identity_pb2, identity_pb2_grpc

_LISTING = "links"


class IdentityServicer(identity_pb2_grpc.IdentityServiceServicer):
    """Serves `gateway.flow.identity`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def ImportLinks(
        self, request: AsyncIterator[identity_pb2.ImportLinksRequest], context: Context
    ) -> identity_pb2.ImportLinksResponse:
        """Import a stream of batches."""
        caller = current_caller()
        first = await anext(aiter(request), None)
        if first is None or first.WhichOneof("frame") != "options":
            raise RequestError("BAD_FIELD", "field options is required in the first message of the stream")
        source = text(first.options.source, "options.source", longest=MAX_SUBJECT_TYPE)
        subject_type = text(first.options.subject_type, "options.subject_type", longest=MAX_SUBJECT_TYPE)
        report = await flow.import_links(self._house, caller, source, subject_type, _batches(request))
        return identity_pb2.ImportLinksResponse(
            version=report.version,
            linked=report.linked,
            moved=report.moved,
            known=report.known,
            rejected_count=report.rejected_count,
            rejected=[row_error_to_proto(error) for error in report.rejected],
        )

    @unary
    async def ListLinks(
        self, request: identity_pb2.ListLinksRequest, context: Context
    ) -> identity_pb2.ListLinksResponse:
        """List a customer's links."""
        caller = current_caller()
        subject_type, subject = subject_from_proto(request)
        size = page_size(request.page_size)
        place = place_of(request.page_token, _LISTING, (int,))
        start = 0 if place is None else int(place[0])
        links = await flow.links_of(self._house, caller, subject_type, subject)
        page, token = page_of(
            list(enumerate(links))[start:],
            size,
            _LISTING,
            lambda numbered: (numbered[0] + 1,),
            lambda numbered: _link_to_proto(numbered[1]),
        )
        return identity_pb2.ListLinksResponse(links=page, next_page_token=token)

    @unary
    async def UnlinkId(self, request: identity_pb2.UnlinkIdRequest, context: Context) -> identity_pb2.UnlinkIdResponse:
        """End a link."""
        source = text(request.source, "source", longest=MAX_SUBJECT_TYPE)
        link_id = text(request.id, "id", longest=MAX_SUBJECT)
        return identity_pb2.UnlinkIdResponse(version=await flow.unlink(self._house, current_caller(), source, link_id))


async def _batches(messages: AsyncIterator[identity_pb2.ImportLinksRequest]) -> AsyncIterator[list[LinkRow]]:
    async for message in messages:
        if message.WhichOneof("frame") != "batch":
            raise RequestError("BAD_FIELD", "field batch is required in every message after the first")
        rows = list(some(message.batch.rows, "batch.rows", most=MAX_BATCH))
        for place, row in enumerate(rows):
            if row.row < 1:
                refuse(f"batch.rows[{place}].row", "must be at least 1")
        yield [(row.row, row.id, row.subject) for row in rows]


def _link_to_proto(link: IdentityLink) -> identity_pb2.IdentityLink:
    return identity_pb2.IdentityLink(
        source=link.source,
        link_ref=link.link_ref,
        subject_ref=link.subject_ref,
        version=link.version,
        ended_version=link.ended,
        link_time=time_to_proto(link.at),
    )
