"""Notices: draft, publish, look."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from gateway.client.connection import Connection
from gateway.client.record import PAGE_SIZE, bare, named, new_request_id, pages, stamp, time_of
from gateway.v1 import notice_pb2, notice_pb2_grpc


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecipient:
    """What a notice says of one recipient (PIPL 23).

    Attributes:
        party: party id.
        name: as shown.
        rights_channel: how to exercise rights against it; asked of a recipient abroad.
        succeeds: party id of whose business passes to it (PIPL 22).
    """

    party: str
    name: str = ""
    contact: str = ""
    purposes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    rights_channel: str = ""
    succeeds: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One version of a notice; consents name it `id@version`.

    Attributes:
        version: 1, 2, ...; 0 in a draft to be created means the next one.
        text: the exact text shown.
        automated_categories: what automated decisions use.
        children: it is shown to people under fourteen and their guardians.
        content_hash: SHA-256 of what it says, 64 hex digits; set by the gateway.
        material_for: purposes for which this version needs a fresh consent.
        state: "DRAFT", "PUBLISHED" or "SUPERSEDED"; set by the gateway, as the two times are.
    """

    id: str
    version: int = 0
    language: str = ""
    title: str = ""
    text: str = ""
    handler_name: str = ""
    handler_contact: str = ""
    purposes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    retention: str = ""
    after_retention: str = ""
    rights_channel: str = ""
    withdrawal_channel: str = ""
    closure_channel: str = ""
    recipients: tuple[NoticeRecipient, ...] = ()
    necessity: str = ""
    impact: str = ""
    automated_effect: str = ""
    publication: str = ""
    publication_place: str = ""
    publication_period: str = ""
    children: bool = False
    children_rules: str = ""
    guardian_text: str = ""
    automated_categories: tuple[str, ...] = ()
    change: str = ""
    material_for: tuple[str, ...] = ()
    effective_at: datetime | None = None
    state: str = ""
    published_at: datetime | None = None
    recorded_at: datetime | None = None
    content_hash: str = ""


class AsyncNotices:
    """Calls of NoticeService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = notice_pb2_grpc.NoticeServiceStub(connection.channel)

    async def create(self, notice: Notice, request_id: str | None = None) -> Notice:
        """Store a draft; the same notice again returns the stored version."""
        message = notice_pb2.Notice(
            purposes=[named("purposes", purpose) for purpose in notice.purposes],
            categories=[named("categories", category) for category in notice.categories],
            methods=notice.methods,
            recipients=[_recipient_message(told) for told in notice.recipients],
            material_for=[named("purposes", purpose) for purpose in notice.material_for],
            automated_categories=[named("categories", category) for category in notice.automated_categories],
            children=notice.children,
            effective_time=stamp(notice.effective_at),
            **{name: getattr(notice, name) for name in _TEXTS},
        )
        request = notice_pb2.CreateNoticeRequest(
            notice_id=notice.id, version=notice.version, notice=message, request_id=request_id or new_request_id()
        )
        return _notice(await self._connection.call(self._stub.CreateNotice, request))

    async def publish(self, notice_id: str, version: int, at: datetime | None = None) -> Notice:
        """Publish a draft.

        Args:
            notice_id: its id.
            version: its version.
            at: when people could first see it, not in the future; None is now.

        Raises:
            RequestError: BAD_FIELD naming the contents that the law asks for and that are missing.
        """
        request = notice_pb2.PublishNoticeRequest(name=_name(notice_id, version), publish_time=stamp(at))
        return _notice(await self._connection.call(self._stub.PublishNotice, request))

    async def get(self, notice_id: str, version: int) -> Notice:
        """Return one version."""
        request = notice_pb2.GetNoticeRequest(name=_name(notice_id, version))
        return _notice(await self._connection.call(self._stub.GetNotice, request))

    async def list(self) -> AsyncIterator[Notice]:
        """Yield versions by id and version."""

        async def fetch(token: str) -> tuple[list[Notice], str]:
            request = notice_pb2.ListNoticesRequest(page_size=PAGE_SIZE, page_token=token)
            answer = await self._connection.call(self._stub.ListNotices, request)
            return [_notice(notice) for notice in answer.notices], answer.next_page_token

        async for notice in pages(fetch):
            yield notice


_TEXTS = (
    "language", "title", "text", "handler_name", "handler_contact", "retention", "after_retention", "rights_channel",
    "withdrawal_channel", "closure_channel", "necessity", "impact", "automated_effect", "publication", "change",
    "publication_place", "publication_period", "children_rules", "guardian_text",
)  # fmt: skip


def _name(notice_id: str, version: int) -> str:
    return f"{named('notices', notice_id)}/versions/{version}"


def _recipient_message(told: NoticeRecipient) -> notice_pb2.NoticeRecipient:
    return notice_pb2.NoticeRecipient(
        party=named("parties", told.party),
        display_name=told.name,
        contact=told.contact,
        purposes=[named("purposes", purpose) for purpose in told.purposes],
        methods=told.methods,
        categories=[named("categories", category) for category in told.categories],
        rights_channel=told.rights_channel,
        succeeds=named("parties", told.succeeds),
    )


def _notice(message: notice_pb2.Notice) -> Notice:
    notice_id, _, version = bare(message.name).rpartition("/versions/")
    return Notice(
        id=notice_id,
        version=int(version),
        purposes=tuple(bare(purpose) for purpose in message.purposes),
        categories=tuple(bare(category) for category in message.categories),
        methods=tuple(message.methods),
        recipients=tuple(
            NoticeRecipient(
                party=bare(told.party),
                name=told.display_name,
                contact=told.contact,
                purposes=tuple(bare(purpose) for purpose in told.purposes),
                methods=tuple(told.methods),
                categories=tuple(bare(category) for category in told.categories),
                rights_channel=told.rights_channel,
                succeeds=bare(told.succeeds),
            )
            for told in message.recipients
        ),
        material_for=tuple(bare(purpose) for purpose in message.material_for),
        effective_at=time_of(message, "effective_time"),
        state=notice_pb2.NoticeState.Name(message.state).removeprefix("NOTICE_STATE_"),
        published_at=time_of(message, "publish_time"),
        recorded_at=time_of(message, "record_time"),
        automated_categories=tuple(bare(category) for category in message.automated_categories),
        children=message.children,
        content_hash=message.content_hash,
        **{name: getattr(message, name) for name in _TEXTS},
    )
