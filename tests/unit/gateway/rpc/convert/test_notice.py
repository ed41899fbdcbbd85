from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from consent.notice import Notice, NoticeState
from gateway.client.notice import _TEXTS as CLIENT_TEXTS
from gateway.client.notice import _notice as read_back
from gateway.flow.ports import RegistryItem
from gateway.rpc.convert.notice import _TEXTS, notice_from_proto, notice_to_proto
from gateway.v1 import notice_pb2
from tests.unit.gateway.rpc.convert.messages import WHEN, refused, stamp

FULL = notice_pb2.Notice(
    purposes=["purposes/p", "purposes/q"],
    categories=["categories/c"],
    methods=["psi_hash"],
    material_for=["purposes/p"],
    recipients=[
        notice_pb2.NoticeRecipient(
            party="parties/platform-b",
            display_name="平台",
            contact="dpo@b.example",
            purposes=["purposes/p"],
            methods=["psi_hash"],
            categories=["categories/c"],
            rights_channel="web",
            succeeds="parties/platform-a",
        ),
        notice_pb2.NoticeRecipient(party="parties/c"),
    ],
    effective_time=stamp(),
    automated_categories=["categories/c"],
    children=True,
    **{name: f"{name} 文" for name in _TEXTS},
)


def _request(notice: notice_pb2.Notice = FULL, **changes: Any) -> notice_pb2.CreateNoticeRequest:
    return notice_pb2.CreateNoticeRequest(**({"notice_id": "N-SHARE", "version": 2, "notice": notice} | changes))


def _item(notice: Notice) -> RegistryItem:
    return RegistryItem("notice", notice.id, notice.version, str(notice.state), notice.to_mapping(), WHEN)


def test_a_notice_comes_back_as_it_went() -> None:
    stored = Notice.draft(notice_from_proto(_request()))
    assert (stored.id, stored.version, stored.effective_at) == ("N-SHARE", 2, WHEN)
    found = notice_to_proto(_item(stored))
    assert (found.name, found.state) == ("notices/N-SHARE/versions/2", notice_pb2.NOTICE_STATE_DRAFT)
    found.ClearField("name")
    found.ClearField("state")
    assert found.content_hash == stored.content_hash()
    found.ClearField("content_hash")
    assert found == FULL


def test_an_empty_notice_is_a_draft_too() -> None:
    stored = Notice.draft(notice_from_proto(_request(notice_pb2.Notice(), version=0)))
    assert stored == Notice(id="N-SHARE", version=1)


def test_every_text_of_the_record_has_its_field() -> None:
    texts = {name for name in Notice.__dataclass_fields__ if isinstance(getattr(Notice(id="x", version=1), name), str)}
    assert set(_TEXTS) == set(CLIENT_TEXTS) == texts - {"id", "state"}


@pytest.mark.parametrize("state", NoticeState)
def test_states_and_times_reach_the_client(state: NoticeState) -> None:
    at = None if state is NoticeState.DRAFT else WHEN
    notice = replace(Notice.draft(notice_from_proto(_request())), state=state, published_at=at, recorded_at=at)
    found = read_back(notice_to_proto(_item(notice)))
    assert (found.id, found.version, found.state) == ("N-SHARE", 2, state.value.upper())
    assert (found.published_at, found.recorded_at, found.effective_at) == (at, at, WHEN)
    assert found.recipients[0].name == "平台"


def test_the_time_zone_of_the_caller_does_not_matter() -> None:
    stored = Notice.draft(notice_from_proto(_request()))
    assert stored.effective_at == datetime(2026, 2, 1, 2, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (notice_pb2.CreateNoticeRequest(notice_id="N"), "notice"),
        (_request(version=-1), "version"),
        (_request(notice_id=""), "notice_id"),
        (_request(notice_id="隐私"), "notice_id"),
        (_request(notice_pb2.Notice(purposes=["p"])), "notice.purposes[0]"),
        (_request(notice_pb2.Notice(categories=["categories/c", "c"])), "notice.categories[1]"),
        (_request(notice_pb2.Notice(methods=[""])), "notice.methods[0]"),
        (_request(notice_pb2.Notice(material_for=["x/p"])), "notice.material_for[0]"),
        (_request(notice_pb2.Notice(recipients=[notice_pb2.NoticeRecipient()])), "notice.recipients[0].party"),
        (
            _request(
                notice_pb2.Notice(
                    recipients=[notice_pb2.NoticeRecipient(party="parties/b", categories=["13800138000"])]
                )
            ),
            "notice.recipients[0].categories[0]",
        ),
    ],
)
def test_a_bad_field_is_named(request_: notice_pb2.CreateNoticeRequest, path: str) -> None:
    refused(notice_from_proto, request_, path)
