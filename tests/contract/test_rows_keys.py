"""Several match keys: a list each, all sent up front; every customer comes out once, by the first key that found it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.flow.reach import reach
from gateway.flow.report import Report, job_report
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from gateway.route.session import Stage
from tests.contract.rows import TINY, after_pull, found_by, job_at, read_at, records_of, with_memory
from tests.contract.test_run_linked import linked
from tests.twin import EVERYBODY, PLATFORM, RETAILER, Gateway, close_all, customers, make_twin, withdrawn

PHONE, EMAIL = "phone.e164", "email.plain"
TERMS = {
    "match_keys": [{"name": PHONE, "category": "phone_hash"}, {"name": EMAIL, "category": "phone_hash"}],
    "aggregate": None,
    "directions": [
        {"operation": "MATCH", "receiver": RETAILER, "sender": PLATFORM},
        {"operation": "ENRICH", "receiver": RETAILER, "sender": PLATFORM, "columns": ["tier", "spend"]},
    ],
}


def people(first: int, count: int, prefix: str, no_phone: set[int], no_email: set[int]) -> pa.Table:
    """Customers with a phone and an e-mail address that follow from their number, but for some of them."""
    made = customers(first, count, prefix)
    numbers = range(first, first + count)
    phones = [f"+86138{number:08d}" if number not in no_phone else None for number in numbers]
    emails = [f"u{number}@example.com" if number not in no_email else None for number in numbers]
    made = made.set_column(1, "phone", pa.array(phones, pa.string()))
    return made.append_column("email", pa.array(emails, pa.string()))


def changed(table: pa.Table, column: str, values: dict[str, str | None]) -> pa.Table:
    """Give other values of a column to customers by id."""
    ids, before = table.column("id").to_pylist(), table.column(column).to_pylist()
    after = [values.get(id_, value) for id_, value in zip(ids, before, strict=True)]
    return table.set_column(table.column_names.index(column), column, pa.array(after, pa.string()))


async def reported(side: Gateway, job: Job) -> Report:
    return await job_report(side.house, EVERYBODY, job.job_id)


def ids(*numbers: int) -> set[str]:
    return {f"A{number:06d}" for number in numbers}


@pytest.fixture
def tables() -> tuple[pa.Table, pa.Table]:
    # Shared: 20 to 39. Of those 20 to 23 have no phone at ours, 24 to 27 no e-mail at theirs, 28 neither in common.
    ours = people(0, 40, "A", no_phone={20, 21, 22, 23}, no_email={28})
    theirs = people(20, 50, "B", no_phone={28}, no_email={24, 25, 26, 27})
    # A household: two of our customers have one phone, which only one of theirs has; both are found.
    ours = changed(ours, "phone", {"A000001": "+8613800000030"})
    # Two of theirs share an address that one of ours has: that value is in no list, the phone still finds ours.
    theirs = changed(theirs, "email", {"B000031": "both@example.com", "B000032": "both@example.com"})
    ours = changed(ours, "email", {"A000031": "both@example.com"})
    # Our 33 is one person of theirs by phone and another by e-mail: the first key decides.
    ours = changed(ours, "email", {"A000033": "u60@example.com"})
    # Repeated rows of a person fold.
    return pa.concat_tables([ours, ours.slice(35, 3)]), theirs


async def test_a_waterfall_of_two_keys(tmp_path: Path, tables: tuple[pa.Table, pa.Table]) -> None:
    twin = await make_twin(tmp_path, tables=tables, values=("tier", "spend"), **TERMS)
    # The sorts of both lists spill, and the source is read several times.
    await with_memory(twin, *TINY)
    try:
        job = await twin.run(Operation.MATCH)
        assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal, (await job_at(twin.platform, job)).failure)
        assert await found_by(twin.retailer, job) == ids(1, *range(20, 40)) - ids(28)
        report = job.report
        assert (report["matched"], report["released"], report["consented"]) == (20, 20, 40)
        # Phones find 24 to 39 but 28, and the household's other; addresses all but 24 to 28, 31; 32 is shared there.
        assert report["waterfall"] == {PHONE: 16, EMAIL: 4}
        assert report["matched_by"] == {PHONE: 16, EMAIL: 20 - 5 - 2}
        assert report["key_records"] == {PHONE: 35, EMAIL: 39}
        assert (report["records"], report["partner_rows"]) == (74, 49 + 44)
        # Of the partner's rows one is our household, told at home alone.
        assert report["fan_out"] == {"1": 16 - 2 + 13, "2": 1}
        told = {(line.section, line.item): line for line in (await reported(twin.retailer, job)).lines}
        assert (told["keys", PHONE].count, told["keys", PHONE].of) == (16, 40)
        assert (told["waterfall", EMAIL].count, told["waterfall", EMAIL].of) == (4, 40 - 16)
        assert (told["outcome", "matched"].count, told["people", "judged"].count) == (20, 40)
        theirs = await job_at(twin.platform, job)
        sections = {line.section for line in (await reported(twin.platform, theirs)).lines}
        assert sections == {"rows", "people", "left_out", "outcome"}
        outcome = {line.item for line in (await reported(twin.platform, theirs)).lines if line.section == "outcome"}
        assert outcome == {"sent", "replaced", "late_drops", "partner_rows"}
        assert theirs.report["left_out"] == {"SHARED_MATCH_KEY": 2}
        assert theirs.report["key_records"] == {PHONE: 49, EMAIL: 44}
    finally:
        await close_all()


async def test_attributes_withdrawals_and_removals_over_two_lists(
    tmp_path: Path, tables: tuple[pa.Table, pa.Table]
) -> None:
    twin = await make_twin(tmp_path, tables=tables, values=("tier", "spend"), **TERMS)
    try:

        def leaving(side: Gateway, *customers: str) -> Callable[[], Awaitable[None]]:
            async def withdraw() -> None:
                now = side.clock.now()
                await side.import_events([withdrawn(side.party, customer, now) for customer in customers])

            return withdraw

        # Before each side's cut, and once the table has left: all stand in both lists.
        after_pull(twin, Stage.OPENING, leaving(twin.retailer, "A000036"))
        after_pull(twin, Stage.EVALUATED, leaving(twin.platform, "B000035"))
        after_pull(twin, Stage.TABLE, leaving(twin.platform, "B000037"))
        job = await twin.run(Operation.ENRICH, ("tier", "spend"))
        assert job.state is JobState.SUCCEEDED, job.failure
        gone = {28, 35, 36, 37}
        assert await found_by(twin.retailer, job) == ids(1, *range(20, 40)) - ids(*gone)
        opening, run = await records_of(twin, job)
        assert (opening["receiver_rows"], opening["sender_rows"]) == ([35, 39], [49, 44])
        assert (run["receiver"]["replaced"], run["sender"]["replaced"]) == (2, 2)
        assert run["sender"]["late_drops"] == 2
        values = {
            (row["customer"], row["attribute"]): row["value"] for row in (await read_at(twin.retailer, job)).to_pylist()
        }
        for number in {*range(20, 40)} - gone:
            assert values[f"A{number:06d}", "spend"] == f"{number}.00"
            assert values[f"A{number:06d}", "tier"] == ("gold", "silver", None)[number % 3]
        assert values["A000001", "spend"] == "30.00"

        # Ours found 39 by phone and 21 by e-mail: the partner names both of their rows, whichever it was.
        twin.clock.at += timedelta(hours=1)
        await leaving(twin.platform, "B000039", "B000021")()
        await reach(twin.platform.house)
        left = ids(1, *range(20, 40)) - ids(*gone, 21, 39)
        assert await found_by(twin.retailer, job) == left
        async with twin.platform.house.store.read() as tx:
            (notice,) = await tx.notices.list()
        assert notice.rows == 4 + 2  # with the one that was dropped late
    finally:
        await close_all()


async def test_sources_that_have_a_key_each_meet_in_one_data_set(
    tmp_path: Path, tables: tuple[pa.Table, pa.Table]
) -> None:
    """The shop's customers are known by phone, the app's by address; consent speaks of the shop's numbers."""
    ours, theirs = tables
    twin = await make_twin(tmp_path, tables=tables, values=("tier", "spend"), **TERMS)
    await with_memory(twin, *TINY)
    try:
        datasets = twin.platform.datasets
        users = [f"U-{id_}" for id_ in theirs.column("id").to_pylist()]
        shop = theirs.drop_columns(["email", "spend"])
        app = theirs.drop_columns(["phone", "tier"]).set_column(0, "id", pa.array(users))
        # Somebody whom the app knows twice, under two addresses; and two whom a newsletter knows by phone and address.
        twice = changed(app.slice(10, 1), "email", {"U-B000030": "other@example.com"})
        lists = theirs.slice(12, 2).drop_columns(["tier", "spend"])
        lists = changed(lists, "email", {"B000032": "news@example.com"}).set_column(0, "id", pa.array(["N-1", "N-2"]))
        datasets.tables |= {"shop": shop, "app": pa.concat_tables([app, twice]), "news": lists}
        datasets.sources |= {"app": "app", "news": "news"}
        datasets.united["users"] = ("shop", "app", "news")
        known = [(user, user[2:]) for user in users if user not in ("U-B000021", "U-B000022")]
        assert (await linked(twin.platform, "app", known)).linked == len(known)
        assert (await linked(twin.platform, "news", [("N-1", "B000032")])).linked == 1
        # Of ours the phones stand beside the addresses of another source.
        twin.retailer.datasets.tables |= {"phones": ours.drop_columns(["email"]), "mails": ours.drop_columns(["phone"])}
        twin.retailer.datasets.united["crm"] = ("phones", "mails")

        job = await twin.run(Operation.ENRICH, ("tier", "spend"))
        assert job.state is JobState.SUCCEEDED, job.failure
        # 21 and 22 are the app's alone, and its ids nobody's. All else is as where each side has one source.
        assert await found_by(twin.retailer, job) == ids(1, *range(20, 40)) - ids(21, 22, 28)
        values = {
            (row["customer"], row["attribute"]): row["value"] for row in (await read_at(twin.retailer, job)).to_pylist()
        }
        # A person has what either source says, whichever key found it; a row counts that has a key of its own: those
        # of 24 to 27 in the app have none, and of 30 it says two things.
        for number in set(range(20, 40)) - {21, 22, 28}:
            spend = None if number in (24, 25, 26, 27, 30) else f"{number}.00"
            assert values[f"A{number:06d}", "spend"] == spend, number
            assert values[f"A{number:06d}", "tier"] == ("gold", "silver", None)[number % 3]
        report = (await job_at(twin.platform, job)).report
        assert report["read"] == {"shop": 50, "app": 51, "news": 2}
        assert report["rejected"] == {"UNLINKED": 3, "CONFLICTING_ROWS": 2}
        assert report["rejected in news"] == {"UNLINKED": {"count": 1, "first_rows": [2]}}  # though it has both keys
        assert report["rejected in app"] == {
            "UNLINKED": {"count": 2, "first_rows": [2, 3]},
            "CONFLICTING_ROWS": {"count": 2, "first_rows": [11, 51]},
        }
        assert report["settled"] == {"match_key": 1}  # 32 has the address of the app, which comes first
        assert report["key_records"] == {PHONE: 49, EMAIL: 50 - 4 - 2 - 1 - 2}
        assert report["left_out"] == {"SHARED_MATCH_KEY": 2}
        mine = job.report
        assert (mine["consented"], mine["key_records"]) == (40, {PHONE: 35, EMAIL: 39})
        assert mine["read"] == {"phones": 43, "mails": 43}
    finally:
        await close_all()


@pytest.mark.parametrize("change", [{"padding": "POWER_OF_TWO"}, {"result_to": True}])
async def test_what_runs_with_one_key_only_is_refused(
    tmp_path: Path, change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = dict(TERMS)
    if "padding" in change:
        terms["padding"] = "POWER_OF_TWO"
    else:
        told = {"operation": "MATCH", "receiver": RETAILER, "sender": PLATFORM, "result_to": [RETAILER, PLATFORM]}
        terms["directions"] = [told]
    tables = (people(0, 4, "A", set(), set()), people(2, 4, "B", set(), set()))
    # An agreement in force may be of an earlier release, which signed it.
    monkeypatch.setattr("gateway.flow.agreement._check_keys", lambda agreement: None)
    twin = await make_twin(tmp_path, tables=tables, values=() if "result_to" in change else ("tier", "spend"), **terms)
    try:
        job = await twin.run(Operation.MATCH)
        assert job.state is JobState.REFUSED
        assert job.refusal and job.refusal.reason_code == "MATCH_KEY_MISMATCH"
    finally:
        await close_all()
