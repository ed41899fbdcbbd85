from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen

from gateway.errors import Misuse, RequestError, StateError
from gateway.flow.ports.store import TileWrite
from gateway.route.audit import AuditEvent, IntegratedEntry, PendingEntry
from gateway.route.canonical import canonical_bytes
from gateway.store import SqlStore, open_store
from gateway.tlog.leaf import check_opening, parse_leaf
from tests.contract import given

ALICE, BOB = given.ref(1), given.ref(2)


async def _append(store: SqlStore, *events: AuditEvent) -> None:
    async with store.begin() as tx:
        await tx.audit.append(events)


async def _sequence(store: SqlStore, limit: int = 10_000) -> int:
    """Integrate what is pending, with tiles that only stand for themselves."""
    async with store.begin() as tx:
        entries = await tx.audit.pending(limit)
        first = await tx.audit.size()
        await tx.audit.integrate(first, entries, [])
        return len(entries)


async def _entries(store: SqlStore, start: int = 0, end: int = 10_000) -> list[IntegratedEntry]:
    async with store.read() as tx:
        return [entry async for entry in tx.audit.entries(start, end)]


def _keys(entries: Sequence[IntegratedEntry]) -> list[bytes | None]:
    return [entry.payload for entry in entries]


async def test_a_leaf_commits_to_its_payload_under_the_subject_s_salt(store: SqlStore) -> None:
    payload = {"event_id": "e1", "subject": ALICE, "手机": [1, True]}
    await _append(store, given.audit_event(subject_ref=ALICE, payload=payload), given.audit_event("e2"))
    assert await _sequence(store) == 2
    about_alice, about_nobody = await _entries(store)
    assert about_alice.payload == canonical_bytes(payload)
    assert (about_alice.index, about_alice.type, about_alice.time) == (0, "consent_event", given.NOW)
    assert about_alice.payload is not None and about_alice.salt is not None
    assert check_opening(about_alice.leaf, about_alice.payload, about_alice.salt).time == given.NOW
    assert about_nobody.salt is not None and len(about_nobody.salt) == 32
    assert about_nobody.salt != about_alice.salt
    assert ALICE.encode() not in about_alice.leaf


async def test_one_subject_has_one_salt_across_transactions(store: SqlStore, other: SqlStore) -> None:
    await _append(store, given.audit_event("e1", subject_ref=ALICE))
    await _append(other, given.audit_event("e2", subject_ref=ALICE), given.audit_event("e3", subject_ref=BOB))
    await _sequence(store)
    salts = [entry.salt for entry in await _entries(store)]
    assert salts[0] == salts[1] != salts[2]


async def test_callers_who_append_alone_share_a_commit_and_each_has_its_entry_once(store: SqlStore) -> None:
    commits = 0
    engine = store._engines.writer.sync_engine

    def committed(_connection: object) -> None:
        nonlocal commits
        commits += 1

    listen(engine, "commit", committed)
    keys = [f"e{number}" for number in range(100)]
    events = [given.audit_event(key, subject_ref=ALICE if number % 2 else BOB) for number, key in enumerate(keys)]
    bad = given.audit_event(payload={"amount": 1.5})
    await asyncio.gather(*(store.append([one]) for one in events))
    assert commits == 1
    both = (store.append([given.audit_event("before")]), store.append([bad]))
    before, refused = await asyncio.gather(*both, return_exceptions=True)
    assert before is None and isinstance(refused, RequestError)
    await store.append([given.audit_event("after")])
    await _sequence(store)
    said = [json.loads(payload or b"")["event_id"] for payload in _keys(await _entries(store))]
    assert said == [*keys, "before", "after"]


async def test_entries_are_pending_in_the_order_of_their_appends_until_integrated(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.audit.append([given.audit_event("a"), given.audit_event("b")])
        await tx.audit.append([given.audit_event("c")])
        assert len(await tx.audit.pending(10)) == 3  # in the same transaction too
    await _append(store, given.audit_event("d"))
    async with store.read() as tx:
        assert await tx.audit.size() == 0
        assert [entry async for entry in tx.audit.entries(0, 10)] == []
        assert await tx.audit.find("consent_event", "a") is None
        assert [entry.pending_id for entry in await tx.audit.pending(2)] == [0, 1]
    assert await _sequence(store, 3) == 3
    assert await _sequence(store, 3) == 1
    assert await _sequence(store, 3) == 0
    assert _keys(await _entries(store)) == [canonical_bytes({"event_id": key}) for key in "abcd"]
    assert _keys(await _entries(store, 1, 3)) == [canonical_bytes({"event_id": key}) for key in "bc"]


async def test_a_rollback_leaves_no_entry_and_no_gap(store: SqlStore) -> None:
    await _append(store, given.audit_event("a"))
    with pytest.raises(LookupError):
        async with store.begin() as tx:
            await tx.audit.append([given.audit_event("lost", subject_ref=ALICE)])
            await tx.audit.pending(1)  # it has its number by now
            raise LookupError
    await _append(store, given.audit_event("b"))
    async with store.begin() as tx:
        assert [entry.pending_id for entry in await tx.audit.pending(10)] == [0, 1]
    await _sequence(store)
    assert _keys(await _entries(store)) == [canonical_bytes({"event_id": key}) for key in "ab"]


async def test_the_order_of_numbers_is_the_order_of_commits(store: SqlStore, other: SqlStore) -> None:
    """Whoever reads while others write sees a beginning of the log, never one with a hole that is filled later."""
    seen: list[list[int]] = []
    done = asyncio.Event()

    async def write(where: SqlStore, writer: int) -> None:
        for number in range(8):
            async with where.begin() as tx:
                await tx.audit.append([given.audit_event(f"{writer}-{number}-{part}") for part in range(3)])
                await asyncio.sleep(0.001 * ((writer * number) % 4))

    async def look() -> None:
        while not done.is_set():
            async with store.read() as tx:
                seen.append([entry.pending_id for entry in await tx.audit.pending(1000)])
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await asyncio.gather(*(write((store, other)[writer % 2], writer) for writer in range(4)))
    done.set()
    await looking
    assert all(numbers == list(range(len(numbers))) for numbers in seen)
    async with store.read() as tx:
        assert len(await tx.audit.pending(1000)) == 4 * 8 * 3


async def test_two_sequencers_give_every_entry_one_index(store: SqlStore, other: SqlStore) -> None:
    await _append(store, *(given.audit_event(str(number)) for number in range(100)))

    async def sequence(where: SqlStore) -> list[int]:
        taken: list[int] = []
        while True:
            async with where.begin() as tx:
                entries = await tx.audit.pending(7)
                if not entries:
                    return taken
                first = await tx.audit.size()
                await asyncio.sleep(0)
                await tx.audit.integrate(first, entries, [])
                taken += range(first, first + len(entries))

    taken = await asyncio.gather(sequence(store), sequence(other))
    assert sorted(taken[0] + taken[1]) == list(range(100))
    assert [entry.index for entry in await _entries(store)] == list(range(100))


async def test_entries_are_integrated_only_in_their_place(store: SqlStore) -> None:
    await _append(store, *(given.audit_event(key) for key in "abc"))
    async with store.begin() as tx:
        entries = await tx.audit.pending(3)
        for first, wrong in (
            (1, entries),
            (0, entries[1:]),
            (0, [entries[1], entries[0]]),
            (0, [*entries, entries[0]]),
        ):
            with pytest.raises(StateError) as caught:
                await tx.audit.integrate(first, wrong, [])
            assert caught.value.reason == "REVISION_CONFLICT"
        with pytest.raises(Misuse, match="never appended"):
            await tx.audit.integrate(0, [*entries, PendingEntry(3, b"{}")], [])
        await tx.audit.integrate(0, entries[:2], [])
        with pytest.raises(StateError):
            await tx.audit.integrate(0, entries[:2], [])
        assert await tx.audit.size() == 2


def _tile(level: int, index: int, *hashes: int) -> TileWrite:
    return TileWrite(level, index, len(hashes), b"".join(bytes([value] * 32) for value in hashes))


async def test_tiles_grow_and_never_change(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.audit.integrate(0, [], [_tile(0, 0, 1), _tile(0, 0, 1, 2), _tile(1, 7, 9)])
        await tx.audit.integrate(0, [], [_tile(0, 0, 1)])  # narrower: nothing new
        found = await tx.audit.tiles([(0, 0), (1, 7), (0, 1), (2, 0)])
        assert found == {(0, 0): _tile(0, 0, 1, 2).hashes, (1, 7): _tile(1, 7, 9).hashes}
        await tx.audit.integrate(0, [], [_tile(0, 0, 1, 2, 3)])
        assert await tx.audit.tiles([(0, 0)]) == {(0, 0): _tile(0, 0, 1, 2, 3).hashes}
        with pytest.raises(StateError) as caught:
            await tx.audit.integrate(0, [], [_tile(0, 0, 1, 5)])
        assert caught.value.reason == "LOG_INCONSISTENT"
        with pytest.raises(Misuse):
            await tx.audit.integrate(0, [], [TileWrite(0, 0, 4, bytes(32))])
        assert await tx.audit.tiles([]) == {}
        many = [(0, number) for number in range(70_000)]
        assert await tx.audit.tiles(many) == {(0, 0): _tile(0, 0, 1, 2, 3).hashes}


async def test_checkpoints_never_shrink_nor_change_their_root(store: SqlStore) -> None:
    await _append(store, *(given.audit_event(key) for key in "abc"))
    async with store.begin() as tx:
        assert await tx.audit.checkpoint() is None
        await tx.audit.integrate(0, await tx.audit.pending(2), [])
        await tx.audit.add_checkpoint(1, b"r" * 32, b"note 1", given.NOW)
        await tx.audit.add_checkpoint(2, b"s" * 32, b"note 2", given.NOW)
        await tx.audit.add_checkpoint(2, b"s" * 32, b"note 2, signed again", given.NOW)
        assert await tx.audit.checkpoint() == (2, b"s" * 32, b"note 2, signed again")
        for size, root in ((1, b"r" * 32), (2, b"t" * 32), (3, b"u" * 32)):
            with pytest.raises(StateError) as caught:
                await tx.audit.add_checkpoint(size, root, b"note", given.NOW)
            assert caught.value.reason == "LOG_INCONSISTENT"
    async with store.read() as tx:
        assert await tx.audit.checkpoint() == (2, b"s" * 32, b"note 2, signed again")


async def test_an_entry_is_found_by_what_it_is_about(store: SqlStore) -> None:
    await _append(
        store,
        given.audit_event("e1", subject_ref=ALICE),
        given.audit_event(type="run_record", payload={"session_id": "s1", "run_hash": "x"}),
        given.audit_event(type="session_opened", payload={"session": "s1", "partner": "platform"}),
        given.audit_event(type="job_state", payload={"job": "j1", "session": "s1", "state": "JUDGING"}),
        given.audit_event(type="job_state", payload={"job": "j1", "session": "s1", "state": "SUCCEEDED"}),
        given.audit_event(type="export_made", payload={"by": "officer"}),
    )
    await _sequence(store)
    await _append(store, given.audit_event(type="job_state", payload={"job": "j1", "state": "pending still"}))
    async with store.read() as tx:
        assert await tx.audit.find("consent_event", "e1") == 0
        assert await tx.audit.find("run_record", "s1") == 1
        assert await tx.audit.find("session_opened", "s1") == 2
        assert await tx.audit.find("job_state", "j1") == 4
        assert await tx.audit.find("consent_event", "s1") is None
        assert await tx.audit.find("consent_event", "e2") is None


async def test_erasing_a_subject_keeps_the_leaves_and_destroys_what_opens_them(store: SqlStore) -> None:
    await _append(
        store,
        given.audit_event("e1", subject_ref=ALICE),
        given.audit_event("e2", subject_ref=BOB),
        given.audit_event("e3", subject_ref=ALICE),
    )
    await _sequence(store)
    before = await _entries(store)
    async with store.begin() as tx:
        await tx.audit.append([given.audit_event("e4", subject_ref=ALICE)])  # of the same transaction
        assert await tx.audit.erase_subject(ALICE) == 3
        assert await tx.audit.erase_subject(ALICE) == 0
    await _append(store, given.audit_event("e5", subject_ref=ALICE))
    await _sequence(store)
    after = await _entries(store)
    assert [entry.leaf for entry in after[:3]] == [entry.leaf for entry in before]
    assert [(entry.payload is None, entry.salt is None) for entry in after] == [
        (True, True),
        (False, False),
        (True, True),
        (True, True),
        (False, False),
    ]
    assert after[1] == before[1]
    assert after[4].salt != before[0].salt  # a new one, which does not open the old leaves
    assert parse_leaf(after[0].leaf).type == "consent_event"
    async with store.read() as tx:
        assert await tx.audit.find("consent_event", "e1") is None


async def test_the_log_s_own_salt_is_never_destroyed(store: SqlStore) -> None:
    with pytest.raises(Misuse):
        async with store.begin() as tx:
            await tx.audit.erase_subject("")


async def test_what_was_erased_is_in_no_file_any_more(tmp_path: Path) -> None:
    """SQLite would leave it in the file's free pages and in the write-ahead log."""
    store = await open_store(f"sqlite:///{tmp_path / 'assent.db'}")
    secret = "Zebra-" + hashlib.sha256(b"payload").hexdigest()
    events = [given.audit_event(f"{secret}-{number}", subject_ref=ALICE) for number in range(300)]
    await _append(store, *events, *(given.audit_event(f"other-{number}") for number in range(300)))
    await _sequence(store)
    salt = (await _entries(store))[0].salt
    assert salt is not None

    def found(needle: bytes) -> list[str]:
        return sorted(path.name for path in tmp_path.iterdir() if needle in path.read_bytes())

    assert found(secret.encode()) and found(salt)
    async with store.read() as reader:  # a reader keeps the old pages alive
        assert await reader.audit.size() == 600
        async with store.begin() as tx:
            assert await tx.audit.erase_subject(ALICE) == 300
        assert found(secret.encode())
        assert len([entry async for entry in reader.audit.entries(0, 600) if entry.payload is not None]) == 600
    await _append(store, given.audit_event("the next commit"))
    assert (found(secret.encode()), found(salt)) == ([], [])
    await store.close()


async def test_a_payload_without_a_canonical_form_is_refused_and_nothing_is_kept(store: SqlStore) -> None:
    with pytest.raises(RequestError) as caught:
        async with store.begin() as tx:
            await tx.audit.append([given.audit_event("a")])
            await tx.audit.append([given.audit_event(payload={"amount": 1.5})])
    assert caught.value.reason == "BAD_FIELD"
    with pytest.raises(Misuse):
        await _append(store, given.audit_event(type="gossip"))
    async with store.read() as tx:
        assert await tx.audit.pending(10) == []


async def test_entries_come_page_by_page_without_a_gap(store: SqlStore) -> None:
    await _append(store, *(given.audit_event(str(number)) for number in range(2500)))
    await _sequence(store)
    entries = await _entries(store)
    assert [entry.index for entry in entries] == list(range(2500))
    assert [entry.index for entry in await _entries(store, 1000, 2100)] == list(range(1000, 2100))
    assert await _entries(store, 5, 5) == []


@pytest.mark.parametrize(
    "changes",
    [
        ["DELETE FROM audit_payloads WHERE entry = 1", "DELETE FROM audit_entries WHERE entry = 1"],
        ["UPDATE audit_entries SET leaf = (SELECT payload FROM audit_payloads WHERE entry = 1) WHERE entry = 1"],
    ],
)
async def test_a_missing_or_altered_entry_is_named_as_damage(store: SqlStore, changes: list[str]) -> None:
    await _append(store, *(given.audit_event(key) for key in "abc"))
    await _sequence(store)
    async with store.begin() as tx:
        for change in changes:
            await tx._connection.execute(text(change))
    with pytest.raises(StateError) as caught:
        await _entries(store)
    assert caught.value.reason == "LOG_INCONSISTENT"
