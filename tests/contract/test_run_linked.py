"""A run over a data set under another system's ids: mapped to people, unlinked rows counted and left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gateway.flow import identity
from gateway.flow.authorize import authorize_receiver
from gateway.flow.identity import LinkReport
from gateway.flow.job import read_result, result_schema
from gateway.flow.reach import reach
from gateway.flow.records import kept_out
from gateway.flow.trace import list_removals
from gateway.route.agreement import Operation
from gateway.route.job import AuthorizedJob, Job, JobState
from gateway.route.notice import Timing
from gateway.route.session import Stage
from tests.contract.rows import after_pull, job_at
from tests.twin import EVERYBODY, RETAILER, Gateway, Twin, close_all, make_twin, opaque, withdrawn

ROWS = range(40)
NOBODY = (25, 30)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def twin(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Twin]:
    url = str(request.getfixturevalue("postgres_url")) if request.param == "postgresql" else None
    yield await tills_twin(tmp_path, url)
    await close_all()


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Twin]:
    yield await tills_twin(tmp_path, None)
    await close_all()


async def tills_twin(directory: Path, url: str | None) -> Twin:
    made = await make_twin(directory, urls=(url, None))
    # The consents speak of A000020, the data set of till receipts of K-20.
    tables = made.retailer.datasets.tables
    tables["crm"] = tables["crm"].set_column(0, "id", pa.array([f"K-{number}" for number in ROWS]))
    made.retailer.datasets.sources["crm"] = "tills"
    return made


async def link(twin: Twin, numbers: Sequence[int]) -> LinkReport:
    return await linked(twin.retailer, "tills", [(f"K-{number}", f"A{number:06d}") for number in numbers])


async def linked(side: Gateway, system: str, links: Sequence[tuple[str, str]]) -> LinkReport:
    async def rows() -> AsyncIterator[list[tuple[int, str, str]]]:
        yield [(row, *link) for row, link in enumerate(links, 1)]

    return await identity.import_links(side.house, EVERYBODY, system, "customer", rows())


async def customers(twin: Twin, job: Job) -> set[str]:
    batches = [batch async for batch in read_result(twin.retailer.house, EVERYBODY, job.job_id)]
    return {row["customer"] for batch in batches for row in batch.to_pylist()}


async def matched(
    twin: Twin, operation: Operation = Operation.MATCH, columns: tuple[str, ...] = ()
) -> tuple[Job, dict[str, str]]:
    job = await twin.run(operation, columns)
    assert job.state is JobState.SUCCEEDED, job.failure
    batches = [batch async for batch in read_result(twin.retailer.house, EVERYBODY, job.job_id)]
    rows = [row for batch in batches for row in batch.to_pylist()]
    return job, {row["customer"]: row["consent"] for row in rows}


async def test_people_are_found_under_their_ids_and_nobodys_rows_left_out(twin: Twin) -> None:
    assert (await link(twin, [number for number in ROWS if number not in NOBODY])).linked == 38
    job, found = await matched(twin)
    expected = [number for number in range(20, 40) if number not in NOBODY]
    # The result speaks of customers as the data set does.
    assert found == {f"K-{number}": opaque(RETAILER, f"A{number:06d}") for number in expected}
    assert job.report["rejected"] == {"UNLINKED": {"count": 2, "first_rows": [26, 31]}}
    assert job.report["rows_read"] == 40
    assert job.report["consented"] == 38

    await twin.retailer.import_events([withdrawn(RETAILER, "A000021", twin.clock.now())])
    await identity.unlink(twin.retailer.house, EVERYBODY, "tills", "K-22")
    await identity.unlink(twin.retailer.house, EVERYBODY, "tills", "K-10")  # who was in no result
    again, found = await matched(twin)
    assert set(found) == {f"K-{number}" for number in expected if number not in (21, 22)}

    # What was released goes as well, by links that ended and not by those of other systems.
    assert (await linked(twin.retailer, "tills", [("K-23", "somebody else")])).moved == 1
    await linked(twin.retailer, "web", [("W-24", "A000024")])
    await identity.unlink(twin.retailer.house, EVERYBODY, "web", "W-24")
    await reach(twin.retailer.house)
    for run, gone in ((job, (21, 22, 23)), (again, (21, 22, 23))):
        assert await customers(twin, run) == {f"K-{number}" for number in expected if number not in gone}
    removals = await list_removals(twin.retailer.house, EVERYBODY)
    assert Counter((one.job_id, one.reason_code, one.timing) for one in removals) == {
        (job.job_id, "CONSENT_WITHDRAWN", Timing.AFTER): 1,
        (job.job_id, "UNLINKED", Timing.AFTER): 2,
        (again.job_id, "UNLINKED", Timing.AFTER): 1,
    }
    assert all(one.removed_at is not None for one in removals)
    await reach(twin.retailer.house)
    assert await list_removals(twin.retailer.house, EVERYBODY) == removals
    # Whose id it turns out to be is found by it from the next run on, and stays.
    assert (await linked(twin.retailer, "tills", [("K-23", "A000023")])).moved == 1
    third, found = await matched(twin)
    await identity.unlink(twin.retailer.house, EVERYBODY, "tills", "K-24")
    await reach(twin.retailer.house)
    assert await customers(twin, third) == set(found) - {"K-24"}


async def test_a_map_without_links_leaves_everybody_out(twin: Twin) -> None:
    job, found = await matched(twin)
    assert found == {}
    assert job.report["rejected"] == {"UNLINKED": {"count": 40, "first_rows": list(range(1, 21))}}


async def test_whom_consent_keeps_out_is_told_by_person(twin: Twin) -> None:
    """What inputs are compared by: people, never ids."""
    await link(twin, [number for number in ROWS if number not in NOBODY])
    await twin.retailer.import_events([withdrawn(RETAILER, "A000021", twin.clock.now())])
    job = await twin.create(Operation.MATCH)
    lease = await twin.retailer.lease()
    assert lease is not None
    async with twin.retailer.house.store.read() as tx:
        authorized = await authorize_receiver(twin.retailer.house, tx, job)
    assert isinstance(authorized, AuthorizedJob)
    denied = await kept_out(lease, authorized, 1 << 20)
    async with twin.retailer.house.store.read() as tx:
        ((person, _),) = [
            (link.subject_ref, link.link_ref) for link in await tx.identity.of_person(bytes(denied[0]).decode())
        ]
    assert denied.shape == (1, 26)
    assert np.array_equal(denied[0], np.frombuffer(person.encode(), np.uint8))


async def test_three_sources_meet_in_one_data_set(small: Twin) -> None:
    """Customer numbers, till receipts and user names of an app: consent speaks of customer numbers."""
    datasets, platform = small.platform.datasets, small.platform
    users = datasets.tables["users"]
    numbers = [int(name[1:]) for name in users.column("id").to_pylist()]  # 20 .. 69
    core = users.slice(0, 30).drop_columns(["spend", "channel"])
    tills = (
        users.slice(20, 20).drop_columns(["channel"]).set_column(0, "id", pa.array(f"T-{n}" for n in numbers[20:40]))
    )
    app = users.slice(0, 50).set_column(0, "id", pa.array(f"U-{n}" for n in numbers))
    # Of B000020 the app knows another tier than the customer file, and of B000022 another phone.
    tiers, phones = app.column("tier").to_pylist(), app.column("phone").to_pylist()
    tiers[0], phones[2] = "lead", "+8613899999999"
    app = app.set_column(2, "tier", pa.array(tiers)).set_column(1, "phone", pa.array(phones))
    datasets.tables |= {"core": core, "tills": tills, "app": app}
    datasets.sources |= {"tills": "tills", "app": "app"}
    datasets.united["users"] = ("core", "tills", "app")
    await link(small, list(ROWS))
    for system, prefix, known in (("tills", "T", numbers[20:38]), ("app", "U", numbers[1:])):
        links = [(f"{prefix}-{number}", f"B{number:06d}") for number in known]
        assert (await linked(platform, system, links)).linked == len(known)

    job = await small.run(Operation.ENRICH, ("tier", "channel", "spend"))
    assert job.state is JobState.SUCCEEDED, job.failure
    found = {row["customer"]: row async for row in wide(small, job)}
    assert set(found) == {f"K-{number}" for number in range(20, 40)}
    plain = {f"K-{number}": row for number, row in zip(numbers, users.to_pylist(), strict=True)}
    for name, row in found.items():
        # Nobody's user name tells nothing of K-20; the others' channel and spend are the app's.
        known = name != "K-20"
        assert row["tier"] == plain[name]["tier"]
        assert row["channel"] == (plain[name]["channel"] if known else None)
        assert row["spend"] == (str(plain[name]["spend"]) if known else None)
    report = (await job_at(platform, job)).report
    assert (report["rows_read"], report["read"]) == (100, {"core": 30, "tills": 20, "app": 50})
    assert report["rejected"] == {"UNLINKED": 3}
    assert report["rejected in tills"] == {"UNLINKED": {"count": 2, "first_rows": [19, 20]}}
    assert report["rejected in app"] == {"UNLINKED": {"count": 1, "first_rows": [1]}}
    assert report["settled"] == {"match_key": 1}
    assert (report["folded"], report["consented"]) == (100 - 3 - 50, 50)

    # The partner forgets what it was sent of people whose link ended, whichever source their values came from.
    await identity.unlink(platform.house, EVERYBODY, "app", "U-25")
    await reach(platform.house)
    assert {row["customer"] async for row in wide(small, job)} == set(found) - {"K-25"}
    (removal,) = await list_removals(platform.house, EVERYBODY)
    assert (removal.reason_code, removal.notice_id != "") == ("UNLINKED", True)


async def wide(twin: Twin, job: Job) -> AsyncIterator[dict[str, str]]:
    of: dict[str, dict[str, str]] = {}
    async for batch in read_result(twin.retailer.house, EVERYBODY, job.job_id):
        for row in batch.to_pylist():
            of.setdefault(row["customer"], {"customer": row["customer"]})[row["attribute"]] = row["value"]
    for row in of.values():
        yield row


async def test_a_result_names_the_part_whose_id_it_tells(small: Twin) -> None:
    datasets = small.retailer.datasets
    crm = datasets.tables["crm"]
    datasets.tables["numbers"] = crm.slice(20, 5).set_column(0, "id", pa.array(f"A{n:06d}" for n in range(20, 25)))
    datasets.tables["receipts"] = crm
    datasets.sources["receipts"] = "tills"
    datasets.united["crm"] = ("numbers", "receipts")
    await link(small, list(ROWS))
    job = await small.run(Operation.MATCH)
    schema = await result_schema(small.retailer.house, EVERYBODY, job.job_id)
    batches = [batch async for batch in read_result(small.retailer.house, EVERYBODY, job.job_id)]
    rows = pa.Table.from_batches(batches, schema).to_pylist()
    expected = {(f"A{n:06d}", "numbers") for n in range(20, 25)} | {(f"K-{n}", "receipts") for n in range(25, 40)}
    assert {(row["customer"], row["part"]) for row in rows} == expected
    assert len(rows) == 20


@pytest.mark.parametrize(("operation", "columns"), [(Operation.MATCH, ()), (Operation.ENRICH, ("tier",))])
async def test_whose_link_ends_during_a_run_is_not_in_its_result(
    small: Twin, operation: Operation, columns: tuple[str, ...]
) -> None:
    datasets = small.platform.datasets
    users = datasets.tables["users"]
    numbers = [int(name[1:]) for name in users.column("id").to_pylist()]
    datasets.tables["users"] = users.set_column(0, "id", pa.array(f"U-{number}" for number in numbers))
    datasets.sources["users"] = "app"
    await linked(small.platform, "app", [(f"U-{number}", f"B{number:06d}") for number in numbers])
    await link(small, list(ROWS))

    async def before_ours_leaves() -> None:
        await identity.unlink(small.retailer.house, EVERYBODY, "tills", "K-31")

    async def before_the_cut() -> None:
        await identity.unlink(small.platform.house, EVERYBODY, "app", "U-25")
        # An id turns out to be somebody else's.
        assert (await linked(small.platform, "app", [("U-26", "somebody else")])).moved == 1

    async def behind_it() -> None:
        await identity.unlink(small.platform.house, EVERYBODY, "app", "U-27")
        await identity.unlink(small.retailer.house, EVERYBODY, "tills", "K-28")
        assert (await linked(small.retailer, "tills", [("K-29", "somebody else")])).moved == 1
        # A link of another system is none of this run.
        await linked(small.platform, "web", [("W-30", "B000030")])
        await identity.unlink(small.platform.house, EVERYBODY, "web", "W-30")

    after_pull(small, Stage.OPENING, before_ours_leaves)
    after_pull(small, Stage.EVALUATED, before_the_cut)
    after_pull(small, Stage.TABLE, behind_it)
    job, found = await matched(small, operation, columns)
    theirs = (await job_at(small.platform, job)).report
    assert set(found) == {f"K-{number}" for number in range(20, 40) if number not in (25, 26, 27, 28, 29, 31)}
    assert job.report["replaced"] == 1
    # At the cut they are never in the table, behind it they drop late; our own are judged before the release.
    assert (theirs["replaced"], theirs["late_drops"], job.report["withdrawn_before_release"]) == (2, 1, 2)
