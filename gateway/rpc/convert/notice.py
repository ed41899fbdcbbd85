"""Notices, from and to messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.flow.notice import content_hash
from gateway.flow.ports import RegistryItem
from gateway.rpc.convert.field import refuse, some, text, time_or_none
from gateway.rpc.convert.name import id_of, name_of, notice_name, notice_version
from gateway.rpc.convert.registry import MAX_LIST, ids_of, said, stored_time
from gateway.v1 import notice_pb2

# Texts have the same name in the message and in the record.
_TEXTS = (
    "language", "title", "text", "handler_name", "handler_contact", "retention", "after_retention", "rights_channel",
    "withdrawal_channel", "closure_channel", "necessity", "impact", "automated_effect", "publication", "change",
    "publication_place", "publication_period", "children_rules", "guardian_text",
)  # fmt: skip
_STATES = {
    "draft": notice_pb2.NOTICE_STATE_DRAFT,
    "published": notice_pb2.NOTICE_STATE_PUBLISHED,
    "superseded": notice_pb2.NOTICE_STATE_SUPERSEDED,
}


def notice_from_proto(message: notice_pb2.CreateNoticeRequest) -> dict[str, object]:
    """Parse a draft into the mapping that `consent.notice.Notice.draft` reads.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.HasField("notice"):
        refuse("notice", "is required")
    if message.version < 0:
        refuse("version", "must not be negative")
    # The id is checked as part of the name that it will stand in.
    notice_id, _ = notice_version(notice_name(message.notice_id, 1), "notice_id")
    notice = message.notice
    effective = time_or_none(notice, "effective_time", "notice.effective_time")
    body: dict[str, object] = {
        "id": notice_id,
        "purposes": ids_of(notice.purposes, "purposes", "notice.purposes"),
        "categories": ids_of(notice.categories, "categories", "notice.categories"),
        "methods": _methods(notice, "notice.methods"),
        "automated_categories": ids_of(notice.automated_categories, "categories", "notice.automated_categories"),
        "children": notice.children,
        "material_for": ids_of(notice.material_for, "purposes", "notice.material_for"),
        "recipients": [
            _recipient_from_proto(recipient, f"notice.recipients[{row}]")
            for row, recipient in enumerate(some(notice.recipients, "notice.recipients", least=0, most=MAX_LIST))
        ],
        "effective_at": "" if effective is None else effective.isoformat(),
    }
    body |= {name: getattr(notice, name) for name in _TEXTS}
    if message.version:
        body["version"] = message.version
    return said(body)


def notice_to_proto(item: RegistryItem) -> notice_pb2.Notice:
    """Write a stored version of a notice."""
    body: Mapping[str, Any] = item.body
    notice = notice_pb2.Notice(
        name=notice_name(item.item_id, item.version),
        purposes=[name_of("purposes", purpose) for purpose in body.get("purposes", ())],
        categories=[name_of("categories", category) for category in body.get("categories", ())],
        methods=body.get("methods", ()),
        material_for=[name_of("purposes", purpose) for purpose in body.get("material_for", ())],
        recipients=[_recipient_to_proto(told) for told in body.get("recipients", ())],
        effective_time=stored_time(body, "effective_at"),
        state=_STATES[item.state],
        publish_time=stored_time(body, "published_at"),
        record_time=stored_time(body, "recorded_at"),
        automated_categories=[name_of("categories", category) for category in body.get("automated_categories", ())],
        children=body.get("children", False),
        content_hash=content_hash(item),
    )
    for name in _TEXTS:
        setattr(notice, name, body.get(name, ""))
    return notice


def _recipient_from_proto(recipient: notice_pb2.NoticeRecipient, path: str) -> dict[str, object]:
    return said(
        {
            "party": id_of(recipient.party, "parties", f"{path}.party"),
            "name": recipient.display_name,
            "contact": recipient.contact,
            "purposes": ids_of(recipient.purposes, "purposes", f"{path}.purposes"),
            "methods": _methods(recipient, f"{path}.methods"),
            "categories": ids_of(recipient.categories, "categories", f"{path}.categories"),
            "rights_channel": recipient.rights_channel,
            "succeeds": id_of(recipient.succeeds, "parties", f"{path}.succeeds") if recipient.succeeds else "",
        }
    )


def _recipient_to_proto(told: Mapping[str, Any]) -> notice_pb2.NoticeRecipient:
    return notice_pb2.NoticeRecipient(
        party=name_of("parties", told["party"]),
        display_name=told.get("name", ""),
        contact=told.get("contact", ""),
        purposes=[name_of("purposes", purpose) for purpose in told.get("purposes", ())],
        methods=told.get("methods", ()),
        categories=[name_of("categories", category) for category in told.get("categories", ())],
        rights_channel=told.get("rights_channel", ""),
        succeeds=name_of("parties", told.get("succeeds", "")),
    )


def _methods(message: notice_pb2.Notice | notice_pb2.NoticeRecipient, path: str) -> list[str]:
    methods = some(message.methods, path, least=0, most=MAX_LIST)
    return [text(method, f"{path}[{row}]") for row, method in enumerate(methods)]
