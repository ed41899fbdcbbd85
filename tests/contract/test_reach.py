"""Withdrawal reaches released runs: per operation and side, over crashes, silent partners and wrong ones."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gateway.errors import AssentError, HostileInput, StateError
from gateway.flow import reach as reaching
from gateway.flow.notices import receive_notice
from gateway.flow.reach import reach
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from gateway.route.notice import NoticeState, Removal, Signed, StoredNotice, Timing
from gateway.route.session import Stage
from tests.contract.rows import after_pull, found_by, job_at, rows_twin
from tests.twin import EXACT, PLATFORM, RETAILER, START, Gateway, Twin, close_all, given, make_twin, withdrawn

SHARED = {f"A{number:06d}" for number in range(20, 40)}
THEIRS = {f"B{number:06d}" for number in range(20, 40)}


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


@pytest.fixture(
    params=[
        "sqlite",
        *(pytest.param(side, marks=[pytest.mark.postgres, pytest.mark.thorough]) for side in (RETAILER, PLATFORM)),
    ]
)
def urls(request: pytest.FixtureRequest) -> tuple[str | None, str | None]:
    """Which of the two stands on PostgreSQL."""
    if request.param == "sqlite":
        return None, None
    url = str(request.getfixturevalue("postgres_url"))
    return (url, None) if request.param == RETAILER else (None, url)


@pytest.fixture
async def twin(tmp_path: Path, urls: tuple[str | None, str | None]) -> Twin:
    return await rows_twin(tmp_path, urls=urls)


@pytest.fixture
async def both(tmp_path: Path, urls: tuple[str | None, str | None]) -> Twin:
    return await rows_twin(tmp_path, both=True, urls=urls)


async def released(twin: Twin, operation: Operation = Operation.MATCH, columns: tuple[str, ...] = ()) -> Job:
    job = await twin.run(operation, columns)
    assert job.state is JobState.SUCCEEDED, job.failure
    twin.clock.at += timedelta(hours=1)
    return job


async def withdraw(side: Gateway, customer: str, **changes: object) -> None:
    report = await side.import_events([withdrawn(side.party, customer, side.clock.now()) | changes])
    assert report.accepted == 1, report


async def removals(side: Gateway) -> list[Removal]:
    async with side.house.store.read() as tx:
        return await tx.removals.list(None)


async def notices(side: Gateway) -> list[StoredNotice]:
    async with side.house.store.read() as tx:
        return await tx.notices.list()


async def kept_map(side: Gateway, job: Job) -> int:
    stored = await side.house.results.open_tokens((await job_at(side, job)).job_id)
    assert stored is not None
    return sum(batch.num_rows for batch in stored.batches())


async def leaves(side: Gateway, kind: str) -> list[dict[str, Any]]:
    from gateway.flow.audit import sequence

    await sequence(side.house)
    async with side.house.store.read() as tx:
        return [
            json.loads(entry.payload)
            async for entry in tx.audit.entries(0, await tx.audit.size())
            if entry.type == kind and entry.payload
        ]


@pytest.mark.parametrize(("operation", "columns"), [(Operation.MATCH, ()), (Operation.ENRICH, ("tier", "spend"))])
async def test_the_senders_withdrawal_takes_the_receivers_row(
    twin: Twin, operation: Operation, columns: tuple[str, ...]
) -> None:
    job = await released(twin, operation, columns)
    await withdraw(twin.platform, "B000025")
    # One who was never matched is told too: the sender does not know who was.
    await withdraw(twin.platform, "B000055")
    await reach(twin.platform.house)
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}
    assert await kept_map(twin.platform, job) == 48
    (sent,), (taken,) = await notices(twin.platform), await notices(twin.retailer)
    now = twin.clock.now()
    assert (sent.rows, sent.state(now), taken.state(now)) == (2, NoticeState.DONE, NoticeState.DONE)
    assert sent.acknowledgement == taken.acknowledgement
    assert {removal.removed_at is not None for removal in await removals(twin.platform)} == {True}
    # It happens once, whoever calls again.
    await reach(twin.platform.house)
    await reach(twin.retailer.house)
    assert len(twin.platform.peer.delivered) == 1
    assert await removals(twin.retailer) == []


async def test_a_notice_names_no_person_and_no_reason_and_the_answer_nobody_who_matched(twin: Twin) -> None:
    await released(twin)
    answers = []
    for customer in ("B000025", "B000055"):
        await withdraw(twin.platform, customer)
        await reach(twin.platform.house)
        answers.append(json.loads((await notices(twin.platform))[0].acknowledgement))
    said = json.loads(twin.platform.peer.delivered[0].record)
    assert sorted(said) == ["agreement", "at", "from", "kind", "notice", "rows", "run", "to", "v"]
    assert (said["kind"], len(said["rows"])) == ("tombstone", 1)
    for names in answers:
        assert sorted(names) == ["at", "digest", "from", "notice", "to", "v"]
    entries = await leaves(twin.platform, "notice_acknowledged")
    assert [json.loads(entry["record"]) for entry in entries] == answers


@pytest.mark.parametrize(
    "act",
    [
        {"type": "consent_invalidated", "by": None},
        {"type": "deletion_requested", "recipient": None, "purpose": None},
        {"type": "restriction_requested", "recipient": None},
        {"type": "account_closed", "purpose": None, "recipient": None},
        {"type": "consent_revoked_by_handler", "by": None},
    ],
    ids=lambda act: str(act["type"]),
)
async def test_every_protective_act_reaches_as_far_as_a_withdrawal(tmp_path: Path, act: dict[str, object]) -> None:
    twin = await rows_twin(tmp_path)
    job = await released(twin)
    row = withdrawn(PLATFORM, "B000030", twin.clock.now()) | act
    report = await twin.platform.import_events([{name: value for name, value in row.items() if value is not None}])
    assert report.accepted == 1, report
    await reach(twin.platform.house)
    assert await found_by(twin.retailer, job) == SHARED - {"A000030"}


async def test_a_column_that_is_not_covered_any_more_takes_the_row_with_it(twin: Twin) -> None:
    job = await released(twin, Operation.ENRICH, ("tier",))
    await withdraw(twin.platform, "B000025", categories=["loyalty"])
    # What was not asked for is not covered by this run either.
    await withdraw(twin.platform, "B000026", categories=["purchases"])
    await reach(twin.platform.house)
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}


async def test_the_receivers_withdrawal_takes_its_row_and_tells_nobody(twin: Twin) -> None:
    job = await released(twin)
    await withdraw(twin.retailer, "A000025")
    await withdraw(twin.retailer, "A000001")  # was never matched: nothing is kept of it
    await reach(twin.retailer.house)
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}
    assert len(await removals(twin.retailer)) == 1
    # The sender did not learn who matched; a notice would tell it.
    assert twin.retailer.peer.delivered == []
    assert await notices(twin.retailer) == await notices(twin.platform) == []
    (entry,) = await leaves(twin.retailer, "row_removed")
    assert (entry["reason"], entry["notice"]) == ("CONSENT_WITHDRAWN", "")


async def test_where_both_learn_the_matches_a_withdrawal_reaches_both_ways(both: Twin) -> None:
    job = await released(both, Operation.ENRICH, ("tier",))
    assert await found_by(both.platform, job) == THEIRS
    await withdraw(both.retailer, "A000025")
    await withdraw(both.platform, "B000026")
    for side in (both.retailer, both.platform):
        await reach(side.house)
    assert await found_by(both.retailer, job) == SHARED - {"A000025", "A000026"}
    assert await found_by(both.platform, job) == THEIRS - {"B000025", "B000026"}
    # The sender's map says whom it sent, nothing of the receiver's customers: only its own withdrawal changes it.
    assert await kept_map(both.platform, job) == 49


async def test_a_household_is_told_when_its_last_member_is_gone(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path, both=True)
    crm = twin.retailer.datasets.tables["crm"]
    phones = crm.column("phone").to_pylist()
    phones[21] = phones[20]
    twin.retailer.datasets.tables["crm"] = crm.set_column(1, "phone", pa.array(phones))
    job = await released(twin)
    assert {"A000020", "A000021"} <= await found_by(twin.retailer, job)
    for customer, left in (("A000020", {"B000020"}), ("A000021", set[str]())):
        await withdraw(twin.retailer, customer)
        await reach(twin.retailer.house)
        assert await found_by(twin.platform, job) & {"B000020"} == left


async def test_statistics_stand_and_the_senders_list_forgets_the_person(
    tmp_path: Path, urls: tuple[str | None, str | None]
) -> None:
    twin = await make_twin(tmp_path, rows=(200, 260), shared=180, urls=urls, terms=EXACT)
    job = await released(twin, Operation.AGGREGATE, ("spend",))
    before = await twin.retailer.house.results.open(job.job_id)
    assert before is not None
    cells = pa.Table.from_batches(before.batches())
    assert await kept_map(twin.platform, job) == 260
    await withdraw(twin.platform, "B000100")
    await withdraw(twin.retailer, "A000100")
    for side in (twin.retailer, twin.platform):
        await reach(side.house)
    after = await twin.retailer.house.results.open(job.job_id)
    assert after is not None
    assert pa.Table.from_batches(after.batches()).equals(cells)
    assert await kept_map(twin.platform, job) == 259
    assert await notices(twin.platform) == await notices(twin.retailer) == await removals(twin.retailer) == []


async def test_before_the_cut_nothing_is_left_to_reach_and_a_late_drop_is_told_all_the_same(twin: Twin) -> None:
    async def before_cut() -> None:
        await withdraw(twin.platform, "B000025")

    async def before_release() -> None:
        await withdraw(twin.platform, "B000026")
        await withdraw(twin.retailer, "A000027")

    after_pull(twin, Stage.EVALUATED, before_cut)
    after_pull(twin, Stage.TABLE, before_release)
    job = await released(twin)
    left = SHARED - {"A000025", "A000026", "A000027"}
    assert await found_by(twin.retailer, job) == left
    for side in (twin.platform, twin.retailer):
        await reach(side.house)
    assert await found_by(twin.retailer, job) == left
    # Before the cut: never in the table. After it: its bytes left, so the receiver is asked to forget them.
    (removal,) = await removals(twin.platform)
    assert (removal.timing, (await notices(twin.platform))[0].rows) == (Timing.AFTER, 1)
    assert await removals(twin.retailer) == []


async def test_a_sender_that_cannot_dial_is_asked(twin: Twin) -> None:
    job = await released(twin)
    twin.platform.peer.cut = True
    await withdraw(twin.platform, "B000025")
    await reach(twin.platform.house)
    assert await found_by(twin.retailer, job) == SHARED
    await reach(twin.retailer.house)
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}
    (sent,) = await notices(twin.platform)
    assert sent.state(twin.clock.now()) is NoticeState.DONE


async def test_a_deadline_passes_and_is_seen(twin: Twin) -> None:
    job = await released(twin)
    await withdraw(twin.platform, "B000025")
    twin.retailer.down = True
    states = []
    for hours in (0, 25):
        twin.clock.at += timedelta(hours=hours)
        await reach(twin.platform.house)
        (sent,) = await notices(twin.platform)
        states.append(sent.state(twin.clock.now()))
    assert states == [NoticeState.DUE, NoticeState.LATE]
    twin.retailer.down = False
    await reach(twin.platform.house)
    assert (await notices(twin.platform))[0].state(twin.clock.now()) is NoticeState.DONE
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}


class Broken(Exception):
    """Stands for a kill."""


def breaking(side: Gateway, port: str, method: str, *, late: bool) -> None:
    """Kill the process at the next call of a port's method: before it, or when all but the return was done."""
    target = getattr(side.house, port)
    inner = getattr(target, method)

    class Once:
        def __getattr__(self, name: str) -> Any:
            return getattr(target, name) if name != method else call

    async def call(*arguments: Any) -> Any:
        side.house = replace(side.house, **{port: target})
        if late:
            await inner(*arguments)
        raise Broken

    side.house = replace(side.house, **{port: Once()})


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("port", "method"),
    [("results", "delete_subjects"), ("peer", "deliver_notice")],
)
async def test_a_kill_at_any_step_loses_no_removal_and_tells_nobody_twice(
    twin: Twin, port: str, method: str, late: bool
) -> None:
    job = await released(twin)
    await withdraw(twin.platform, "B000025")
    breaking(twin.platform, port, method, late=late)
    with pytest.raises(Broken):
        await reach(twin.platform.house)
    await twin.platform.stop()
    await twin.platform.start()
    await reach(twin.platform.house)
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}
    assert await kept_map(twin.platform, job) == 49
    assert [notice.rows for notice in await notices(twin.platform)] == [1]
    assert [notice.rows for notice in await notices(twin.retailer)] == [1]
    assert len(await leaves(twin.platform, "row_removed")) == 1


async def test_a_kill_between_the_judgement_and_its_note_decides_once(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await released(twin)
    await withdraw(twin.platform, "B000025")

    async def nothing(*_: object) -> None:
        raise Broken

    with monkeypatch.context() as patched:
        patched.setattr("gateway.store.runs.SqlRunStore.advance", nothing)
        with pytest.raises(Broken):
            await reach(twin.platform.house)
    await reach(twin.platform.house)
    assert len(await removals(twin.platform)) == 1
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}


async def test_a_killed_receiver_carries_the_notice_out_when_it_comes_again(twin: Twin) -> None:
    job = await released(twin)
    await withdraw(twin.platform, "B000025")
    breaking(twin.retailer, "results", "delete_tokens", late=False)
    with pytest.raises(Broken):
        await reach(twin.platform.house)
    (taken,) = await notices(twin.retailer)
    assert taken.state(twin.clock.now()) is NoticeState.DUE
    await reach(twin.platform.house)
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}


async def test_a_run_that_is_not_over_yet_is_told_again_later(twin: Twin) -> None:
    job = await released(twin)
    await withdraw(twin.platform, "B000025")
    async with twin.retailer.house.store.begin() as tx:
        await tx._connection.execute(_set_state(job.job_id, "RELEASING"))  # type: ignore[attr-defined]
    await reach(twin.platform.house)
    assert (await notices(twin.platform))[0].done_at is None
    async with twin.retailer.house.store.begin() as tx:
        await tx._connection.execute(_set_state(job.job_id, "SUCCEEDED"))  # type: ignore[attr-defined]
    await reach(twin.platform.house)
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}


def _set_state(job_id: str, state: str) -> Any:
    from sqlalchemy import update

    from gateway.store.schema import jobs

    return update(jobs).where(jobs.c.job_id == job_id).values(state=state)


async def test_what_happened_before_and_was_known_later_stands_apart_from_a_violation(twin: Twin) -> None:
    await released(twin)
    paper = START - timedelta(days=3)
    row = withdrawn(PLATFORM, "B000025", paper) | {"channel": "paper"}
    assert (await twin.platform.import_events([row])).accepted == 1
    await withdraw(twin.platform, "B000026", channel="app")
    await reach(twin.platform.house)
    async with twin.platform.house.store.read() as tx:
        (late,) = await tx.removals.list(Timing.LATE_KNOWN)
        (after,) = await tx.removals.list(Timing.AFTER)
        assert await tx.removals.list(Timing.VIOLATION) == []
    assert (late.channel, late.happened_at) == ("paper", paper)
    assert late.recorded_at is not None and late.recorded_at - paper > timedelta(days=3)
    assert after.channel == "app"


async def test_other_acts_of_a_member_change_nothing(twin: Twin) -> None:
    job = await released(twin)
    again = given(PLATFORM, "B000025") | {
        "event_id": "again",
        "consent_id": "again",
        "at": twin.clock.now().isoformat(),
    }
    other = withdrawn(PLATFORM, "B000026", twin.clock.now()) | {"method": "he_aggregate"}
    elsewhere = withdrawn(PLATFORM, "B000027", twin.clock.now()) | {"categories": ["purchases"]}
    assert (await twin.platform.import_events([again, other, elsewhere])).accepted == 3
    await reach(twin.platform.house)
    assert await removals(twin.platform) == []
    assert await found_by(twin.retailer, job) == SHARED


@pytest.mark.parametrize("standing", [True, False], ids=["agreement in force", "agreement over"])
async def test_an_agreement_that_is_over_stops_no_withdrawal_and_makes_none(tmp_path: Path, standing: bool) -> None:
    until = START + timedelta(days=30)
    twin = await rows_twin(tmp_path, valid_until=until.isoformat())
    job = await released(twin)
    if not standing:
        twin.clock.at = until + timedelta(days=1)
    await withdraw(twin.platform, "B000025")
    again = given(PLATFORM, "B000026") | {
        "event_id": "again",
        "consent_id": "again",
        "at": twin.clock.now().isoformat(),
    }
    assert (await twin.platform.import_events([again])).accepted == 1
    await reach(twin.platform.house)
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}


async def test_with_too_many_named_everybody_is_judged(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "MOST_NAMED", 1)
    monkeypatch.setattr(reaching, "TAKEN_TOGETHER", 2)
    monkeypatch.setattr(reaching, "MAX_TOKENS", 1)
    job = await released(twin)
    for number in range(25, 30):
        await withdraw(twin.platform, f"B{number:06d}")
    await reach(twin.platform.house)
    assert await found_by(twin.retailer, job) == SHARED - {f"A{number:06d}" for number in range(25, 30)}
    assert [notice.rows for notice in await notices(twin.platform)] == [1] * 5
    assert {notice.done_at is None for notice in await notices(twin.platform)} == {False}


def _other_bytes(record: bytes, **changes: object) -> bytes:
    from gateway.route.canonical import canonical_bytes

    return canonical_bytes(json.loads(record) | changes)


WRONG: dict[str, tuple[Callable[[Twin, bytes], tuple[bytes, str]], type[AssentError], str]] = {
    "another's signature": (lambda twin, record: (record, RETAILER), HostileInput, "BAD_SIGNATURE"),
    "the same id, other rows": (
        lambda twin, record: (_other_bytes(record, rows=["00"]), PLATFORM),
        HostileInput,
        "DIGEST_MISMATCH",
    ),
    "another run": (lambda twin, record: (_other_bytes(record, run="0" * 64), PLATFORM), StateError, "NOT_FOUND"),
    "to somebody else": (lambda twin, record: (_other_bytes(record, to="else"), PLATFORM), HostileInput, "BAD_SHAPE"),
    "rows that do not ascend": (
        lambda twin, record: (_other_bytes(record, rows=["01", "00"]), PLATFORM),
        HostileInput,
        "BAD_SHAPE",
    ),
    "a field more": (lambda twin, record: (_other_bytes(record, reason="x"), PLATFORM), HostileInput, "BAD_SHAPE"),
    "a tombstone of nothing": (
        lambda twin, record: (_other_bytes(record, rows=[]), PLATFORM),
        HostileInput,
        "BAD_SHAPE",
    ),
    "no record": (lambda twin, record: (b"{", PLATFORM), HostileInput, "BAD_SHAPE"),
}


@pytest.mark.parametrize("fault", WRONG)
async def test_a_wrong_notice_is_refused_for_its_reason(tmp_path: Path, fault: str) -> None:
    twin = await rows_twin(tmp_path)
    job = await released(twin)
    await withdraw(twin.platform, "B000025")
    await reach(twin.platform.house)
    change, kind, reason = WRONG[fault]
    record, signer = change(twin, twin.platform.peer.delivered[0].record)
    signature = {PLATFORM: twin.platform, RETAILER: twin.retailer}[signer].house.custody.sign_record("notice", record)
    async with twin.retailer.house.store.read() as tx:
        partner = await tx.partners.get(PLATFORM)
    with pytest.raises(kind) as caught:
        await receive_notice(twin.retailer.house, partner, Signed(record, signature))
    assert caught.value.reason == reason
    assert await found_by(twin.retailer, job) == SHARED - {"A000025"}
    assert len(await notices(twin.retailer)) == 1


async def test_a_false_acknowledgement_is_no_acknowledgement(twin: Twin) -> None:
    await released(twin)
    await withdraw(twin.platform, "B000025")
    inner = twin.platform.peer.deliver_notice

    async def forged(card: Any, notice: Signed) -> Signed:
        await inner(card, notice)
        record = _other_bytes(
            json.loads('{"v":1}') and (await notices(twin.retailer))[0].acknowledgement, digest="0" * 64
        )
        return Signed(record, twin.retailer.house.custody.sign_record("acknowledgement", record))

    twin.platform.peer.deliver_notice = forged  # type: ignore[method-assign]
    with pytest.raises(HostileInput, match="not that of the notice"):
        await reach(twin.platform.house)
    assert (await notices(twin.platform))[0].done_at is None
