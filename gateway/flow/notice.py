"""Notices: drafted, published once they say everything the law asks for, superseded by the next version.

A draft may be replaced, since nobody was shown it. From its publication on a
version never changes; people's consents name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from consent.errors import NoticeError
from consent.notice import Notice, NoticeState
from consent.publishing import publish, supersede
from gateway.errors import RequestError, StateError
from gateway.flow.access import require, require_reader
from gateway.flow.ports import House, RegistryItem
from gateway.flow.registry import MAX_PAGE, changed, check_id, find_item, load_registry, reading
from gateway.route.audit import AuditEvent
from gateway.route.caller import Caller, Role
from gateway.route.canonical import canonical_bytes, time_text
from gateway.tlog.leaf import LeafType

KIND = "notice"


async def create_notice(house: House, caller: Caller, body: Mapping[str, object]) -> RegistryItem:
    """Store a draft: the first version of an id, its next one, or another text for a draft.

    Args:
        house: ports.
        caller: a compliance officer.
        body: as `consent.notice.Notice.draft` reads it; without a version it is the next one.

    Returns:
        The stored version; the same body again is the same version, published or not.

    Raises:
        RequestError: BAD_FIELD.
        StateError: REVISION_CONFLICT for a version that is published with other contents.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    with reading():
        notice = Notice.draft(body)
    check_id(notice.id)
    canonical_bytes(notice.content())  # text that no record could carry is refused now, not when it is logged
    async with house.store.begin() as tx:
        latest = await find_item(tx, KIND, notice.id)
        if latest is not None and body.get("version") is None:
            notice = replace(notice, version=_next_version(notice, latest))
        stored = await find_item(tx, KIND, notice.id, notice.version)
        if stored is None:
            if notice.version != (1 if latest is None else latest.version + 1):
                raise RequestError("BAD_FIELD", "field version must be the next of this notice, the first being 1")
        elif _content(stored) == notice.content():
            return stored
        elif stored.state != NoticeState.DRAFT:
            raise StateError(
                "REVISION_CONFLICT", "this version is published with other contents; create the next version"
            )
        item = RegistryItem(KIND, notice.id, notice.version, NoticeState.DRAFT, notice.to_mapping(), house.clock.now())
        await tx.registry.put(item)
        await tx.audit.append([changed(item, caller)])
    house.bells.ring("audit")
    return item


async def publish_notice(
    house: House, caller: Caller, notice_id: str, version: int, at: datetime | None = None
) -> RegistryItem:
    """Publish a draft and supersede the version before it.

    Args:
        house: ports.
        caller: a compliance officer.
        notice_id: its id.
        version: the draft's version.
        at: when people could first see it, not in the future; None is now. What
            it allows counts from now all the same: `recorded_at` is set here.

    Returns:
        The published version; publishing again what is published changes nothing.

    Raises:
        RequestError: BAD_FIELD naming the contents that are missing.
        StateError: NOT_FOUND; REVISION_CONFLICT when it is superseded or was published at another time.
    """
    require(caller, Role.COMPLIANCE_OFFICER)
    now = house.clock.now()
    seen_at = now if at is None else at
    if seen_at > now:
        raise RequestError("BAD_FIELD", "field at lies in the future; publish then, or set effective_at in the draft")
    async with house.store.begin() as tx:
        item = await tx.registry.get(KIND, notice_id, version)
        if item.state == NoticeState.PUBLISHED and at in (None, Notice.from_mapping(item.body).published_at):
            return item
        registry = await load_registry(tx, house)
        try:
            with reading():
                published = publish(Notice.from_mapping(item.body), registry, seen_at, now)
        except RequestError as error:
            if isinstance(error.__cause__, NoticeError) and error.__cause__.reason == "NOTICE_STATE":
                raise StateError(
                    "REVISION_CONFLICT", "this version is not a draft any more; create the next version"
                ) from error
            raise
        for earlier in registry.versions.get(notice_id, ()):
            if earlier.version > version:
                raise StateError("REVISION_CONFLICT", "a later version is published already; create the next version")
            if earlier.state is NoticeState.PUBLISHED:
                await tx.registry.put(_item(supersede(earlier), now))
        stored = _item(published, now)
        await tx.registry.put(stored)
        payload: dict[str, object] = {
            "notice": published.reference,
            "hash": published.content_hash(),
            "published_at": time_text(seen_at),
            "material_for": list(published.material_for),
            "by": caller.subject,
        }
        await tx.audit.append([AuditEvent(LeafType.NOTICE_PUBLISHED, now, "", payload)])
    house.bells.ring("audit")
    return stored


async def get_notice(house: House, caller: Caller, notice_id: str, version: int = 0) -> RegistryItem:
    """Return one version, 0 = the latest; StateError NOT_FOUND."""
    require_reader(caller)
    async with house.store.read() as tx:
        return await tx.registry.get(KIND, notice_id, version)


async def list_notices(
    house: House, caller: Caller, after: tuple[str, int] = ("", 0), limit: int = MAX_PAGE
) -> list[RegistryItem]:
    """Return versions ordered by (id, version), strictly after `after`."""
    require_reader(caller)
    async with house.store.read() as tx:
        return await tx.registry.list(KIND, after, limit)


def content_hash(item: RegistryItem) -> str:
    """Return SHA-256 (hex) of what a stored version says."""
    return Notice.from_mapping(item.body).content_hash()


def _item(notice: Notice, now: datetime) -> RegistryItem:
    return RegistryItem(KIND, notice.id, notice.version, str(notice.state), notice.to_mapping(), now)


def _content(item: RegistryItem) -> dict[str, object]:
    return Notice.from_mapping(item.body).content()


def _next_version(notice: Notice, latest: RegistryItem) -> int:
    """A draft is replaced, a repeated request finds what it made, anything else is the next version."""
    same = _content(latest) == replace(notice, version=latest.version).content()
    return latest.version if same or latest.state == NoticeState.DRAFT else latest.version + 1
