"""The identity map: who may change it, what the log says of it, and that no raw id is kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import AccessError, RequestError, StateError
from gateway.flow import identity
from gateway.flow.identity import SORT_MEMORY, LinkReport, import_links, links_of, unlink
from gateway.flow.intake import RowError
from gateway.flow.memory import Memory
from gateway.flow.ports import House, Limits
from gateway.route.caller import Caller
from tests.unit.gateway.flow.houses import ADMIN, CDP, OFFICER, entries_of
from tests.unit.gateway.flow.shops import Shop, shop

__all__ = ["shop"]

Link = tuple[Any, Any]


async def put(
    house: House, links: Sequence[Link], size: int = 1000, caller: Caller = CDP, source: str = "crm"
) -> LinkReport:
    async def pieces() -> AsyncIterator[list[tuple[int, Any, Any]]]:
        rows = [(row, *link) for row, link in enumerate(links, 1)]
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    return await import_links(house, caller, source, "customer", pieces())


async def logged(house: House) -> list[tuple[str, dict[str, Any]]]:
    found = await entries_of(house, kinds=lambda kind: kind.startswith("identity_"))
    return [(kind, json.loads(payload)) for kind, payload in found if payload is not None]


async def test_links_are_made_once_moved_and_ended(shop: Shop) -> None:
    house = shop.house
    assert await put(house, [("K-1", "C1"), ("K-2", "C1"), ("K-3", "C3")]) == LinkReport(1, 3, 0, 0, (), 0)
    assert await put(house, [("K-1", "C1"), ("K-1", "C1")]) == LinkReport(0, 0, 0, 2, (), 0)
    moved = await put(house, [("K-2", "C2"), ("K-4", "C4"), ("K-3", "C3")])
    assert (moved.linked, moved.moved, moved.known) == (1, 1, 1)
    ended = await unlink(house, OFFICER, "crm", "K-1")
    assert ended > moved.version > 1
    of = {name: await links_of(house, OFFICER, "customer", name) for name in ("C1", "C2", "C5")}
    assert sorted((link.version, link.ended) for link in of["C1"]) == [(1, moved.version), (1, ended)]
    assert [(link.version, link.ended, link.at) for link in of["C2"]] == [(moved.version, 0, house.clock.now())]
    assert of["C5"] == []
    with pytest.raises(StateError) as gone:
        await unlink(house, OFFICER, "crm", "K-1")
    assert gone.value.reason == "NOT_FOUND"
    assert (await put(house, [("K-1", "C1")])).linked == 1


async def test_every_change_is_logged_and_no_raw_id_is_kept(shop: Shop) -> None:
    await put(shop.house, [("K-secret-1", "C1"), ("K-secret-2", "C2")])
    await put(shop.house, [("K-secret-1", "C2")])
    await put(shop.house, [("K-secret-1", "C2")])
    await unlink(shop.house, OFFICER, "crm", "K-secret-1")
    entries = await logged(shop.house)
    assert [(kind, said.get("linked"), said.get("moved"), said["by"]) for kind, said in entries] == [
        ("identity_linked", 2, 0, "cdp"),
        ("identity_linked", 0, 1, "cdp"),
        ("identity_unlinked", None, True, "cdp"),
        ("identity_unlinked", None, False, "officer"),
    ]
    assert len({said["links_sha256"] for kind, said in entries if kind == "identity_linked"}) == 2
    for path in shop.folder.rglob("*"):
        if path.is_file():
            assert b"K-secret" not in path.read_bytes(), path


async def test_bad_rows_are_named_and_good_ones_kept(shop: Shop) -> None:
    rows: list[Link] = [
        ("K-1", "C1"),
        ("", "C1"),
        ("K-2", "x" * 513),
        ("K-3", "\ud800"),
        (7, "C1"),
        ("K-1", "C2"),
        ("K-4", "C4"),
    ]
    report = await put(shop.house, rows)
    assert (report.linked, report.rejected_count) == (2, 5)
    assert [(error.row, error.field) for error in report.rejected] == [
        (2, "id"), (3, "subject"), (4, "subject"), (5, "id"), (6, "id"),
    ]  # fmt: skip
    assert report.rejected[-1] == RowError(6, "id", "is another subject's in row 1")


@pytest.mark.parametrize("memory", [1 << 14, SORT_MEMORY])
async def test_one_file_gives_an_id_to_one_person_however_far_apart_its_rows_stand(
    shop: Shop, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With little memory rows of one id come in several pieces, and go by way of the disk."""
    monkeypatch.setattr(identity, "SORT_MEMORY", memory)
    monkeypatch.setattr(identity, "STORED_TOGETHER", 7)
    limits = Limits(threads=1, rejected_rows_named=3)
    house = replace(shop.house, memory=Memory(4 * memory, floor=memory), limits=limits)
    assert (await put(house, [("K-0", "C0"), ("K-1", "C1")])).linked == 2
    between = [(f"M-{number}", "C9") for number in range(500)]
    rows: list[Link] = [("K-0", "C0"), ("K-1", "C2"), ("K-2", "C3"), *between, ("K-2", "C3")]
    rows += [("K-0", "C4"), ("K-1", "C1"), ("K-2", "C4"), *[("K-2", "C3"), ("K-2", "C5")] * 300]
    report = await put(house, rows, size=50)
    # The map's own word is a first row like any other; what moved an id before is not undone by a later row.
    assert (report.linked, report.moved, report.known, report.rejected_count) == (501, 1, 302, 303)
    assert report.rejected == tuple(
        RowError(row, "id", f"is another subject's in row {first}") for row, first in ((505, 1), (506, 2), (507, 3))
    )
    for person, links in (("C0", 1), ("C2", 1), ("C3", 1), ("C4", 0), ("C5", 0), ("C9", 500)):
        found = await links_of(house, OFFICER, "customer", person)
        assert (person, len(found)) == (person, links)
        assert not any(link.ended for link in found)
    assert (await put(house, rows)).rejected_count == 303
    assert (await put(house, [("K-2", "C4")])).moved == 1, "another file moves an id"
    assert [path.name for path in (shop.folder / "spool").glob("links-*")] == []


async def test_roles_and_names(shop: Shop) -> None:
    for caller in (ADMIN,):
        with pytest.raises(AccessError):
            await put(shop.house, [("K-1", "C1")], caller=caller)
    for caller in (ADMIN, CDP):
        with pytest.raises(AccessError):
            await links_of(shop.house, caller, "customer", "C1")
        with pytest.raises(AccessError):
            await unlink(shop.house, caller, "crm", "K-1")
    for source in ("", "CRM", "source:crm", "x" * 33):
        with pytest.raises(RequestError):
            await put(shop.house, [("K-1", "C1")], source=source)
    with pytest.raises(RequestError):
        await unlink(shop.house, OFFICER, "crm", "")


async def test_an_id_of_a_system_is_no_subject(shop: Shop) -> None:
    """A system may be called as a type of subjects is: their references differ all the same."""
    await put(shop.house, [("C1", "C1")], source="customer")
    (link,) = await links_of(shop.house, OFFICER, "customer", "C1")
    assert link.link_ref != link.subject_ref
