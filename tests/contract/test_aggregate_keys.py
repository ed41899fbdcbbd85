"""Statistics over several match keys: a record has all keys of its customer and is found once, by the first of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow.csv import write_csv

from gateway.flow.preflight import calibrate
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from gateway.route.session import AggregateStage
from tests.contract.aggregates import (
    ARMS,
    Cells,
    assert_exact,
    before,
    cells_of,
    cells_over,
    closed,
    crm,
    elements,
    job_of,
    moved,
    run_record,
    session_of,
    statistics_twin,
    users,
    wire,
)
from tests.contract.rows import TINY, with_memory
from tests.contract.test_aggregate_consent import leave
from tests.contract.test_aggregate_hostile import assert_both_ended, run_altered
from tests.contract.test_preflight import File, over, planned
from tests.contract.test_resume import Fuse, run_with
from tests.contract.test_rows_keys import EMAIL, PHONE, changed
from tests.twin import PLATFORM, RETAILER, Twin

__all__ = ["closed"]

KEYS = [{"name": PHONE, "category": "phone_hash"}, {"name": EMAIL, "category": "phone_hash"}]
ASKED = ("visited",)
WIDTH = 64
Row = tuple[str | None, ...]


def email(number: int) -> str:
    return f"u{number}@example.com"


def with_email(
    table: pa.Table, lacking: Callable[[int], tuple[bool, bool]] = lambda number: (False, False)
) -> pa.Table:
    """Give everybody an address that follows from the number, and take phone or address from some."""
    numbers = [int(id_[1:]) for id_ in table.column("id").to_pylist()]
    table = table.append_column("email", pa.array([email(number) for number in numbers]))
    for place, column in enumerate(("phone", "email")):
        without: dict[str, str | None] = {
            id_: None for id_ in table.column("id").to_pylist() if lacking(int(id_[1:]))[place]
        }
        table = changed(table, column, without)
    return table


@pytest.fixture
def tables() -> tuple[pa.Table, pa.Table]:
    """Ours are 0 to 149, theirs 75 to 194."""
    ours = with_email(crm(), lambda number: (number % 10 == 3, number % 10 == 7))
    theirs = with_email(users(), lambda number: (number % 9 == 2, number % 9 == 5))
    phones = dict(zip(ours.column("id").to_pylist(), crm().column("phone").to_pylist(), strict=True))
    # A household: one phone of two, who are found by their addresses alone.
    ours = changed(ours, "phone", {"A000101": phones["A000100"]})
    # Nothing is left of one of ours whose phone and address others have, too.
    ours = changed(ours, "phone", {"A000111": phones["A000110"]})
    ours = changed(ours, "email", {"A000112": email(110)})
    # An address of two of theirs.
    theirs = changed(theirs, "email", {"B000140": "both@example.com", "B000141": "both@example.com"})
    # Their 130 has our 130's phone and our 131's address, their 131 our 130's address alone: one of each is found.
    theirs = changed(theirs, "phone", {"B000130": phones["A000130"], "B000131": None})
    theirs = changed(theirs, "email", {"B000130": email(131), "B000131": email(130)})
    # Two of theirs could be our 148: the first key decides, unless that one is dropped.
    theirs = changed(theirs, "phone", {"B000148": phones["A000148"], "B000149": None})
    theirs = changed(theirs, "email", {"B000148": None, "B000149": email(148)})
    # Repeated rows of a person fold.
    return pa.concat_tables([ours, ours.slice(35, 3)]), theirs


def keys_of(table: pa.Table) -> list[Row]:
    return [(row["phone"], row["email"]) for row in table.to_pylist()]


def records(table: pa.Table) -> dict[str, Row]:
    """Return the keys of each person that nobody else has; who has none is not there."""
    rows = dict(zip(table.column("id").to_pylist(), keys_of(table), strict=True))
    times = [Counter(row[place] for row in rows.values()) for place in range(2)]
    own = {
        id_: tuple(value if times[place][value] == 1 else None for place, value in enumerate(row))
        for id_, row in rows.items()
    }
    return {id_: row for id_, row in own.items() if any(row)}


def expected(twin: Twin, columns: tuple[str, ...], gone: Collection[str] = (), keys: tuple[int, ...] = (0, 1)) -> Cells:
    """Compute in clear what an exact run must release: key after key, each person of either side at most once."""
    ours, theirs = twin.retailer.datasets.tables["crm"], twin.platform.datasets.tables["users"]
    mine, other = ({id_: row for id_, row in records(one).items()} for one in (ours, theirs))
    found: dict[str, str] = {}
    for key in keys:
        owner = {row[key]: id_ for id_, row in other.items() if row[key] and id_ not in (*gone, *found.values())}
        for id_, row in mine.items():
            if row[key] in owner and id_ not in (*gone, *found):
                found[id_] = owner[row[key]]
    people = ours.to_pandas().drop_duplicates("id")
    people = people[people.id.isin(mine)]
    pairs = pd.DataFrame({"id": list(found), "id_theirs": list(found.values())})
    beside = theirs.to_pandas().rename(columns={"id": "id_theirs"})
    return cells_over(people, pairs.merge(people, on="id").merge(beside, on="id_theirs"), columns)


async def keyed_twin(directory: Path, tables: tuple[pa.Table, pa.Table]) -> Twin:
    return await statistics_twin(directory, tables=tables, match_keys=KEYS)


def assert_lists(content: bytes, lengths: list[int]) -> None:
    """Tuples ascend by their first element inside each list, and no element of a stage is there twice."""
    assert len(content) == WIDTH * sum(lengths)
    every, start = elements(content), 0
    assert len(set(every)) == len(every)
    firsts = every[::2]
    for length in lengths:
        assert firsts[start : start + length] == sorted(firsts[start : start + length])
        start += length


async def test_a_record_has_all_keys_of_its_customer(
    tmp_path: Path, tables: tuple[pa.Table, pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = await keyed_twin(tmp_path, tables)
    # All sorts spill; ours come from a file, whose rows without a key are read once per key.
    await with_memory(twin, *TINY)
    # Theirs come from two sources, which have a key each.
    both = tables[1]
    twin.platform.datasets.tables |= {
        "phones": both.drop_columns(["email"]),
        "addresses": both.drop_columns(["phone"]),
    }
    twin.platform.datasets.united["users"] = ("phones", "addresses")
    write_csv(tables[0], tmp_path / "crm.csv")
    over(twin, File("csv", tmp_path / "crm.csv"))
    monkeypatch.setattr(calibrate, "STEP_S", 0.0)
    plan = await planned(twin, Operation.AGGREGATE, ASKED, partner_rows=len(records(tables[1])))
    assert plan.planned, plan.checks
    assert (plan.planned.own, plan.planned.partner) == (150, len(records(tables[1])))
    before(
        twin,
        {
            # R has judged; S has judged and not cut; S's list has left.
            int(AggregateStage.OPENING): leave(twin, "A000102"),
            int(AggregateStage.EVALUATED): leave(twin, "B000104"),
            int(AggregateStage.LATE_DROPS): leave(twin, "B000148", "B000105"),
        },
    )
    job = await twin.run(Operation.AGGREGATE, ASKED)
    theirs = await job_of(twin.platform, job.session_id)
    assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal, theirs.failure, theirs.refusal)
    gone = ("A000102", "B000104", "B000148", "B000105")
    wanted = expected(twin, ASKED, gone)
    assert_exact(await twin.result(job), wanted)
    # Neither key alone finds them, nor the keys the other way round, nor those whom a dropped row held back.
    count = (None, None, None, "count")
    assert wanted[count] > max(expected(twin, ASKED, gone, keys)[count] for keys in ((0,), (1,)))
    assert wanted[count] != expected(twin, ASKED, gone, (1, 0))[count]
    assert wanted[count] == expected(twin, ASKED, ("A000102", "B000104", "B000105"))[count]

    opening = json.loads((await session_of(twin.platform, job.session_id)).opening)
    mine, other = records(tables[0]), records(tables[1])
    arms = [sum(int(id_[1:]) % 2 == arm for id_ in mine) for arm in range(len(ARMS))]
    assert (opening["receiver_rows"], opening["sender_rows"]) == (arms, [len(other)])
    assert_lists(wire(twin, job, AggregateStage.BLINDED), arms)
    assert_lists(wire(twin, job, AggregateStage.EVALUATED), arms)
    assert_lists(wire(twin, job, AggregateStage.SENDER_ELEMENTS), [len(other)])
    sent = sum(len(chunk.bytes) for chunk in moved(twin))
    assert sent < plan.planned.forecast.wire_bytes < sent * 1.1 + 15_000
    record = await run_record(twin, job)
    counts = ("tokenised", "replaced", "late_drops")
    assert [record["receiver"][name] for name in counts] == [len(mine) - 1, 1, 0]
    assert [record["sender"][name] for name in counts] == [len(other) - 1, 1, 2]

    for one, own, out, shared in (
        (job, mine, {"SHARED_MATCH_KEY": 1}, {PHONE: 4, EMAIL: 2}),
        (theirs, other, {}, {PHONE: 0, EMAIL: 2}),
    ):
        assert one.report["left_out"] == out
        assert one.report["shared_match_keys"] == shared
        assert one.report["records"] == one.report["consented"] == len(own)
        having = {name: sum(bool(row[place]) for row in own.values()) for place, name in enumerate((PHONE, EMAIL))}
        assert one.report["key_records"] == having
    # By which keys people were found is on no record.
    assert not {"matched", "matched_by", "waterfall"} & {*job.report, *theirs.report}
    faults = {
        f"{key} EMPTY": sum(row[place] is None for row in keys_of(tables[0]))
        for place, key in enumerate((PHONE, EMAIL))
    }
    told = cast(dict[str, dict[str, int]], job.report["match_key_faults"])
    assert {fault: rows["count"] for fault, rows in told.items()} == faults
    assert job.report["rejected"] == {}
    assert job.report["folded"] == 3 + 2  # by key, as lists are; one of them has no address


def at(content: bytes, row: int, key: int, element: bytes) -> bytes:
    rows = np.frombuffer(content, dtype=np.uint8).reshape(-1, WIDTH).copy()
    rows[row, 32 * key : 32 * key + 32] = np.frombuffer(element, dtype=np.uint8)
    return rows.tobytes()


async def test_who_withdraws_without_the_first_key_is_known_to_be_kept_out(
    tmp_path: Path, tables: tuple[pa.Table, pa.Table]
) -> None:
    twin = await keyed_twin(tmp_path, tables)
    first = await twin.run(Operation.OVERLAP)
    assert_exact(await twin.result(first), expected(twin, ()))
    # Number 3 is in arm b and has an address alone: the input differs by a withdrawal, so that arm is held back.
    await leave(twin, "A000003")("")
    again = await twin.run(Operation.OVERLAP)
    assert again.state is JobState.SUCCEEDED, (again.failure, again.refusal)
    before_it, now = [cells_of(await twin.result(job)) for job in (first, again)]
    assert now["a", None, None, "count"] == before_it["a", None, None, "count"]
    assert now["b", None, None, "count"]["value"] is None


async def test_hostile_tuples_of_either_side_are_refused(tmp_path: Path) -> None:
    twin = await keyed_twin(tmp_path, (with_email(crm()), with_email(users(range(45, 195)))))
    # What else tuples may be wrong in is tried at the unit.
    twice, none = (lambda body: at(body, 0, 1, body[-32:])), (lambda body: at(body, 4, 1, b"\xff" * 32))
    for stage, change, reason, place in (
        (AggregateStage.BLINDED, twice, "REPEATED_ELEMENT", "offset 149, match key 2"),
        (AggregateStage.EVALUATED, twice, "REPEATED_ELEMENT", "offset 149, match key 2"),
        (AggregateStage.SENDER_ELEMENTS, twice, "REPEATED_ELEMENT", "offset 149, match key 2"),
        (AggregateStage.SENDER_ELEMENTS, none, "NON_CANONICAL_ELEMENT", "offset 4, match key 2"),
    ):
        job = await run_altered(twin, stage, change)
        await assert_both_ended(twin, job, reason, f"{stage.name} {place}")
        assert job.failure
        assert f"stage {int(stage)} {stage.name}, chunk 0, {place}" in job.failure.message


# A chunk of each stage, its mark, the people, the opening record, who stood in the list, what is released.
MORE = pytest.mark.thorough
AT_RETAILER = ("cohort", "stage-1-done", "stage 2", "stage-2-done", "stage-3-done", "store")
AT_PLATFORM = ("cohort", "opening-full", "stage 1", "stage-2-done", "stage 3", "listed", "stage-3-done")
BOUNDARIES = [
    (RETAILER, ("stage 1", "stage 3")),
    (PLATFORM, ("stage 2", "stage-5-done")),
    pytest.param(RETAILER, AT_RETAILER, marks=MORE),
    pytest.param(PLATFORM, AT_PLATFORM, marks=MORE),
]


@pytest.mark.parametrize(("side", "names"), BOUNDARIES, ids=["retailer", "platform", "retailer-more", "platform-more"])
async def test_killed_at_boundaries_of_stages(
    tmp_path: Path, tables: tuple[pa.Table, pa.Table], side: str, names: tuple[str, ...]
) -> None:
    twin = await keyed_twin(tmp_path, tables)
    wanted = expected(twin, ())
    for name in names:
        fuse = Fuse(before=name)
        job = await run_with(twin, getattr(twin, side), fuse, Operation.OVERLAP, ())
        assert fuse.blown, f"the run has no step {name}"
        assert job is not None
        assert job.state is JobState.SUCCEEDED, (name, job.failure, job.refusal)
        assert_exact(await twin.result(job), wanted)
        assert_sent_once(twin, job)


def assert_sent_once(twin: Twin, job: Job) -> None:
    """What crossed the wire before the kill crossed again byte for byte."""
    for chunks in (twin.retailer.peer.pushed, twin.retailer.peer.pulled):
        seen: dict[tuple[int, int], bytes] = {}
        for chunk in chunks:
            if chunk.session_id == job.session_id:
                assert seen.setdefault((chunk.stage, chunk.seq), chunk.bytes) == chunk.bytes
