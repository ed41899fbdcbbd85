from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from consent.projection import TRUST_ALL
from consent.record import State
from consent.registry import Registry
from gateway import kernel
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow import consent as route
from gateway.flow import intake
from gateway.flow.consent import ImportReport, consents_of, decide, import_events
from gateway.flow.dated_ahead import REASON
from gateway.flow.intake import SubjectNames
from gateway.flow.ports import House
from gateway.flow.unmet import BY_NOTHING, BY_SCOPE
from gateway.route.subject_ref import as_texts
from gateway.store.consents import SqlConsentStore
from tests.unit.gateway.flow.houses import ADMIN, CDP, NOW, OFFICER, StoppedClock
from tests.unit.gateway.flow.shops import (
    ALL,
    PHONE,
    USE,
    Shop,
    consent_entries,
    given,
    item,
    pieces,
    reason,
    shop,
    take,
    withdrawn,
)

__all__ = ["shop"]


async def test_what_is_imported_decides(shop: Shop) -> None:
    house = shop.house
    rows = [given(1), given(2), withdrawn(2), given(3, items=item(form="general"))]
    assert await take(house, rows) == ImportReport(4, 0, (), 0)
    allowed = await decide(house, OFFICER, "customer", "C1", USE)
    assert (allowed.allowed, allowed.reason_code, allowed.consent_id, allowed.notice) == (
        True,
        "OK_CONSENT",
        "c1",
        "sharing@1",
    )
    assert await reason(house, 2) == "CONSENT_WITHDRAWN"
    assert await reason(house, 3) == "SEPARATE_CONSENT_MISSING"
    assert await reason(house, 4) == "NO_CONSENT"
    assert await reason(house, 1, recipient="retailer") == "RECIPIENT_BLOCKED"
    assert (await decide(house, OFFICER, "device", "C1", USE)).reason_code == "NO_CONSENT"


async def test_records_of_a_person(shop: Shop) -> None:
    await take(shop.house, [given(1), given(2), withdrawn(2)])
    (record,) = await consents_of(shop.house, OFFICER, "customer", "C1")
    assert (record.state, record.consent_id, record.recipient) == (State.GIVEN, "c1", "platform")
    (record,) = await consents_of(shop.house, OFFICER, "customer", "C2")
    assert record.state is State.WITHDRAWN
    assert await consents_of(shop.house, OFFICER, "customer", "C3") == []


async def test_every_event_is_logged_under_its_subjects_salt_and_no_raw_value_is_kept(shop: Shop) -> None:
    await take(shop.house, [given(1, subject=PHONE), given(2), withdrawn(1) | {"subject": PHONE}])
    logged = await consent_entries(shop.house)
    assert [entry["event_id"] for entry in logged] == ["e1", "e2", "w1"]
    assert logged[0]["subject"] == logged[2]["subject"] != logged[1]["subject"]
    assert len(logged[0]["subject"]) == 26
    assert logged[0]["recorded_at"] == "2026-11-20T08:31:00Z"
    assert logged[0]["items"][0]["recipients"] == ["platform"]
    async with shop.house.store.read() as tx:
        history = (await tx.consents.histories([logged[1]["subject"]]))[logged[1]["subject"]]
    assert [event.to_mapping() for event in history.events] == [logged[1]]
    for file in shop.folder.glob("assent.db*"):
        assert PHONE.encode() not in file.read_bytes()
    async with shop.house.store.begin() as tx:
        assert await tx.audit.erase_subject(logged[0]["subject"]) == 2
    assert [entry["event_id"] for entry in await consent_entries(shop.house)] == ["e2"]


async def test_the_projection_follows_in_the_same_commit(shop: Shop) -> None:
    await take(shop.house, [given(number) for number in range(5)])
    await take(shop.house, [withdrawn(3), given(9, evidence=False)])
    names = SubjectNames(shop.house.custody.subject_key(), "customer", 1)
    async with shop.house.store.read() as tx:
        plain = as_texts(await tx.consents.plain(USE, TRUST_ALL, shop.house.clock.now(), *ALL)).to_pylist()
        on_file = as_texts(await tx.consents.on_file(*ALL)).to_pylist()
    assert plain == sorted(names.refs([f"C{number}" for number in (0, 1, 2, 4)]))
    assert on_file == sorted(names.refs([f"C{number}" for number in (0, 1, 2, 3, 4, 9)]))


async def test_a_repeated_import_changes_nothing(shop: Shop) -> None:
    rows = [given(1), given(2), withdrawn(2)]
    await take(shop.house, rows)
    shop.house.clock.advance(hours=1)  # type: ignore[attr-defined]
    assert await take(shop.house, rows) == ImportReport(0, 3, (), 0)
    assert await take(shop.house, [*rows, given(3)], whole=True) == ImportReport(1, 3, (), 0)
    assert len(await consent_entries(shop.house)) == 4


async def test_an_id_names_one_event_for_ever(shop: Shop) -> None:
    await take(shop.house, [given(1)])
    changed = given(1, items=item(categories=["phone_hash"]))
    report = await take(shop.house, [changed, given(2), given(2), given(2, consent_id="other"), given(3)])
    assert (report.accepted, report.replayed, report.rejected_count) == (2, 1, 1 + 1)
    assert [(error.row, error.field, error.reason) for error in report.rejected] == [
        (1, "event_id", "is the id of another event"),
        (4, "event_id", "is the id of another event"),
    ]
    assert await reason(shop.house, 1, category="purchase_history") == "OK_CONSENT"


BAD: list[tuple[dict[str, Any], str]] = [
    (given(1, subject=None), "subject"),
    (given(1, subject=""), "subject"),
    (given(1, subject=7), "subject"),
    (given(1, subject=PHONE + "x" * 510), "subject"),
    (given(1, subject="\ud800" + PHONE), "subject"),
    (given(1, event_id=None), "event_id"),
    (given(1, event_id="x" * 201), "event_id"),
    (given(1, event_id="a\x00b"), "event_id"),
    (given(1, event_id="a\udc80"), "event_id"),
    (given(1, consent_id="x" * 201), "consent_id"),
    (given(1, channel="line\nbreak"), "channel"),
    (given(1, type="consent"), "type"),
    (given(1, type=None), "type"),
    (given(1, at="2026-11-01"), "at"),
    (given(1, at="2026-11-01T10:00:00"), "at"),
    (given(1, at=PHONE), "at"),
    (given(1, recorded_at="2026-11-01T10:00:00Z"), "recorded_at"),
    (given(1, notice="sharing@2"), "notice"),
    (given(1, notice="sharing"), "notice"),
    (given(1, at="2026-08-01T10:00:00+08:00"), "notice"),
    (given(1, handler="stranger"), "handler"),
    (given(1, mode="nod"), "mode"),
    (given(1, items=[]), "items"),
    (given(1, items=item(purpose="mind_reading")), "items[0].purpose"),
    (given(1, items=item(categories=["iris"])), "items[0].categories"),
    (given(1, items=item(methods=["telepathy"])), "items[0].methods"),
    (given(1, items=item(recipients=["stranger"])), "items[0].recipients"),
    (given(1, items=item(form="loud")), "items[0].form"),
    (given(1, items=[PHONE]), "items[0]"),
    (given(1, surprise=PHONE), "surprise"),
    (given(1) | {PHONE: 1}, "(unknown field)"),
    (withdrawn(1) | {"purpose": "mind_reading"}, "purpose"),
    (withdrawn(1) | {"recipient": "stranger"}, "recipient"),
    (withdrawn(1) | {"categories": ["iris"]}, "categories"),
    (withdrawn(1) | {"method": "telepathy"}, "method"),
    ({"event_id": "m", "type": "identity_merged", "at": "2026-11-01T10:00:00Z", "subject": "C1"}, "subjects"),
    (
        {
            "event_id": "m",
            "type": "identity_merged",
            "at": "2026-11-01T10:00:00Z",
            "subject": "C1",
            "subjects": ["C1", 5],
        },
        "subjects",
    ),
    ({}, "subject"),
]


async def test_bad_rows_are_named_by_number_and_field_and_good_ones_stored(shop: Shop) -> None:
    good = [given(number) for number in range(100, 100 + len(BAD))]
    rows = [row for pair in zip([bad for bad, _ in BAD], good, strict=True) for row in pair]
    report = await import_events(shop.cut_to(import_batch=11), CDP, "customer", pieces(rows, 7), False)
    assert (report.accepted, report.rejected_count) == (len(BAD), len(BAD))
    found = {error.row: error for error in report.rejected}
    for position, (_, field) in enumerate(BAD):
        error = found[2 * position + 1]
        assert error.field.startswith(field), (position, field, error)
        assert PHONE not in error.reason + error.field
        assert "\n" not in error.reason
    assert len(await consent_entries(shop.house)) == len(BAD)


async def test_all_or_nothing_stores_nothing_for_one_bad_row(shop: Shop) -> None:
    rows = [given(number) for number in range(10)]
    small = shop.cut_to(import_batch=3)
    for bad in (given(10, at="yesterday"), given(4, consent_id="other")):
        report = await import_events(small, CDP, "customer", pieces([*rows, bad], 4), True)
        assert (report.accepted, report.replayed, report.rejected_count) == (0, 0, 1)
        assert report.rejected[0].row == 11
        assert await consent_entries(shop.house) == []
    report = await import_events(small, CDP, "customer", pieces([*rows, given(4)], 4), True)
    assert (report.accepted, report.replayed, report.rejected_count) == (10, 1, 0)


async def test_all_or_nothing_is_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "MAX_ROWS_AT_ONCE", 3)
    with pytest.raises(RequestError, match="all_or_nothing"):
        await take(shop.house, [given(number) for number in range(4)], whole=True)
    assert (await take(shop.house, [given(number) for number in range(4)])).accepted == 4


@pytest.mark.parametrize("size", [1, 2, 5, 100])
async def test_pieces_of_any_size_make_batches_of_one(shop: Shop, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    calls: list[int] = []
    native, histories = kernel.subject_refs, SqlConsentStore.histories

    def refs(key: bytes, type: str, values: Any, threads: int) -> Any:
        calls.append(len(values))
        return native(key, type, values, threads)

    asked: list[int] = []

    async def counted(self: SqlConsentStore, subject_refs: Sequence[str]) -> Any:
        asked.append(len(subject_refs))
        return await histories(self, subject_refs)

    monkeypatch.setattr(kernel, "subject_refs", refs)
    monkeypatch.setattr(SqlConsentStore, "histories", counted)
    rows = [given(number) for number in range(11)]
    report = await import_events(shop.cut_to(import_batch=4), CDP, "customer", pieces(rows, size), False)
    assert report.accepted == 11
    assert calls == [4, 4, 3]
    assert asked == []  # of new people nothing is on file
    later = [withdrawn(number) for number in range(11)]
    report = await import_events(shop.cut_to(import_batch=4), CDP, "customer", pieces(later, size), False)
    assert report.accepted == 11
    assert asked == [4, 4, 3]


async def test_a_failure_keeps_the_batches_before_it_and_the_import_can_be_repeated(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [given(number) for number in range(10)]
    small, appended, calls = shop.cut_to(import_batch=4), SqlConsentStore.append, []

    async def full(self: SqlConsentStore, *arguments: Any) -> None:
        calls.append(1)
        await appended(self, *arguments)
        if len(calls) == 2:
            raise StateError("DISK_FULL", "the store's disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(SqlConsentStore, "append", full)
        with pytest.raises(StateError, match="full"):
            await import_events(small, CDP, "customer", pieces(rows), False)
    assert len(await consent_entries(shop.house)) == 4
    report = await import_events(small, CDP, "customer", pieces(rows), False)
    assert (report.accepted, report.replayed) == (6, 4)
    assert len(await consent_entries(shop.house)) == 10


async def test_a_stream_that_breaks_leaves_whole_batches(shop: Shop) -> None:
    """The batch before is on its way into the store while the next one is awaited."""

    async def broken() -> AsyncIterator[list[tuple[int, dict[str, Any]]]]:
        async for piece in pieces([given(number) for number in range(9)], 1):
            yield piece
        raise RequestError("BAD_FIELD", "field batch is required")

    small = shop.cut_to(import_batch=4)
    with pytest.raises(RequestError, match="batch"):
        await import_events(small, CDP, "customer", broken(), False)
    kept = len(await consent_entries(shop.house))
    assert kept in (4, 8)
    report = await take(shop.house, [given(number) for number in range(10)])
    assert (report.accepted, report.replayed) == (10 - kept, kept)


async def test_an_import_that_is_given_up_leaves_no_transaction_open(shop: Shop) -> None:
    waiting = asyncio.Event()

    async def endless() -> AsyncIterator[list[tuple[int, dict[str, Any]]]]:
        async for piece in pieces([given(number) for number in range(8)], 4):
            yield piece
        waiting.set()
        await asyncio.Event().wait()

    importing = asyncio.create_task(import_events(shop.cut_to(import_batch=4), CDP, "customer", endless(), False))
    await waiting.wait()
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    kept = len(await consent_entries(shop.house))
    assert kept in (4, 8)
    async with asyncio.timeout(20):
        assert (await take(shop.house, [given(number) for number in range(8)])).accepted == 8 - kept


@pytest.mark.parametrize("whole", [False, True])
async def test_rows_are_judged_by_the_registry_of_their_commit(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """Rows are read before their transaction; what was registered in between is not missed."""
    load, before = route.load_registry, Registry.of()

    async def changing(tx: Any, house: House) -> Registry:
        return await load(tx, house) if tx._connection.writable else before

    with monkeypatch.context() as patch:
        patch.setattr(route, "load_registry", changing)
        report = await take(shop.house, [given(1), given(2, items=item(purpose="mind_reading"))], whole=whole)
    if whole:
        assert (report.accepted, report.rejected_count) == (0, 2)  # looked at under the registry of before
    else:
        assert (report.accepted, [error.field for error in report.rejected]) == (1, ["items[0].purpose"])
        assert await reason(shop.house, 1) == "OK_CONSENT"


async def test_new_people_and_people_on_file_in_one_batch(shop: Shop) -> None:
    """Several events of one person, of somebody known, of somebody merged, and of people who come first."""
    await take(shop.house, [given(1), given(2)])
    merge = {
        "event_id": "m",
        "type": "identity_merged",
        "at": "2026-11-19T10:00:00+08:00",
        "subject": "C5",
        "subjects": ["C5", "C6"],
    }
    rows = [withdrawn(1), given(3), given(4), withdrawn(4), merge, given(6), given(7, evidence=False), given(2)]
    report = await take(shop.house, rows)
    assert (report.accepted, report.replayed) == (7, 1)
    assert [entry["event_id"] for entry in await consent_entries(shop.house)] == [
        *("e1", "e2"),
        *("w1", "e3", "e4", "w4", "m", "e6", "e7"),
    ]
    expected = {
        1: "CONSENT_WITHDRAWN",
        2: "OK_CONSENT",
        3: "OK_CONSENT",
        4: "CONSENT_WITHDRAWN",
        5: "IDENTITY_CONFLICT",
        6: "IDENTITY_CONFLICT",
        7: "RECORD_UNTRUSTED",
    }
    assert {number: await reason(shop.house, number) for number in expected} == expected
    names = SubjectNames(shop.house.custody.subject_key(), "customer", 1)
    async with shop.house.store.read() as tx:
        plain = as_texts(await tx.consents.plain(USE, TRUST_ALL, shop.house.clock.now(), *ALL)).to_pylist()
    assert plain == sorted(names.refs(["C2", "C3"]))


async def test_the_two_clocks_answer_about_the_past(shop: Shop) -> None:
    house, before = shop.house, shop.house.clock.now()
    await take(house, [given(1)])
    house.clock.advance(days=1)  # type: ignore[attr-defined]
    await take(house, [withdrawn(1, "2026-11-21T08:31:00Z")])
    later = house.clock.now()

    async def asked(at: Any, known: Any = None) -> str:
        return (await decide(house, OFFICER, "customer", "C1", USE, at, known)).reason_code

    assert await asked(before - timedelta(seconds=1)) == "NO_CONSENT"
    assert await asked(before) == "OK_CONSENT"
    assert await asked(None) == "CONSENT_WITHDRAWN"
    assert await asked(later - timedelta(seconds=1)) == "OK_CONSENT"
    assert await asked(later, before) == "OK_CONSENT"


async def test_what_a_server_recorded_whose_clock_is_ahead_counts_against_a_use_at_once(shop: Shop) -> None:
    """A consent of such a server waits: what allows counts late."""
    house, clock = shop.house, cast(StoppedClock, shop.house.clock)
    await take(house, [given(1), given(3)])
    clock.advance(seconds=5)
    await take(house, [withdrawn(1, at=clock.now().isoformat()), given(2), {**withdrawn(4), "subject": "C3"}])
    clock.advance(seconds=-5)
    assert [await reason(house, number) for number in (1, 2, 3)] == [
        "CONSENT_WITHDRAWN", "NO_CONSENT", "CONSENT_WITHDRAWN",
    ]  # fmt: skip
    before = await decide(house, OFFICER, "customer", "C1", USE, at=clock.now())
    assert before.reason_code == "OK_CONSENT", "an audit asks what was known by a clock"
    clock.advance(seconds=5)
    assert await reason(house, 2) == "OK_CONSENT"


async def test_merged_people_are_judged_together(shop: Shop) -> None:
    await take(shop.house, [given(1), given(2)])
    merge = {
        "event_id": "m1",
        "type": "identity_merged",
        "at": "2026-11-19T10:00:00+08:00",
        "subject": "C1",
        "subjects": ["C1", "C3"],
    }
    assert (await take(shop.house, [merge])).accepted == 1
    assert await reason(shop.house, 1) == "IDENTITY_CONFLICT"
    assert await reason(shop.house, 3) == "IDENTITY_CONFLICT"
    assert await reason(shop.house, 2) == "OK_CONSENT"
    (logged,) = [entry for entry in await consent_entries(shop.house) if entry["event_id"] == "m1"]
    assert all(len(subject) == 26 for subject in logged["subjects"])


async def test_a_report_names_a_few_rows_of_each_reason_and_counts_all(shop: Shop) -> None:
    rows = [given(number, at="never") for number in range(30)] + [given(99, mode="nod")]
    report = await import_events(shop.cut_to(rejected_rows_named=5), CDP, "customer", pieces(rows), False)
    assert [error.row for error in report.rejected] == [1, 2, 3, 4, 5, 31]
    assert report.rejected_count == 31


async def test_an_empty_import_is_no_error(shop: Shop) -> None:
    for whole in (False, True):
        assert await take(shop.house, [], whole=whole) == ImportReport(0, 0, (), 0)


async def test_an_event_too_large_for_the_log_is_a_bad_row(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    long = given(1, items=item() * 256)
    monkeypatch.setattr(intake, "MAX_CONTENT_BYTES", 20_000)
    report = await take(shop.house, [long, given(2)])
    assert (report.accepted, report.rejected_count, report.rejected[0].field) == (1, 1, "(row)")
    monkeypatch.setattr(intake, "MAX_CONTENT_BYTES", 60_000)
    assert (await take(shop.house, [long])).accepted == 1


async def test_roles(shop: Shop) -> None:
    assert (await import_events(shop.house, OFFICER, "customer", pieces([given(1)]), False)).accepted == 1
    with pytest.raises(AccessError):
        await import_events(shop.house, ADMIN, "customer", pieces([given(2)]), False)
    for caller in (ADMIN, CDP):
        with pytest.raises(AccessError):
            await decide(shop.house, caller, "customer", "C1", USE)
        with pytest.raises(AccessError):
            await consents_of(shop.house, caller, "customer", "C1")


@pytest.mark.parametrize("subject_type", ["", "Customer", "a b", "x" * 33])
async def test_a_subject_type_is_a_plain_word(shop: Shop, subject_type: str) -> None:
    with pytest.raises(RequestError, match="subject_type"):
        await import_events(shop.house, CDP, subject_type, pieces([given(1)]), False)
    with pytest.raises(RequestError, match="subject_type"):
        await decide(shop.house, OFFICER, subject_type, "C1", USE)


@pytest.mark.parametrize("subject", ["", "\udc80", "x" * 513])
async def test_a_subject_must_be_a_text(shop: Shop, subject: str) -> None:
    with pytest.raises(RequestError, match="subject"):
        await decide(shop.house, OFFICER, "customer", subject, USE)


def test_the_local_key_is_not_shown() -> None:
    assert "k" * 32 not in repr(SubjectNames(b"k" * 32, "customer", 1))


async def test_an_act_that_is_dated_ahead_is_told_of_by_its_row(shop: Shop) -> None:
    def on(days: int) -> str:
        return (shop.house.clock.now() + timedelta(days=days, hours=1)).isoformat()

    rows = [given(1, at=on(2)), given(2), withdrawn(2, on(400)), withdrawn(3, on(0)), withdrawn(4, on(1))]
    tried = await import_events(shop.house, CDP, "customer", pieces(rows), False, True)
    report = await take(shop.house, rows)
    assert (report.accepted, report.rejected_count) == (len(rows), 0)
    assert [(one.row, one.field, one.reason) for one in report.warned] == [(row, "at", REASON) for row in (1, 3, 5)]
    assert tried.warned == report.warned


async def test_an_act_about_a_consent_that_nobody_gave_is_told_of_by_its_row(shop: Shop) -> None:
    def of(number: int, consent_id: str, **changes: Any) -> dict[str, Any]:
        return withdrawn(number) | {"event_id": f"w{number}-{consent_id}", "consent_id": consent_id} | changes

    assert (await take(shop.house, [given(1), given(2)])).warned == ()
    rows = [
        of(1, "c1"),  # on file
        of(2, "c1"),  # another's
        of(3, "c3"),  # given further down
        given(3),
        of(4, "gone", purpose=None),
        {**of(5, "gone"), "type": "consent_refused"},
        withdrawn(6),  # names none
        {"event_id": "u1", "type": "consent_used", "at": NOW.isoformat(), "subject": "C1", "consent_id": "c2"},
    ]
    rows = [{name: said for name, said in row.items() if said is not None} for row in rows]
    tried = await import_events(shop.cut_to(import_batch=2), CDP, "customer", pieces(rows), False, True)
    report = await take(shop.house, rows)
    assert (report.accepted, report.rejected_count, report.warned_count) == (len(rows), 0, 4)
    assert [(one.row, one.field, one.reason) for one in report.warned] == [
        (2, "consent_id", BY_SCOPE),
        (5, "consent_id", BY_NOTHING),
        (6, "consent_id", BY_SCOPE),
        (8, "consent_id", BY_NOTHING),
    ]
    assert [one.row for one in tried.warned] == [2, 5, 6, 8]
    assert (await take(shop.house, rows)).warned_count == 0, "what was told of once is a replay"
    whole = [of(1, "other"), of(7, "other")]
    assert (await take(shop.house, whole, whole=True)).warned_count == 2
