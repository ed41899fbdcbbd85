"""The identity map on both databases: links in versions, one person per id, read in ranges."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import numpy as np
import pytest

from gateway.errors import StateError
from gateway.flow.ports import IdentityLink
from gateway.route.subject_ref import as_texts
from gateway.store import SqlStore, people
from tests.contract.given import NOW


def ref(of: str) -> str:
    """A keyed hash as any."""
    return base64.b32encode(hashlib.sha256(of.encode()).digest()).decode().lower()[:26]


IDS = [ref(f"id {number}") for number in range(300)]
PEOPLE = [ref(f"person {number}") for number in range(300)]


async def _link(store: SqlStore, source: str, links: list[str], people: list[str]) -> int:
    async with store.begin() as tx:
        version = await tx.identity.next_version()
        await tx.identity.link(source, version, NOW, links, people)
    return version


async def test_an_id_is_one_person_s_until_it_is_ended(store: SqlStore) -> None:
    first = await _link(store, "crm", IDS[:2], PEOPLE[:2])
    with pytest.raises(StateError) as caught:
        await _link(store, "crm", [IDS[0]], [PEOPLE[2]])
    assert caught.value.reason == "REVISION_CONFLICT"
    async with store.begin() as tx:
        second = await tx.identity.next_version()
        await tx.identity.unlink("crm", second, [IDS[0], IDS[7]])
        await tx.identity.link("crm", second, NOW, [IDS[0]], [PEOPLE[2]])
    assert second == first + 1
    async with store.read() as tx:
        assert await tx.identity.current("crm", IDS[:3]) == {IDS[0]: PEOPLE[2], IDS[1]: PEOPLE[1]}
        assert await tx.identity.of_person(PEOPLE[0]) == [IdentityLink("crm", IDS[0], PEOPLE[0], first, second, NOW)]
        assert await tx.identity.of_person(PEOPLE[2]) == [IdentityLink("crm", IDS[0], PEOPLE[2], second, 0, NOW)]


async def test_systems_do_not_know_each_other(store: SqlStore) -> None:
    await _link(store, "crm", [IDS[0]], [PEOPLE[0]])
    await _link(store, "pos", [IDS[0]], [PEOPLE[1]])
    async with store.begin() as tx:
        await tx.identity.unlink("pos", await tx.identity.next_version(), [IDS[0]])
    async with store.read() as tx:
        assert await tx.identity.current("crm", [IDS[0]]) == {IDS[0]: PEOPLE[0]}
        assert await tx.identity.current("pos", [IDS[0]]) == {}
        for source, count in (("crm", 1), ("pos", 0), ("erp", 0)):
            links, linked = await tx.identity.pairs(source, "", "~")
            assert links.shape == linked.shape == (count, 26)


async def test_whose_links_ended_since_a_version_is_told_by_system(store: SqlStore) -> None:
    await _link(store, "crm", IDS[:10], PEOPLE[:10])
    since = await _link(store, "pos", IDS[:10], PEOPLE[:10])
    for source, links in (("crm", IDS[3:5]), ("pos", IDS[4:7])):
        async with store.begin() as tx:
            await tx.identity.unlink(source, await tx.identity.next_version(), links)
    async with store.read() as tx:
        assert await tx.identity.version() == since + 2
        for sources, later, linked in (
            (("crm",), since, PEOPLE[3:5]),
            (("crm", "pos"), since, PEOPLE[3:7]),
            (("crm", "pos"), since + 1, PEOPLE[4:7]),
            (("erp",), since, []),
            (("crm", "pos"), since + 2, []),
        ):
            assert as_texts(await tx.identity.ended(sources, later)).to_pylist() == sorted(linked)


@pytest.mark.parametrize("few", [0, people.FEW])
async def test_ranges_come_ascending_with_both_ends_inside(
    store: SqlStore, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "FEW", few)
    await _link(store, "crm", IDS, PEOPLE)
    async with store.begin() as tx:
        await tx.identity.unlink("crm", await tx.identity.next_version(), IDS[:50])
    expected = sorted(zip(IDS[50:], PEOPLE[50:], strict=True))
    for low, high in ((0, 249), (10, 200), (17, 17)):
        async with store.read() as tx:
            links, linked = await tx.identity.pairs("crm", expected[low][0], expected[high][0])
        found = list(zip(as_texts(links).to_pylist(), as_texts(linked).to_pylist(), strict=True))
        assert found == expected[low : high + 1]
        assert links.dtype == np.uint8


async def test_two_writers_of_one_id_leave_one_person(store: SqlStore, other: SqlStore) -> None:
    """Each looks under the version that it took; a lost update would leave two links, or none."""

    async def claim(where: SqlStore, person: str) -> None:
        async with where.begin() as tx:
            version = await tx.identity.next_version()
            known = await tx.identity.current("crm", [IDS[0]])
            await asyncio.sleep(0.002)
            if known.get(IDS[0]) != person:
                await tx.identity.unlink("crm", version, [IDS[0]])
                await tx.identity.link("crm", version, NOW, [IDS[0]], [person])

    async with asyncio.timeout(60):
        await asyncio.gather(*(claim((store, other)[turn % 2], PEOPLE[turn]) for turn in range(8)))
    async with store.read() as tx:
        histories = [await tx.identity.of_person(person) for person in PEOPLE[:8]]
    links = sorted((link for history in histories for link in history), key=lambda link: link.version)
    assert [link.version for link in links] == list(range(1, 9))
    assert [link.ended for link in links] == [*range(2, 9), 0]


async def test_a_rollback_leaves_the_map_and_its_version(store: SqlStore) -> None:
    with pytest.raises(RuntimeError):
        async with store.begin() as tx:
            await tx.identity.link("crm", await tx.identity.next_version(), NOW, [IDS[0]], [PEOPLE[0]])
            raise RuntimeError
    assert await _link(store, "crm", [IDS[0]], [PEOPLE[1]]) == 1
