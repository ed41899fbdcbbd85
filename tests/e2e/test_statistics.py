"""AGGREGATE between two real processes: killed with its workers, charged once, nothing readable on their disks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.client import Agreement, Job
from gateway.main.demo.groundwork import MEASURED, MEASUREMENT, PLATFORM, RETAILER
from tests.e2e.clear_text import readable
from tests.e2e.pair import Pair, Side, some_people, two_gateways, until

PEOPLE = some_people(900, 1200, 600)
STEPS_OF_PLATFORM = {"count": "1", "values": "3"}
STEPS_OF_RETAILER = {"receiver": "1"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pair, Agreement]]:
    with two_gateways(tmp_path_factory.mktemp("statistics"), environment={"ASSENT_ENGINE__LEASE_S": "3"}) as found:
        yield found, found.prepare(PEOPLE)


def _create(pair: Pair, agreement: Agreement) -> Job:
    return pair.retailer.client.jobs.create(agreement.agreement_id, "AGGREGATE", MEASUREMENT, MEASURED)


def _workers(server: int) -> list[int]:
    """Processes that a server started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split() if entry.name.isdigit() else []
        except OSError:  # it ended meanwhile
            continue
        if fields and int(fields[1]) == server:
            found.append(int(entry.name))
    return found


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_planted_value_would_be_found() -> None:
    assert readable(b"\x00C0001234\x00", {"C0001234", "C0009999"}) == ["C0001234"]
    assert readable(b"C0009999", {"C0001234", "C0009999"}) == ["C0009999"]
    assert not readable(b"\x00C000123\x00", {"C0001234"})


def _job_of(side: Side, session: str) -> Job:
    return next(job for job in side.client.jobs.list() if job.session_id == session)


@pytest.mark.thorough
@pytest.mark.parametrize("victim", [PLATFORM, RETAILER])
def test_a_killed_gateway_takes_its_workers_along_and_charges_once(pair: tuple[Pair, Agreement], victim: str) -> None:
    both, agreement = pair
    side = both.platform if victim == PLATFORM else both.retailer
    job = _create(both, agreement)
    until(lambda: bool(_workers(side.pid)), "workers of the victim", 90)
    workers, pid = _workers(side.pid), side.pid
    side.kill()
    assert not _runs(pid)
    until(lambda: not any(_runs(worker) for worker in workers), "the end of its workers")
    side.restart()
    done = both.retailer.client.jobs.wait(job.job_id, timeout_s=120)
    other = both.platform.client.jobs.wait(_job_of(both.platform, done.session_id).job_id, timeout_s=30)
    for one, ended, steps in ((both.platform, other, STEPS_OF_PLATFORM), (both.retailer, done, STEPS_OF_RETAILER)):
        charges = one.client.agreements.budget(agreement.agreement_id).charges
        paid = {
            charge.step: format(charge.epsilon.normalize(), "f") for charge in charges if charge.job_id == ended.job_id
        }
        assert paid == steps
        assert sum(charge.job_id == ended.job_id for charge in charges) == len(steps)
    result = both.retailer.client.jobs.result(done.job_id)
    assert result.equals(both.retailer.client.jobs.result(done.job_id))
    counts = [row for row in result.to_pylist() if row["statistic"] == "count" and row["segment"]]
    assert [row["segment"] for row in counts] == ["control", "mail"]
    assert all(row["suppressed"] is None and 60 < int(row["value"]) < 300 for row in counts)


def test_a_cancelled_run_ends_its_workers_at_once(pair: tuple[Pair, Agreement]) -> None:
    both, agreement = pair
    job = _create(both, agreement)
    until(lambda: bool(_workers(both.platform.pid)), "workers of the platform", 90)
    both.retailer.client.jobs.cancel(job.job_id)
    until(lambda: both.retailer.client.jobs.get(job.job_id).state == "CANCELLED", "the end of the job")
    until(lambda: not _workers(both.platform.pid), "the end of the platform's workers", 15)
    # What had left is paid for.
    other = _job_of(both.platform, both.retailer.client.jobs.get(job.job_id).session_id)
    charges = both.platform.client.agreements.budget(agreement.agreement_id).charges
    assert [charge.step for charge in charges if charge.job_id == other.job_id] == ["count"]


def test_no_figure_and_no_identifier_lies_in_any_file(pair: tuple[Pair, Agreement]) -> None:
    both, _ = pair
    retailer, platform = PEOPLE.retailer.customers, PEOPLE.platform.customers
    secrets = {value for value in platform.column("spend").to_pylist() if len(value) >= 6}
    secrets |= set(retailer.column("customer_id").to_pylist()) | set(platform.column("user_id").to_pylist())
    secrets |= {value for value in platform.column("mobile").to_pylist() if value}
    assert len(secrets) > 2000
    for side in both.sides:
        looked_at = 0
        for folder, _, names in os.walk(side.home):
            for name in names:
                try:
                    content = Path(folder, name).read_bytes()
                except FileNotFoundError:
                    continue  # a spool that was being removed as we came
                looked_at += 1
                found = readable(content, secrets)
                assert not found, f"{name} of {side.party} holds {len(found)} values of rows"
        assert looked_at > 10
