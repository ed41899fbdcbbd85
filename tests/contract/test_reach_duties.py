"""What follows from rows taken out of released runs: duties to delete that are done, and merged people."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from consent.request import Requester, RequestKind, RequestState
from gateway.errors import StateError
from gateway.flow.deletion import complete_deletion, list_deletions, open_deletions
from gateway.flow.ending import list_warnings, warn_of_ends
from gateway.flow.evidence import BY
from gateway.flow.expiry import expire_consents
from gateway.flow.job import read_result
from gateway.flow.ports import House
from gateway.flow.reach import reach
from gateway.flow.rights import advance_request, open_request
from gateway.flow.trace import Presence, list_removals, trace_subject
from gateway.route.agreement import Operation
from gateway.route.job import Job
from gateway.route.notice import Timing
from gateway.route.task import DeletionCause, DeletionTask, EndingKind
from tests.contract.rows import rows_twin
from tests.contract.test_reach import leaves, notices, released, removals, withdraw
from tests.twin import EVERYBODY, PLATFORM, Gateway, Twin, close_all, given, withdrawn


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[Twin]:
    yield await rows_twin(tmp_path)
    await close_all()


async def tasks(house: House, done: bool = True) -> list[DeletionTask]:
    return await list_deletions(house, EVERYBODY, done, None, 100)


async def matched(twin: Twin, job: Job) -> int:
    """How many rows the receiver holds, without reading them as its systems do."""
    return (await twin.result(job)).num_rows


async def test_a_task_closes_once_rows_are_gone_on_both_sides_and_late_ones_are_warned_of(twin: Twin) -> None:
    job = await released(twin)
    platform, retailer = twin.platform, twin.retailer
    await withdraw(platform, "B000025")
    await withdraw(platform, "B000026", recipient=None)  # of everybody: other systems of ours hold something
    retailer.down = True
    await reach(platform.house)
    await open_deletions(platform.house)
    await reach(platform.house)
    # Our rows are gone, and the partner has said nothing yet.
    assert [task.done_at for task in await tasks(platform.house)] == [None, None]
    assert await warn_of_ends(platform.house) == {}
    due_at = (await tasks(platform.house))[0].due_at
    assert due_at is not None
    twin.clock.at = due_at - timedelta(hours=1)
    assert await warn_of_ends(platform.house) == {"deletion": 1}
    twin.clock.at = due_at + timedelta(hours=1)
    for _ in range(2):
        counts = await warn_of_ends(platform.house)
        assert counts.pop("deletions_late") == 2
    assert counts == {}, "the lateness is warned of once, and counted while it lasts"
    (warning,) = [
        one for one in await list_warnings(platform.house, EVERYBODY, True, None, 10) if one.kind is EndingKind.DELETION
    ]
    assert (warning.ends_at, warning.days) == (due_at, 0)
    retailer.down = False
    await reach(platform.house)
    limited, unlimited = sorted(await tasks(platform.house), key=lambda task: task.recipient, reverse=True)
    (notice,) = await notices(platform)
    (evidence,) = limited.evidence
    assert (limited.done_by, unlimited.done_at) == (BY, None)
    assert (evidence.notice_id, evidence.acknowledged_at) == (notice.notice_id, notice.done_at)
    assert {removal.removed_at for removal in await removals(platform)} == {evidence.removed_at}
    (leaf,) = await leaves(platform, "deletion_done")
    assert [one["notice"] for one in leaf["evidence"]] == [notice.notice_id]
    assert await matched(twin, job) == 18

    # The receiver's: nobody is to be told, but what was read is in other systems too.
    await withdraw(retailer, "A000030")
    await open_deletions(retailer.house)
    await reach(retailer.house)
    (closed,) = await tasks(retailer.house)
    assert (closed.done_by, closed.evidence[0].notice_id, closed.evidence[0].acknowledged_at) == (BY, "", None)
    assert [batch.num_rows async for batch in read_result(retailer.house, EVERYBODY, job.job_id)] == [17]
    assert len(await leaves(retailer, "result_read")) == 1
    await withdraw(retailer, "A000031")
    await withdraw(retailer, "A000001")  # nothing of her was ever matched: no row speaks for the rest of the house
    await open_deletions(retailer.house)
    await reach(retailer.house)
    assert await matched(twin, job) == 16
    assert len(await tasks(retailer.house, done=False)) == 2


async def say(side: Gateway, *rows: dict[str, object]) -> None:
    report = await side.import_events(rows)
    assert (report.accepted, report.rejected) == (len(rows), ())


def joined(twin: Twin, kind: str, *people: str) -> dict[str, object]:
    at = twin.clock.now().isoformat()
    named = {"event_id": f"{kind} {people[0]}", "type": f"identity_{kind}", "subject": people[0], "handler": PLATFORM}
    return named | {"at": at, "subjects": list(people)}


async def test_what_one_of_two_merged_people_says_reaches_the_rows_of_the_other(twin: Twin) -> None:
    """B000025 to B000027 each turn out to have another account, under which consent was given as well."""
    platform = twin.platform
    others = {number: f"other {number}" for number in (25, 26, 27)}
    await say(platform, *(given(PLATFORM, other) for other in others.values()))
    await say(platform, *(joined(twin, "merged", f"B{number:06d}", other) for number, other in others.items()))
    job = await released(twin)
    assert await matched(twin, job) == 20
    # One withdraws in the shop before the run, which is known late; one afterwards; one was parted before he does.
    await say(platform, joined(twin, "unmerged", "B000027", others[27]))
    paper = withdrawn(PLATFORM, others[25], twin.clock.now() - timedelta(days=3)) | {"channel": "paper"}
    later = withdrawn(PLATFORM, others[26], twin.clock.now()) | {"channel": "app"}
    parted = withdrawn(PLATFORM, others[27], twin.clock.now()) | {"channel": "app"}
    await say(platform, paper, later, parted)
    await open_deletions(platform.house)
    await reach(platform.house)
    assert await matched(twin, job) == 18
    (late,) = await list_removals(platform.house, EVERYBODY, Timing.LATE_KNOWN)
    (after,) = await list_removals(platform.house, EVERYBODY, Timing.AFTER)
    assert (late.channel, after.channel) == ("paper", "app")
    assert late.recorded_at is not None and late.happened_at is not None
    assert late.recorded_at - late.happened_at > timedelta(days=3)
    presences = []
    for number in others:
        (trace,) = await trace_subject(platform.house, EVERYBODY, "customer", f"B{number:06d}")
        presences.append(trace.presence)
        assert trace.decision is not None and trace.decision.reason_code == "OK_CONSENT", "as known at the cut"
        (other,) = await trace_subject(platform.house, EVERYBODY, "customer", others[number])
        assert other.removal is None, "no row was ever the other account's"
    assert presences == [Presence.REMOVED, Presence.REMOVED, Presence.HELD]
    # The duty of the account that withdrew is done by the row that went.
    done = {task.subject_ref: task.done_by for task in await tasks(platform.house)}
    assert sorted(done.values()) == ["", BY, BY]
    # Every step of joining and parting is in the log.
    kinds = [entry["type"] for entry in await leaves(platform, "consent_event") if str(entry["type"]).startswith("id")]
    assert kinds == ["identity_merged"] * 3 + ["identity_unmerged"]


async def test_the_end_of_retention_and_of_a_consent_reach_what_was_released(twin: Twin) -> None:
    """Nobody says anything: time alone ends the retention of one row and the consent of another."""
    platform = twin.platform
    until = twin.clock.now() + timedelta(hours=2)
    collected = {
        "event_id": "collected B000025",
        "type": "collected",
        "at": twin.clock.now().isoformat(),
        "subject": "B000025",
        "retention_until": until.isoformat(),
    }
    await withdraw(platform, "B000026")
    await open_deletions(platform.house)
    twin.clock.at += timedelta(minutes=1)
    limited = {"event_id": "limited", "consent_id": "limited", "at": twin.clock.now().isoformat()}
    await say(platform, collected, given(PLATFORM, "B000026", valid_until=until.isoformat(), **limited))
    job = await released(twin)
    before = await matched(twin, job)
    twin.clock.at = until
    await reach(platform.house)
    assert await matched(twin, job) == before, "nothing has woken the run yet"
    assert (await open_deletions(platform.house))["opened"] == 1
    assert (await expire_consents(platform.house))["by_time"] == 1
    (task,) = [task for task in await tasks(platform.house) if task.why is DeletionCause.RETENTION_OVER]
    with pytest.raises(StateError, match="reach-runs") as caught:
        await complete_deletion(platform.house, EVERYBODY, task.task_id)
    assert caught.value.reason == "STAGE_ORDER"
    await reach(platform.house)
    assert await matched(twin, job) == before - 2, "the partner was told of both rows"
    assert {(one.reason_code, one.timing) for one in await removals(platform)} == {
        ("RETENTION_EXPIRED", Timing.AFTER),
        ("CONSENT_EXPIRED", Timing.AFTER),
    }
    assert (await complete_deletion(platform.house, EVERYBODY, task.task_id)).done_by == EVERYBODY.subject
    assert (await open_deletions(platform.house))["opened"] == 0
    assert (await expire_consents(platform.house))["by_time"] == 0


async def test_a_correction_takes_back_the_values_that_were_sent_before(twin: Twin) -> None:
    platform = twin.platform
    enriched = await released(twin, Operation.ENRICH, ("tier",))
    bare = await released(twin)
    steps = (RequestState.IDENTITY_VERIFIED, RequestState.ACCEPTED, RequestState.DONE)
    refused = (RequestState.IDENTITY_VERIFIED, RequestState.REFUSED, RequestState.DONE)
    for customer, path in (("B000025", steps), ("B000026", refused), ("B000027", steps[:2])):
        kind, who, number = RequestKind.CORRECTION, Requester.SUBJECT, str(uuid.uuid4())
        asked = await open_request(platform.house, EVERYBODY, number, "customer", customer, kind, who, "app")
        for step in path:
            reason = "it is right" if step is RequestState.REFUSED else ""
            await advance_request(platform.house, EVERYBODY, asked.id, step, reason)
    before = await matched(twin, enriched), await matched(twin, bare)
    await reach(platform.house)
    # A mere match says nothing that could be corrected.
    assert (await matched(twin, enriched), await matched(twin, bare)) == (before[0] - 1, before[1])
    (removal,) = await removals(platform)
    assert (removal.reason_code, removal.timing, removal.channel) == ("CORRECTED", Timing.AFTER, "app")
    (notice,) = await notices(platform)
    assert b"CORRECTED" not in notice.record, "a partner learns no reason"
    # What is sent from now on is right, and stays.
    again = await released(twin, Operation.ENRICH, ("tier",))
    await withdraw(platform, "B000030")
    await reach(platform.house)
    assert await matched(twin, again) == before[0] - 1
