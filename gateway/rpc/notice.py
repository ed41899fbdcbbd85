"""NoticeService: draft, publish, look."""

from __future__ import annotations

from gateway.flow import notice as flow
from gateway.flow.ports import House
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.field import optional_request_id, time_or_none
from gateway.rpc.convert.name import notice_version
from gateway.rpc.convert.notice import notice_from_proto, notice_to_proto
from gateway.rpc.convert.page import page_of, page_size, place_of
from gateway.rpc.door import Context, unary
from gateway.v1 import notice_pb2, notice_pb2_grpc

_LISTING = "notices"


class NoticeServicer(notice_pb2_grpc.NoticeServiceServicer):
    """Serves `gateway.flow.notice`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def CreateNotice(self, request: notice_pb2.CreateNoticeRequest, context: Context) -> notice_pb2.Notice:
        """Store a draft."""
        optional_request_id(request.request_id)
        body = notice_from_proto(request)
        return notice_to_proto(await flow.create_notice(self._house, current_caller(), body))

    @unary
    async def PublishNotice(self, request: notice_pb2.PublishNoticeRequest, context: Context) -> notice_pb2.Notice:
        """Publish a draft."""
        notice_id, version = notice_version(request.name)
        at = time_or_none(request, "publish_time", "publish_time")
        return notice_to_proto(await flow.publish_notice(self._house, current_caller(), notice_id, version, at))

    @unary
    async def GetNotice(self, request: notice_pb2.GetNoticeRequest, context: Context) -> notice_pb2.Notice:
        """Return one version."""
        notice_id, version = notice_version(request.name)
        return notice_to_proto(await flow.get_notice(self._house, current_caller(), notice_id, version))

    @unary
    async def ListNotices(
        self, request: notice_pb2.ListNoticesRequest, context: Context
    ) -> notice_pb2.ListNoticesResponse:
        """List versions by id and version."""
        size = page_size(request.page_size)
        place = place_of(request.page_token, _LISTING, (str, int))
        after = ("", 0) if place is None else (str(place[0]), int(place[1]))
        items = await flow.list_notices(self._house, current_caller(), after, size + 1)
        page, token = page_of(items, size, _LISTING, lambda item: (item.item_id, item.version), notice_to_proto)
        return notice_pb2.ListNoticesResponse(notices=page, next_page_token=token)
