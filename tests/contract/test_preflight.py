"""What is said before a run is what the run then finds."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.dataset import Datasets
from gateway.errors import AccessError, SourceError, StateError
from gateway.flow.preflight import calibrate
from gateway.flow.preflight.check import check_dataset
from gateway.flow.preflight.found import DatasetCheck
from gateway.flow.preflight.plan import JobPlan, plan_job
from gateway.flow.preflight.verdict import Verdict
from gateway.route.agreement import Operation
from gateway.route.caller import Caller
from gateway.route.job import JobRequest, JobState
from tests.contract.test_run_linked import linked
from tests.twin import EVERYBODY, PURPOSE, RETAILER, Twin, close_all, make_twin, withdrawn
from tests.unit.gateway.dataset.files import Declared

HEAD = ("id", "phone", "arm")


@dataclass(frozen=True)
class File(Declared):
    subject_column: str = "id"


def phone(number: int) -> str:
    return f"+86138{number:08d}"


def customer(number: int) -> tuple[str, str, str]:
    return f"A{number:06d}", phone(number), "mail" if number % 2 else "none"


DAMAGED = [
    *(customer(number) for number in range(40)),
    customer(7),  # again
    ("A000008", phone(90), "mail"),  # says otherwise
    ("", phone(3), "mail"),
    ("A000041", "138****0041", "mail"),
    ("A000042", "1.38E+10", "mail"),
    ("A000043", "d41d8cd98f00b204e9800998ecf8427e", ""),
    ("A000044", phone(9), "mail"),  # a household, without consent
    ("A000045", "", "mail"),
]


def write(path: Path, rows: list[tuple[str, ...]], bom: bool = False) -> Path:
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        csv.writer(file).writerows([HEAD, *rows])
    return path


@pytest.fixture(autouse=True)
def shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure the machine for a moment: how good a forecast of time is, is shown by bench/plan.py."""
    monkeypatch.setattr(calibrate, "STEP_S", 0.0)
    monkeypatch.setattr(calibrate, "BATCH", 64)


@pytest.fixture
async def twin(tmp_path: Path) -> Any:
    yield await make_twin(tmp_path, cohorts=(20, 20))
    await close_all()


def over(twin: Twin, file: File) -> None:
    """Let the retailer's data set be a file."""
    house = twin.retailer.house
    twin.retailer.house = replace(house, datasets=Datasets(lambda: {"crm": file}))


async def checked(twin: Twin, agreement: bool = True) -> DatasetCheck:
    steps = [step async for step in check_dataset(twin.retailer.house, EVERYBODY, "crm", twin.agreement_id * agreement)]
    assert [step.check for step in steps[:-1]] == [None] * (len(steps) - 1)
    assert steps[-1].check is not None
    return steps[-1].check


async def planned(twin: Twin, operation: Operation, columns: tuple[str, ...] = (), **given: Any) -> JobPlan:
    request = JobRequest("", given.pop("agreement", twin.agreement_id), operation, PURPOSE, columns, "cdp")
    request = replace(request, **{name: given.pop(name) for name in tuple(given) if name == "purpose"})
    return await plan_job(twin.retailer.house, EVERYBODY, request, **given)


def counts(rejected: Mapping[str, Any]) -> dict[str, tuple[int, tuple[int, ...]]]:
    return {reason: (rows.count, rows.first_rows) for reason, rows in rejected.items()}


async def test_a_check_finds_what_the_run_then_counts(twin: Twin, tmp_path: Path) -> None:
    now = twin.clock.now()
    await twin.retailer.import_events([withdrawn(RETAILER, f"A{number:06d}", now) for number in (1, 2)])
    over(twin, File("csv", write(tmp_path / "crm.csv", DAMAGED, bom=True)))
    found = await checked(twin)
    (part,), (key,), (segment,) = found.parts, found.keys, found.columns
    assert (part.format, part.encoding, part.rows) == ("csv", "UTF-8 with BOM", len(DAMAGED))
    assert counts(part.rejected) == {"EMPTY_SUBJECT": (1, (43,)), "NO_MATCH_KEY": (4, (44, 45, 46, 48))}
    assert (found.subjects, found.repeated_rows, found.conflicting_subjects) == (41, 2, 1)
    assert (key.match_key, key.column, key.usable) == ("phone.e164", "phone", len(DAMAGED) - 4)
    # The value of the conflicting row is one of the source's, too; the household's is one with two customers.
    assert (key.values.different, key.values.shared, key.values.sharing) == (40, 1, 2)
    assert key.shapes == {"plain": len(DAMAGED) - 2, "md5 lower": 1}
    assert {reason: rows.first_rows for reason, rows in key.faults.items()} == {
        "MASKED": (44,),
        "QUANTITY": (45,),
        "BAD_CHARACTERS": (46,),
        "EMPTY": (48,),
    }
    assert (segment.name, segment.empty, segment.faults) == ("arm", 1, {})
    assert {finding.code for finding in found.findings} == {"MIXED_FORMS", "CONFLICTING_ROWS", "MANY_REJECTED"}
    assert not any("138" in finding.text or "A0000" in finding.text for finding in found.findings)
    plan = await planned(twin, Operation.MATCH)
    assert {check.reason_code for check in plan.checks if check.name == "form of phone.e164"} == {"MIXED_FORMS"}
    assert all(check.verdict is not Verdict.NO for check in plan.checks)
    by_operation = {use.operation: use for use in found.uses}
    assert set(by_operation) == set(Operation)
    use = by_operation[Operation.MATCH]
    assert (use.eligible, dict(use.denied)) == (37, {"CONSENT_WITHDRAWN": 2, "NO_CONSENT": 1})

    job = await twin.run(Operation.MATCH)
    assert job.state is JobState.SUCCEEDED, job.failure
    report: Any = job.report
    assert (report["rows_read"], report["consented"]) == (found.rows, use.eligible)
    assert report["left_out"] == dict(use.denied)
    assert report["rejected"]["CONFLICTING_ROWS"]["count"] == 2
    assert sum(rows["count"] for rows in report["rejected"].values()) == 2 + 1 + 4
    # Nothing of the look stays on the disk.
    assert not list((twin.retailer.home / "spool").glob("check-*"))


async def test_ids_of_another_system_are_counted_as_linked_or_not(twin: Twin, tmp_path: Path) -> None:
    rows = [(f"K-{number}", phone(number), "mail") for number in range(40)]
    over(twin, File("csv", write(tmp_path / "tills.csv", rows), subject_source="tills"))
    await linked(twin.retailer, "tills", [(f"K-{number}", f"A{number:06d}") for number in range(30)])
    found = await checked(twin)
    assert counts(found.parts[0].rejected) == {"UNLINKED": (10, tuple(range(31, 41)))}
    assert (found.subjects, found.uses[0].eligible) == (30, 30)
    assert "UNLINKED" in {finding.code for finding in found.findings}
    plan = await planned(twin, Operation.MATCH)
    (links,) = [check for check in plan.checks if check.name == "links"]
    assert (links.verdict, "75.0 %" in links.text) == (Verdict.WARNING, True)
    assert plan.planned is not None
    assert plan.planned.own == 30
    # Of many ids a few are looked up, and stand for all.
    many = range(100, 2100)
    rows = [(f"K-{number}", phone(number), "mail") for number in many]
    over(twin, File("csv", write(tmp_path / "tills.csv", rows), subject_source="tills"))
    await linked(twin.retailer, "tills", [(f"K-{number}", f"A{number:06d}") for number in many])
    plan = await planned(twin, Operation.MATCH)
    assert plan.planned is not None
    sample = plan.planned.sample
    assert (sample.rows, sample.linked, round(sample.different, 9)) == (2000, 1.0, 1.0)
    assert 46 < sample.asked < 100


async def test_digests_where_raw_values_are_agreed_are_found_before_the_run(twin: Twin, tmp_path: Path) -> None:
    rows = [(*customer(number)[:1], f"{number:064x}", "mail") for number in range(40)]
    over(twin, File("csv", write(tmp_path / "hashed.csv", rows)))
    found = await checked(twin)
    assert found.findings[0].code == "OTHER_FORM"
    assert "sha256 or sm3 lower" in found.findings[0].text
    assert found.parts[0].rejected["NO_MATCH_KEY"].count == 40
    plan = await planned(twin, Operation.MATCH)
    (form,) = [check for check in plan.checks if check.verdict is Verdict.NO]
    assert (form.name, form.reason_code) == ("form of phone.e164", "MATCH_KEY_MISMATCH")
    # What is declared to be digests of another form is refused by the agreement's own check, as the run would.
    over(twin, File("csv", tmp_path / "hashed.csv", identifiers={"phone": "phone.cn11.sha256"}))
    assert (await checked(twin)).findings[0].code == "MATCH_KEY_MISMATCH"
    plan = await planned(twin, Operation.MATCH)
    assert [check.name for check in plan.checks if check.verdict is Verdict.NO] == ["match_keys"]
    assert plan.planned is None
    # Without an agreement it is looked at as what it is declared to be.
    alone = await checked(twin, agreement=False)
    assert (alone.keys[0].match_key, alone.keys[0].usable, alone.uses, alone.findings) == ("", 40, (), ())
    over(twin, File("csv", tmp_path / "hashed.csv"))
    nothing = await checked(twin, agreement=False)
    assert (nothing.subjects, [finding.code for finding in nothing.findings]) == (40, ["NO_IDENTIFIERS"])


async def test_a_check_is_refused_or_says_why_it_cannot_read(twin: Twin, tmp_path: Path) -> None:
    over(twin, File("csv", tmp_path / "crm.csv"))
    (tmp_path / "crm.csv").write_bytes(b"id,phone,arm\nA1,13800000001,mail\nA2,\xff,mail\n")
    with pytest.raises(SourceError, match="row 2"):
        await checked(twin)
    assert [check.reason_code for check in (await planned(twin, Operation.MATCH)).checks][-1] == "BAD_ENCODING"
    with pytest.raises(AccessError):
        await anext(check_dataset(twin.retailer.house, Caller("somebody", frozenset()), "crm"))
    with pytest.raises(StateError, match="not bound"):
        await anext(check_dataset(twin.platform.house, EVERYBODY, "crm", twin.agreement_id))


async def test_a_plan_foretells_bytes_and_records_of_the_run(twin: Twin, tmp_path: Path) -> None:
    over(twin, File("csv", write(tmp_path / "crm.csv", [customer(number) for number in range(40)])))
    await twin.retailer.import_events([withdrawn(RETAILER, "A000001", twin.clock.now())])
    plan = await planned(twin, Operation.ENRICH, ("tier", "spend"), partner_rows=50)
    assert {check.verdict for check in plan.checks} == {Verdict.OK}, plan.checks
    assert plan.planned is not None
    assert (plan.planned.sample.rows, plan.planned.own, plan.planned.partner) == (40, 39, 50)
    job = await twin.run(Operation.ENRICH, ("tier", "spend"))
    assert job.state is JobState.SUCCEEDED, job.failure
    assert (job.report["records"], job.report["partner_rows"]) == (39, 50)
    moved = sum(len(chunk.bytes) for chunk in (*twin.retailer.peer.pushed, *twin.retailer.peer.pulled))
    assert moved < plan.planned.forecast.wire_bytes < moved * 1.01 + 15_000
    # The next plan knows the partner's size by the last run.
    again = (await planned(twin, Operation.ENRICH, ("tier", "spend"))).planned
    assert again is not None
    assert (again.partner, again.partner_from) == (50, "the last run")
    assert again.forecast.table_bytes == plan.planned.forecast.table_bytes


async def test_a_plan_says_everything_that_is_wrong_at_once(twin: Twin, tmp_path: Path) -> None:
    over(twin, File("csv", write(tmp_path / "crm.csv", [customer(number) for number in range(10)])))
    twin.clock.at += timedelta(days=400)
    plan = await planned(twin, Operation.MATCH, ("tier",), purpose="advertising")
    wrong = {check.name: check.reason_code for check in plan.checks if check.verdict is Verdict.NO}
    assert wrong["agreement"] == "AGREEMENT_NOT_IN_FORCE"
    assert wrong["purpose"] == "PURPOSE_NOT_AGREED"
    assert wrong["operation"] == "OPERATION_NOT_AGREED"
    assert plan.planned is None
    texts = []
    for columns in (("income",), ()):
        found = await planned(twin, Operation.ENRICH, columns, purpose="advertising")
        texts += [check.text for check in found.checks if check.name == "operation"]
    assert all(text.startswith("ENRICH takes 1 to") and "tier" in text for text in texts), texts


async def test_a_column_that_is_gone_is_missed(twin: Twin, tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    write(path, [customer(number) for number in range(10)])
    path.write_text(path.read_text(encoding="utf-8").replace("arm", "branch"), encoding="utf-8")
    over(twin, File("csv", path))
    wrong = [check for check in (await planned(twin, Operation.OVERLAP)).checks if check.verdict is Verdict.NO]
    assert [(check.name, check.reason_code) for check in wrong] == [("columns", "MISSING_COLUMN")]
    # A MATCH groups nobody.
    assert (await planned(twin, Operation.MATCH)).planned is not None


async def test_caps_and_the_smallest_cell_are_looked_at(twin: Twin, tmp_path: Path) -> None:
    over(twin, File("csv", write(tmp_path / "crm.csv", [customer(number) for number in range(10)])))
    plan = await planned(twin, Operation.AGGREGATE, ("spend",), partner_rows=100_001)
    wrong = {check.name: check.reason_code for check in plan.checks if check.verdict is Verdict.NO}
    assert wrong == {"partner_rows": "SIZE_OVER_CAP", "minimum_cohort": "COHORT_TOO_SMALL"}
    (budget,) = [check for check in plan.checks if check.name == "budget"]
    assert "epsilon" in budget.text
    assert plan.planned is not None
    # By how fast this machine is just now.
    assert dict(plan.planned.forecast.shares)["encryption"] > 30 * plan.planned.machine.slowness
