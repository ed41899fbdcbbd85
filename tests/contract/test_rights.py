"""What an officer learns about people in released runs: traces, incidents, a suspended result."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import update

from gateway.errors import AccessError, RequestError, StateError
from gateway.flow.affected import read_affected
from gateway.flow.membership.condense import number_memberships
from gateway.flow.reach import reach
from gateway.flow.retention import sweep_results
from gateway.flow.trace import Presence, RunTrace, list_partner_notices, list_removals, notify_partner, trace_subject
from gateway.route.agreement import Operation
from gateway.route.caller import Caller, Role
from gateway.route.job import Job
from gateway.route.notice import NoticeKind, NoticeState
from gateway.store.schema_members import memberships
from tests.contract.rows import found_by, job_at, rows_twin
from tests.contract.test_reach import leaves, released, withdraw
from tests.twin import EVERYBODY, EXACT, RETAILER, START, Gateway, Twin, close_all, given, make_twin

CDP = Caller("cdp", frozenset({Role.CDP_JOB}))
OFFICER = Caller("officer", frozenset({Role.COMPLIANCE_OFFICER}))
ADMIN = Caller("admin", frozenset({Role.ADMINISTRATOR}))


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


async def traced(side: Gateway, customer: str) -> list[RunTrace]:
    return await trace_subject(side.house, EVERYBODY, "customer", customer)


async def affected(side: Gateway, job: Job) -> dict[str, set[str]]:
    own = await job_at(side, job)
    found: dict[str, set[str]] = {}
    async for batch in read_affected(side.house, EVERYBODY, [own.job_id]):
        for row in batch.to_pylist():
            assert (row["job"], row["run"], row["partner"]) == (own.job_id, job.session_id, own.partner)
            assert row["customer"] not in found.setdefault(row["evidence"], set())
            found[row["evidence"]].add(row["customer"])
    return found


async def test_a_trace_says_where_a_person_was_and_why_not(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path)
    await twin.retailer.import_events([given(RETAILER, "A999999")])
    await withdraw(twin.platform, "B000031")
    first = await released(twin, Operation.ENRICH, ("tier",))
    await withdraw(twin.platform, "B000030")
    await reach(twin.platform.house)
    await released(twin)
    # Somebody of whom nothing is on file, and both sides of those who are.
    assert [one.presence for one in await traced(twin.platform, "B000030")] == [Presence.LEFT_OUT, Presence.REMOVED]
    held = await traced(twin.platform, "B000032")
    assert [(one.presence, one.received) for one in held] == [
        (Presence.HELD, ("membership",)),
        (Presence.HELD, ("membership", "tier")),
    ]
    assert held[0].decision is not None
    assert held[0].decision.reason_code == "OK_CONSENT"
    later, earlier = await traced(twin.platform, "B000030")
    assert later.decision is not None and earlier.decision is not None
    # As it was known at each run's cut.
    assert (later.decision.reason_code, earlier.decision.reason_code) == ("CONSENT_WITHDRAWN", "OK_CONSENT")
    assert earlier.removal is not None and earlier.notice is not None
    assert earlier.notice.state(twin.clock.now()) is NoticeState.DONE
    assert {one.presence for one in await traced(twin.platform, "B000031")} == {Presence.LEFT_OUT}
    assert {one.presence for one in await traced(twin.platform, "nobody")} == {Presence.LEFT_OUT}
    # Of the receiver's: matched, never matched, and gone at the partner's word.
    assert {one.presence for one in await traced(twin.retailer, "A000033")} == {Presence.HELD}
    assert {one.presence for one in await traced(twin.retailer, "A000001")} == {Presence.ELIGIBLE}
    # What may be behind it, as far as the run's counts tell: the second found nothing to be forgotten.
    assert [one.left_open for one in await traced(twin.retailer, "A000001")] == [
        ("NOT_MATCHED", "NOT_IN_DATA_SET"),
        ("NOT_MATCHED", "FORGOTTEN_FOR_PARTNER", "NOT_IN_DATA_SET"),
    ]
    assert {one.left_open for one in await traced(twin.retailer, "A000033")} == {()}
    assert {one.presence for one in await traced(twin.retailer, "A000030")} == {Presence.ELIGIBLE}
    # Once cohorts are numbered, they tell who was there: a customer without a row in the data set was not.
    await number_memberships(twin.retailer.house)
    assert [one.left_open for one in await traced(twin.retailer, "A000001")] == [
        ("NOT_MATCHED",),
        ("NOT_MATCHED", "FORGOTTEN_FOR_PARTNER"),
    ]
    assert {one.left_open for one in await traced(twin.retailer, "A999999")} == {("NOT_IN_DATA_SET",)}
    async with twin.retailer.house.store.begin() as tx:
        before = update(memberships).values(judged_at=START - timedelta(days=1000))
        await tx._connection.execute(before)  # type: ignore[attr-defined]
    assert {one.left_open for one in await traced(twin.retailer, "A999999")} == {("AGREED_LATER",)}
    assert {one.received for one in await traced(twin.retailer, "A000033")} == {()}
    assert first.session_id == earlier.job.session_id


async def test_every_trace_is_on_record_and_only_officers_ask(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path)
    await released(twin)
    for caller in (CDP, ADMIN):
        with pytest.raises(AccessError):
            await trace_subject(twin.platform.house, caller, "customer", "B000030")
        with pytest.raises(AccessError):
            await anext(aiter(read_affected(twin.platform.house, caller, ["x"])))
    assert await list_removals(twin.platform.house, OFFICER) == []
    with pytest.raises(AccessError):
        await list_partner_notices(twin.platform.house, CDP)
    await traced(twin.platform, "B000030")
    (entry,) = await leaves(twin.platform, "subject_traced")
    assert (entry["by"], entry["runs"]) == (EVERYBODY.subject, 1)
    assert "B000030" not in str(entry)


async def test_an_incident_names_who_was_in_the_run(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path)
    await twin.retailer.import_events([given(RETAILER, "A000050")])
    await withdraw(twin.retailer, "A000005")
    await withdraw(twin.platform, "B000031")
    job = await released(twin)
    await withdraw(twin.platform, "B000030")
    await withdraw(twin.retailer, "A000033")
    await withdraw(twin.retailer, "A000001")
    for side in (twin.platform, twin.retailer):
        await reach(side.house)
    everybody = {f"B{number:06d}" for number in range(20, 70)}
    assert await affected(twin.platform, job) == {
        "HELD": everybody - {"B000030", "B000031"},
        "REMOVED": {"B000030"},
    }
    ours = await affected(twin.retailer, job)
    shared = {f"A{number:06d}" for number in range(20, 40)}
    assert ours["HELD"] == shared - {"A000030", "A000031", "A000033"}
    assert ours["REMOVED"] == {"A000033"}
    # Whoever withdrew later was in it all the same.
    assert ours["INPUT"] == {f"A{number:06d}" for number in range(40)} - {"A000005"}
    # A customer since, who had agreed long before: the rule alone cannot tell, the cohort can.
    tables = twin.retailer.datasets.tables
    crm = tables["crm"]
    row = crm.slice(0, 1).set_column(crm.column_names.index("id"), "id", pa.array(["A000050"]))
    tables["crm"] = pa.concat_tables([crm, row])
    assert (await affected(twin.retailer, job))["INPUT"] == ours["INPUT"] | {"A000050"}
    await number_memberships(twin.retailer.house)
    assert await affected(twin.retailer, job) == ours
    entry, *_ = await leaves(twin.retailer, "incident_read")
    assert (entry["held"], entry["removed"], entry["input"], entry["absent"]) == (17, 1, 39, 0)


async def test_who_was_in_a_run_is_known_when_its_rows_are_destroyed(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path)
    await withdraw(twin.platform, "B000031")
    job = await released(twin)
    for side in _sides(twin):
        await number_memberships(side.house)
    held = (await affected(twin.platform, job))["HELD"]
    twin.clock.at += timedelta(days=400)
    for side in _sides(twin):
        await sweep_results(side.house)
    assert await affected(twin.platform, job) == {"INPUT": held}
    assert "B000031" not in held
    (sent,) = await traced(twin.platform, "B000032")
    assert (sent.presence, sent.left_open) == (Presence.ELIGIBLE, ("RETENTION_OVER",))
    (matched,) = await traced(twin.retailer, "A000033")
    assert (matched.presence, matched.left_open) == (Presence.ELIGIBLE, ("NOT_MATCHED", "RETENTION_OVER"))


async def test_an_incident_of_statistics_names_the_input_of_both_sides(tmp_path: Path) -> None:
    twin = await make_twin(tmp_path, rows=(200, 260), shared=180, terms=EXACT)
    job = await released(twin, Operation.AGGREGATE, ("spend",))
    counts = [Counter({how: len(who) for how, who in (await affected(side, job)).items()}) for side in _sides(twin)]
    assert counts == [{"INPUT": 200}, {"HELD": 260}]
    (counted,) = await traced(twin.retailer, "A000100")
    assert (counted.presence, counted.left_open) == (Presence.ELIGIBLE, ("IN_STATISTICS", "NOT_IN_DATA_SET"))
    (sent,) = await traced(twin.platform, "B000100")
    assert (sent.presence, sent.received) == (Presence.HELD, ("statistics",))


def _sides(twin: Twin) -> tuple[Gateway, Gateway]:
    return twin.retailer, twin.platform


async def test_a_suspended_result_is_not_read_until_it_is_resumed(tmp_path: Path) -> None:
    twin = await rows_twin(tmp_path)
    job = await released(twin)
    theirs = await job_at(twin.platform, job)
    request_id = str(uuid.uuid4())
    for _ in range(2):
        await notify_partner(twin.platform.house, EVERYBODY, theirs.job_id, NoticeKind.SUSPEND, request_id)
    with pytest.raises(StateError):
        await notify_partner(twin.platform.house, EVERYBODY, theirs.job_id, NoticeKind.INCIDENT, request_id)
    with pytest.raises(RequestError):
        await notify_partner(twin.platform.house, EVERYBODY, theirs.job_id, NoticeKind.TOMBSTONE, str(uuid.uuid4()))
    assert len(await found_by(twin.retailer, job)) == 20
    await reach(twin.platform.house)
    assert len(twin.platform.peer.delivered) == 1
    with pytest.raises(StateError, match="suspended"):
        await found_by(twin.retailer, job)
    twin.clock.at += timedelta(minutes=1)
    for kind in (NoticeKind.INCIDENT, NoticeKind.RESUME):
        await notify_partner(twin.platform.house, EVERYBODY, theirs.job_id, kind, str(uuid.uuid4()))
    await reach(twin.retailer.house)
    assert len(await found_by(twin.retailer, job)) == 20
    assert [notice.kind for notice in await list_partner_notices(twin.retailer.house, OFFICER)][
        -1
    ] is NoticeKind.SUSPEND
