"""First events of people, and rows inserted as columns: the same as one by one, on both databases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from consent.event import ConsentEvent, EventType
from consent.history import History
from consent.projection import ProjectionRow
from gateway.errors import Misuse, RequestError, StateError
from gateway.flow.audit import BATCH
from gateway.route.canonical import canonical_bytes
from gateway.route.consent import FirstEvents
from gateway.store import SqlStore
from gateway.store.connection import ROWS_TOGETHER
from gateway.store.schema import audit_payloads, consent_projection, subject_salts
from gateway.tlog.leaf import check_opening
from tests.contract import given
from tests.contract.given import DAY, NOW, audit_event, event, hashed, ref, row
from tests.contract.people import on_file, plain, plain_ids

AWKWARD = [
    "plain",
    'quo"te',
    "back\\slash",
    "{}",
    "NULL",
    "a,b",
    "line\nbreak\ttab",
    "é日\U0001f600",
    " ",
    "%s %% $1 ?",
]


def first_events(events: Sequence[ConsentEvent], projections: Sequence[tuple[ProjectionRow, ...]]) -> FirstEvents:
    return FirstEvents(
        event_ids=[one.event_id for one in events],
        subjects=[one.subject for one in events],
        content_hashes=[hashed(one)[1] for one in events],
        records=[canonical_bytes(one.to_mapping()).decode() for one in events],
        projections=projections,
        consent_ids=[one.consent_id or "" for one in events],
        effective_from=[one.later for one in events],
        valid_until=[one.valid_until for one in events],
    )


def _rows(one: ConsentEvent, *plain: bool) -> tuple[ProjectionRow, ...]:
    """Rows of an event, as `project` makes them: plain or not, by category."""
    return tuple(
        row(
            one.subject,
            one.consent_id or "",
            category=category,
            plain=is_plain,
            effective_from=one.later,
            valid_until=one.valid_until,
        )
        for category, is_plain in zip(("phone", "segment"), plain, strict=False)
    )


async def _projection(store: SqlStore) -> list[tuple[Any, ...]]:
    async with store.read() as tx:
        return sorted(tuple(found) for found in await tx._connection.rows(select(consent_projection)))


async def test_first_events_are_stored_as_others_are(store: SqlStore) -> None:
    events = [
        event(ref(3), "e3"),
        event(ref(1), "e1", valid_until=None, consent_id="other"),
        event(ref(2), "e2", at=NOW + DAY),
        event(ref(4), "e4", EventType.REFUSED, purpose="enrich"),
        event(ref(5), "e5", channel="网页"),
    ]
    projections = [_rows(events[0], True, False), _rows(events[1], True), _rows(events[2], True), (), _rows(events[4])]
    projections[4] = projections[0]  # the same object says the same rows of another
    async with store.begin() as tx:
        await tx.consents.append([], {}, first_events(events, projections))
    stored = await _projection(store)
    refs = [one.subject for one in events]
    async with store.read() as tx:
        histories = await tx.consents.histories(refs)
        found = await plain(tx), await plain_ids(tx), await on_file(tx)
        assert await tx.consents.known_events([one.event_id for one in events]) == {
            one.event_id: hashed(one)[1] for one in events
        }
        assert await tx.consents.subject_count() == 5
    assert histories == {one.subject: History(one.subject, (one,)) for one in events}
    assert found[0] == [ref(1), ref(3), ref(5)]  # the second takes effect tomorrow
    assert found[1:] == (["other", "consent-e3", "consent-e5"], sorted(refs))
    # Replaced by what one by one would have written, nothing changes.
    again = {
        one.subject: _rows(one, *plain) for one, plain in zip(events, ((1, 0), (1,), (1,), (), (1, 0)), strict=True)
    }
    async with store.begin() as tx:
        await tx.consents.append([], again)
    assert await _projection(store) == stored


async def test_somebody_goes_on_from_a_first_event(store: SqlStore) -> None:
    one, two = event(ref(1), "e1"), event(ref(1), "e2", EventType.WITHDRAWN)
    async with store.begin() as tx:
        assert await tx.consents.lock_subjects([ref(1), ref(2)]) == set()
        await tx.consents.append([], {}, first_events([one], [_rows(one, True)]))
        assert await tx.consents.lock_subjects([ref(1), ref(2)]) == {ref(1)}
    async with store.begin() as tx:
        assert await tx.consents.lock_subjects([ref(1), ref(2)]) == {ref(1)}
        await tx.consents.append([hashed(two)], {ref(1): []})
    async with store.read() as tx:
        assert (await tx.consents.histories([ref(1)]))[ref(1)].events == (one, two)
        assert (await plain(tx), await on_file(tx)) == ([], [ref(1)])


async def test_first_events_and_others_in_one_append(store: SqlStore) -> None:
    old = event(ref(1), "old")
    async with store.begin() as tx:
        await tx.consents.append([hashed(old)], {ref(1): _rows(old, True)})
    new, withdrawn = event(ref(2), "new"), event(ref(1), "withdrawn", EventType.WITHDRAWN)
    before = await _mark(store)
    async with store.begin() as tx:
        await tx.consents.append([hashed(withdrawn)], {ref(1): []}, first_events([new], [_rows(new, True)]))
    async with store.read() as tx:
        assert await plain(tx) == [ref(2)]
        changed = await tx.consents.changed(before, 10)
        assert changed is not None and len(changed) == 2


async def _mark(store: SqlStore) -> Any:
    async with store.read() as tx:
        return await tx.consents.mark()


async def test_a_known_event_id_among_first_ones_keeps_nothing(store: SqlStore) -> None:
    count = ROWS_TOGETHER + 3
    events = [event(ref(number), f"e{number}") for number in range(count)]
    async with store.begin() as tx:
        await tx.consents.append([], {}, first_events(events[count - 1 :], [()]))
    others = [event(ref(count + number), one.event_id) for number, one in enumerate(events)]
    with pytest.raises(StateError) as caught:
        async with store.begin() as tx:
            await tx.consents.append([], {}, first_events(others, [_rows(one, True) for one in others]))
    assert caught.value.reason == "REVISION_CONFLICT"
    async with store.read() as tx:
        assert await tx.consents.subject_count() == 1
    assert await _projection(store) == []


async def test_who_has_events_has_no_first_one(store: SqlStore) -> None:
    one = event(ref(1), "e1")
    async with store.begin() as tx:
        await tx.consents.append([hashed(one)], {ref(1): []})
    later = event(ref(1), "e2")
    with pytest.raises(Misuse):
        async with store.begin() as tx:
            await tx.consents.append([], {}, first_events([later], [()]))
    with pytest.raises(Misuse):
        async with store.begin() as tx:
            new = event(ref(2), "e3")
            await tx.consents.append([hashed(event(ref(2), "e4"))], {}, first_events([new], [()]))


@pytest.mark.parametrize("count", [1, ROWS_TOGETHER - 1, ROWS_TOGETHER, ROWS_TOGETHER + 1, 2 * ROWS_TOGETHER + 7])
async def test_columns_of_any_length_and_any_text(store: SqlStore, count: int) -> None:
    texts = [f"{AWKWARD[number % len(AWKWARD)]}{number}" for number in range(count)]
    payloads = [bytes([number % 256, 0, 255]) * (number % 5) for number in range(count)]
    columns = {"subject_ref": [f"s{number:06}" for number in range(count)], "salt": payloads}
    async with store.begin() as tx:
        await tx._connection.insert_columns(subject_salts, columns)
        await tx._connection.insert_columns(subject_salts, columns, "(subject_ref) DO NOTHING")
        await tx._connection.insert_columns(subject_salts, {"subject_ref": [], "salt": []})
        await tx.audit.append_encoded("consent_event", NOW, texts, texts, [json.dumps(text).encode() for text in texts])
    async with store.read() as tx:
        found = await tx._connection.rows(select(subject_salts).where(subject_salts.c.subject_ref.like("s0%")))
        assert {name: bytes(salt) for name, salt in found} == dict(zip(columns["subject_ref"], payloads, strict=True))
        logged = await tx._connection.rows(select(audit_payloads).order_by(audit_payloads.c.entry))
    assert [one.key for one in logged] == [one.subject_ref for one in logged] == texts
    assert [json.loads(one.payload) for one in logged] == texts


async def test_a_text_that_a_column_cannot_hold_is_the_caller_s_fault(store: SqlStore, store_url: str) -> None:
    columns = {"subject_ref": ["fine", "a\ud800"], "salt": [b"1", b"2"]}
    if store_url.startswith("postgresql"):
        columns["subject_ref"][1] = "a\x00b"
    with pytest.raises(RequestError) as caught:
        async with store.begin() as tx:
            await tx._connection.insert_columns(subject_salts, columns)
    assert caught.value.reason == "BAD_FIELD"


async def test_encoded_entries_open_like_others(store: SqlStore) -> None:
    subjects = [ref(1), ref(2), ref(1), ""]
    payloads = [canonical_bytes({"event_id": f"e{number}"}) for number in range(4)]
    async with store.begin() as tx:
        await tx.audit.append([given.audit_event("before", subject_ref=ref(1))])
        await tx.audit.append_encoded("consent_event", NOW, subjects, ["a", "b", "c", "d"], payloads)
        await tx.audit.append_encoded("consent_event", NOW, [], [], [])
    async with store.begin() as tx:
        await tx.audit.integrate(0, await tx.audit.pending(BATCH), [])
        assert await tx.audit.find("consent_event", "c") == 3
        entries = [entry async for entry in tx.audit.entries(0, 10)]
    assert [entry.payload for entry in entries[1:]] == payloads
    for entry in entries:
        assert entry.payload is not None and entry.salt is not None
        assert check_opening(entry.leaf, entry.payload, entry.salt).time == NOW
    assert entries[0].salt == entries[1].salt == entries[3].salt != entries[2].salt
    with pytest.raises(Misuse):
        async with store.read() as tx:
            await tx.audit.append_encoded("consent_event", NOW, [""], ["x"], [b"{}"])


async def _sequence(store: SqlStore) -> None:
    async with store.begin() as tx:
        await tx.audit.integrate(await tx.audit.size(), await tx.audit.pending(100), [])


async def test_an_event_stored_once_opens_its_entry(store: SqlStore) -> None:
    """Whether it is somebody's first, stands in a history, or was stored beside its entry, as it once was."""
    ones = [event(ref(number), f"e{number}", channel="网页") for number in range(6)]
    records = [canonical_bytes(one.to_mapping()).decode() for one in ones]
    ids, subjects = [one.event_id for one in ones], [one.subject for one in ones]
    async with store.begin() as tx:
        await tx.consents.append([hashed(ones[0])], {ref(0): []}, first_events(ones[2:4], [(), ()]))
        await tx.audit.append_encoded("consent_event", NOW, subjects[:1], ids[:1], [records[0].encode()])
        await tx.audit.append_acts(NOW, subjects[2:4], ids[2:4], records[2:4])
        await tx.audit.append([audit_event("job", "job_state", payload={"job": "j"})])
        await tx.consents.append([hashed(ones[1]), hashed(ones[4])], {})
        await tx.consents.append([], {}, first_events(ones[5:], [()]))
        assert (await tx.consents.known_events(ids)).keys() == set(ids)  # written before it was numbered
        told = [(subjects[at], ids[at], records[at]) for at in (5, 4, 1)]
        await tx.audit.append_acts(NOW, *(list(column) for column in zip(*told, strict=True)))
    await _sequence(store)
    places = {"e0": 0, "e2": 1, "e3": 2, "e5": 4, "e4": 5, "e1": 6}
    async with store.read() as tx:
        entries = [entry async for entry in tx.audit.entries(0, 10)]
        assert {one: await tx.audit.find("consent_event", one) for one in ids} == places
        assert await tx.audit.find("consent_event", "e9") is None
        assert await tx.audit.find("job_state", "e2") is None
    opened = [entry.payload for entry in entries if entry.index != 3]
    assert opened == [records[int(one[1])].encode() for one in places]
    for entry in entries:
        assert entry.payload is not None and entry.salt is not None
        check_opening(entry.leaf, entry.payload, entry.salt)
    async with store.begin() as tx:
        # A person's new events open, the erased ones do not, whatever salt the person has by then.
        assert [await tx.audit.erase_subject(subjects[at]) for at in (0, 1, 2, 2)] == [1, 1, 1, 0]
        again = event(ref(2), "e7")
        await tx.consents.append([hashed(again)], {})
        await tx.audit.append_acts(NOW, [ref(2)], ["e7"], [canonical_bytes(again.to_mapping()).decode()])
    await _sequence(store)
    async with store.read() as tx:
        left = [entry async for entry in tx.audit.entries(0, 10)]
        assert [await tx.audit.find("consent_event", one) for one in ("e0", "e1", "e2", "e7")] == [None, None, None, 7]
        assert (await tx.consents.histories([ref(2)]))[ref(2)].events == (ones[2], again)  # the book is not the log
    assert [entry.leaf for entry in left[:7]] == [entry.leaf for entry in entries]
    assert [entry.index for entry in left if entry.payload is None] == [0, 1, 6]


async def test_an_entry_about_an_event_that_is_not_there_keeps_nothing(store: SqlStore) -> None:
    with pytest.raises(Misuse):
        async with store.begin() as tx:
            await tx.audit.append_acts(NOW, [ref(1)], ["absent"], ["{}"])
    one = event(ref(1), "e1")
    async with store.begin() as tx:
        await tx.consents.append([], {}, first_events([one], [()]))
    with pytest.raises(StateError) as caught:
        async with store.begin() as tx:
            await tx.consents.append([], {}, first_events([event(ref(2), "e1")], [()]))
            await tx.audit.append_acts(NOW, [ref(2)], ["e1"], ["{}"])
    assert caught.value.reason == "REVISION_CONFLICT"
    async with store.begin() as tx:
        assert await tx.audit.pending(10) == []
        assert await tx.consents.subject_count() == 1
