"""A run over a data set under another system's ids: mapped to people, unlinked rows counted and left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gateway.flow import identity
from gateway.flow.authorize import authorize_receiver
from gateway.flow.identity import LinkReport
from gateway.flow.job import read_result
from gateway.flow.records import kept_out
from gateway.route.agreement import Operation
from gateway.route.job import AuthorizedJob, Job, JobState
from tests.twin import EVERYBODY, RETAILER, Twin, close_all, make_twin, opaque, withdrawn

ROWS = range(40)
NOBODY = (25, 30)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def twin(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Twin]:
    url = str(request.getfixturevalue("postgres_url")) if request.param == "postgresql" else None
    made = await make_twin(tmp_path, urls=(url, None))
    # The consents speak of A000020, the data set of till receipts of K-20.
    tables = made.retailer.datasets.tables
    tables["crm"] = tables["crm"].set_column(0, "id", pa.array([f"K-{number}" for number in ROWS]))
    made.retailer.datasets.sources["crm"] = "tills"
    yield made
    await close_all()


async def link(twin: Twin, numbers: Sequence[int]) -> LinkReport:
    async def rows() -> AsyncIterator[list[tuple[int, str, str]]]:
        yield [(row, f"K-{number}", f"A{number:06d}") for row, number in enumerate(numbers, 1)]

    return await identity.import_links(twin.retailer.house, EVERYBODY, "tills", "customer", rows())


async def matched(twin: Twin) -> tuple[Job, dict[str, str]]:
    job = await twin.run(Operation.MATCH)
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
    _, found = await matched(twin)
    assert set(found) == {f"K-{number}" for number in expected if number not in (21, 22)}


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
