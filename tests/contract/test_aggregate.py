"""AGGREGATE and OVERLAP between two whole gateways: exact against pandas, private by what crosses the wire."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gateway.flow.provision import OutputClass, list_provisions
from gateway.he.encoding import decode
from gateway.he.paillier import PrivateKey, to_phe
from gateway.psi.record import Opening
from gateway.psi.stages import COUNT_BYTES
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from gateway.route.provision import ProvisionFilter
from gateway.route.session import AggregateStage, SessionState
from tests.contract.aggregates import (
    ARMS,
    BOUNDS,
    COLUMNS,
    LISTED,
    NOISY,
    Sealed,
    T,
    assert_exact,
    audit_of,
    before,
    cells_of,
    closed,
    crm,
    elements,
    grouped_of,
    job_of,
    moved,
    run_record,
    session_of,
    sizes_of,
    statistics_twin,
    steps_of,
    told_counts,
    truth,
    users,
    wire,
)
from tests.results import read_result
from tests.twin import EVERYBODY, EXACT, PLATFORM, RETAILER, Twin

__all__ = ["closed"]

NUMBERS = ("1", "2")
READERS = [(RETAILER,), (PLATFORM,), (RETAILER, PLATFORM)]


async def result_at(twin: Twin, party: str, session_id: str) -> pa.Table | None:
    side = twin.retailer if party == RETAILER else twin.platform
    return await read_result(side.house.results, (await job_of(side, session_id)).job_id)


@pytest.mark.parametrize("result_to", READERS, ids="+".join)
async def test_exact_statistics_are_those_of_pandas_for_who_learns_them(tmp_path: Path, result_to: tuple[str]) -> None:
    twin = await statistics_twin(tmp_path, result_to=result_to)
    for operation, columns in ((Operation.AGGREGATE, COLUMNS), (Operation.OVERLAP, ())):
        job = await twin.run(operation, columns)
        assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
        theirs = await job_of(twin.platform, job.session_id)
        assert theirs.state is JobState.SUCCEEDED, (theirs.failure, theirs.refusal)
        for party, names in ((RETAILER, ARMS), (PLATFORM, NUMBERS)):
            table = await result_at(twin, party, job.session_id)
            if party in result_to:
                assert table is not None
                # Names of segments stay with R: S knows numbers.
                assert_exact(table, truth(twin, columns, names=names))
            else:
                assert table is None
        for one, party in ((job, RETAILER), (theirs, PLATFORM)):
            assert bool(one.report.get("released")) == (party in result_to)
        record = await run_record(twin, job)
        assert record["disclosure"] == {
            "form": "statistics",
            "released_to": list(result_to),
            "dummies": "NONE",
            "noise": "NONE",
        }
        assert_stages_are_those_of_the_opening_record(twin, await sizes_of(twin.platform, job.session_id))
        for side, half in ((twin.retailer, record["receiver"]), (twin.platform, record["sender"])):
            logged = await list_provisions(side.house, EVERYBODY, ProvisionFilter())
            (one,) = (entry for entry in logged if entry.session_id == job.session_id)
            assert one.methods == ("psi_hash", "he_aggregate")
            assert (one.output_class, one.released_to) == (OutputClass.STATISTICS, result_to)
            assert one.subject_count == one.record_count == half["tokenised"] > 0
            assert one.minimum_cohort == json.loads(await document(twin))["aggregate"]["minimum_cohort"]


async def document(twin: Twin) -> bytes:
    async with twin.platform.house.store.read() as tx:
        return (await tx.agreements.get(twin.agreement_id)).agreement.document


def assert_stages_are_those_of_the_opening_record(twin: Twin, sizes: Opening) -> None:
    session = sizes.receiver.session_id
    seen = {chunk.stage for chunk in moved(twin) if chunk.session_id == session} - {AggregateStage.OPENING}
    announced = {int(size.stage) for size in sizes.stages}
    assert {int(stage) for stage in seen} | {AggregateStage.LATE_DROPS} == announced
    for size in sizes.stages:
        if not size.open_ended:
            chunks = {chunk.seq: len(chunk.bytes) for chunk in moved(twin)
                      if (chunk.session_id, chunk.stage) == (session, size.stage)}  # fmt: skip
            assert sum(chunks.values()) == size.rows * size.record_size, size.stage


async def test_a_request_of_some_columns_computes_those_in_its_own_order(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path)
    job = await twin.run(Operation.AGGREGATE, ("balance", "channel"))
    table = await twin.result(job)
    assert_exact(table, truth(twin, ("balance", "channel")))
    assert [one for one in dict.fromkeys(table.column("column").to_pylist()) if one] == ["balance", "channel"]
    record = await run_record(twin, job)
    for name, side in (("receiver", twin.retailer), ("sender", twin.platform)):
        kinds = [kind for kind, payload in await audit_of(side) if payload.get("session") == job.session_id]
        # Both destroy their keys before they sign the run.
        assert kinds.index("key_destroyed") < kinds.index("run_record")
        assert record[name]["keys_destroyed_at"] >= record[name]["cut_at"]


async def test_who_lacks_a_value_that_must_be_there_is_left_out(tmp_path: Path) -> None:
    measures: list[dict[str, object]] = [
        {"column": name, "epsilon": ["sum"]} for name in ("spend", "visited", "balance")
    ]
    measures.append({"column": "channel", "values": ["web"], "epsilon": ["share"]})
    twin = await statistics_twin(tmp_path, terms=EXACT | {"measures": measures})
    job = await twin.run(Operation.AGGREGATE, ("spend",))
    table = twin.platform.datasets.tables["users"]
    without = set(table.filter(table.column("spend").is_null()).column("id").to_pylist())
    expected = truth(twin, ("spend",), without)
    cells = cells_of(await twin.result(job))
    assert {key: Fraction(cells[key]["value"]) for key in cells if key[3] in ("count", "sum")} == {
        key: value for key, value in expected.items() if key[3] in ("count", "sum")
    }
    theirs = await job_of(twin.platform, job.session_id)
    assert theirs.report["left_out"] == {"MISSING_VALUE": len(without)}


async def test_a_sender_with_nobody_releases_nothing_and_ends_well(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, tables=(crm(), users().slice(0, 0)))
    for operation, columns in ((Operation.AGGREGATE, COLUMNS), (Operation.OVERLAP, ())):
        job = await twin.run(operation, columns)
        assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
        cells = cells_of(await twin.result(job)).values()
        assert {cell["suppressed"] for cell in cells} == {"BELOW_MINIMUM"}
        assert {cell["value"] for cell in cells} == {None}


async def noisy_run(tmp_path: Path, result_to: tuple[str, ...] = (RETAILER,)):  # type: ignore[no-untyped-def]
    twin = await statistics_twin(tmp_path, terms=NOISY, result_to=result_to)
    sealed = Sealed(twin)
    before(twin, sealed.watch())
    job = await twin.run(Operation.AGGREGATE, COLUMNS)
    assert job.state is JobState.SUCCEEDED, (job.failure, job.refusal)
    return twin, sealed, job


ARM_COUNT = len(ARMS)


def exact_sums(twin: Twin, lanes) -> list[list[int]]:  # type: ignore[no-untyped-def]
    """Return what each lane sums to per arm, in the lane's integers."""
    expected, sums = truth(twin), []
    for arm in ARMS:
        row = []
        for lane in lanes:
            statistic = "count" if lane.value is not None else str(lane.statistic)
            row.append(int(expected[arm, lane.column, lane.value, statistic] * 10**lane.scale))
        sums.append(row)
    return sums


async def layout_at(twin: Twin, job, sizes: Opening):  # type: ignore[no-untyped-def]
    """Compute the packing anew from agreement and sizes."""
    from gateway.he.layout import layout

    async with twin.retailer.house.store.read() as tx:
        agreement = (await tx.agreements.get(twin.agreement_id)).agreement
    assert agreement.aggregate is not None
    by_name = {column.name: column for column in agreement.columns}
    listed = sum(sizes.sender.rows) + 2 * grouped_of(sizes).t * len(sizes.receiver.rows)
    return layout(agreement.aggregate, tuple(by_name[name] for name in job.request.columns), listed)


async def test_noise_is_where_the_protocol_puts_it_and_nowhere_else(tmp_path: Path) -> None:
    twin, sealed, job = await noisy_run(tmp_path)
    sizes = await sizes_of(twin.platform, job.session_id)
    assert_stages_are_those_of_the_opening_record(twin, sizes)
    # R's lists hold 2t dummies each, S's list 2t rows per segment, whatever tau is.
    assert grouped_of(sizes).t == T
    assert len(wire(twin, job, AggregateStage.BLINDED)) == 32 * (150 + 2 * T * ARM_COUNT)
    listed = elements(wire(twin, job, AggregateStage.SENDER_ELEMENTS))
    assert len(listed) == LISTED + 2 * T * ARM_COUNT
    assert listed == sorted(set(listed))

    people = [int(truth(twin)[arm, None, None, "count"]) for arm in ARMS]
    tau, eta = sealed.sender.tau, sealed.receiver.eta
    assert len(tau) == len(eta) == ARM_COUNT
    assert all(0 <= one <= 2 * T for one in tau)
    told = told_counts(wire(twin, job, AggregateStage.MASKED), ARM_COUNT)
    assert told == [one + hidden + noise for one, hidden, noise in zip(people, tau, eta, strict=True)]
    cells = cells_of(await twin.result(job))
    released = [int(cells[arm, None, None, "count"]["value"]) for arm in ARMS]
    assert released == [one + hidden - T for one, hidden in zip(people, tau, strict=True)]
    assert all(abs(one - more) <= T for one, more in zip(people, released, strict=True))

    layout = await layout_at(twin, job, sizes)
    exact = exact_sums(twin, layout.lanes)
    noise = np.array(sealed.sender.noise, dtype=object).reshape(ARM_COUNT, -1)
    # Every lane of every segment has a draw of its own; one that happens to be 0 is rare beyond the coarse lanes.
    assert noise.shape == (ARM_COUNT, len(layout.lanes))
    assert len({one for one in noise.reshape(-1).tolist() if abs(one) > 100}) >= 6
    for row, arm in enumerate(ARMS):
        for column, lane in enumerate(layout.lanes):
            statistic = "count" if lane.value is not None else str(lane.statistic)
            shown = Fraction(cells[arm, lane.column, lane.value, statistic]["value"])
            raw = Fraction(exact[row][column] + int(noise[row, column]), 10**lane.scale)
            # The agreement rounds sums to hundredths, and here nothing is finer but squares.
            assert shown == raw, (arm, lane)
    assert all(cells[key]["noise_sd"] > 0 for key in cells if key[3] in ("count", "sum", "present"))
    assert job.report["not_for_partner"] is True
    assert sealed.receiver.noise == ()
    await assert_nothing_secret_is_left(twin, sealed, job)


async def test_both_receive_the_count_that_the_sender_saw_and_sums_noised_by_both(tmp_path: Path) -> None:
    twin, sealed, job = await noisy_run(tmp_path, (RETAILER, PLATFORM))
    sizes = await sizes_of(twin.platform, job.session_id)
    layout = await layout_at(twin, job, sizes)
    told = told_counts(wire(twin, job, AggregateStage.MASKED), ARM_COUNT)
    ours = cells_of(await twin.result(job))
    table = await result_at(twin, PLATFORM, job.session_id)
    assert table is not None
    theirs = cells_of(table)
    assert [int(theirs[name, None, None, "count"]["value"]) for name in NUMBERS] == [one - T for one in told]
    # S gets R's noise on top of its own, so it cannot take its own off and see exact sums.
    again = np.array(sealed.receiver.noise, dtype=object).reshape(ARM_COUNT, -1)
    assert again.shape == (ARM_COUNT, len(layout.lanes))
    for row, (arm, name) in enumerate(zip(ARMS, NUMBERS, strict=True)):
        for column, lane in enumerate(layout.lanes):
            statistic = "count" if lane.value is not None else str(lane.statistic)
            mine, other = (
                ours[arm, lane.column, lane.value, statistic],
                theirs[name, lane.column, lane.value, statistic],
            )
            added = Fraction(other["value"]) - Fraction(mine["value"])
            assert added == Fraction(int(again[row, column]), 10**lane.scale)
            assert other["noise_sd"] == pytest.approx(mine["noise_sd"] * 2**0.5, rel=1e-6)
    assert await steps_of(twin.retailer, job.job_id) == ["receiver", "values"]
    assert await steps_of(twin.platform, (await job_of(twin.platform, job.session_id)).job_id) == ["count", "values"]
    await assert_nothing_secret_is_left(twin, sealed, job)


async def test_who_holds_the_values_receives_what_the_other_side_noised(tmp_path: Path) -> None:
    twin, sealed, job = await noisy_run(tmp_path, (PLATFORM,))
    sizes = await sizes_of(twin.platform, job.session_id)
    layout = await layout_at(twin, job, sizes)
    told = told_counts(wire(twin, job, AggregateStage.MASKED), ARM_COUNT)
    table = await result_at(twin, PLATFORM, job.session_id)
    assert table is not None
    cells = cells_of(table)
    assert [int(cells[name, None, None, "count"]["value"]) for name in NUMBERS] == [one - T for one in told]
    exact = exact_sums(twin, layout.lanes)
    noise = np.array(sealed.receiver.noise, dtype=object).reshape(ARM_COUNT, -1)
    for row, name in enumerate(NUMBERS):
        for column, lane in enumerate(layout.lanes):
            statistic = "count" if lane.value is not None else str(lane.statistic)
            shown = Fraction(cells[name, lane.column, lane.value, statistic]["value"])
            assert shown == Fraction(exact[row][column] + int(noise[row, column]), 10**lane.scale)
    assert sealed.sender.noise == ()
    assert sealed.receiver.masks == ()
    # No stage goes back, and R keeps nothing.
    assert not wire(twin, job, AggregateStage.RESULTS)
    assert not await twin.retailer.house.results.exists(job.job_id)
    assert await steps_of(twin.retailer, job.job_id) == ["receiver", "values"]
    assert await steps_of(twin.platform, (await job_of(twin.platform, job.session_id)).job_id) == ["count"]
    await assert_nothing_secret_is_left(twin, sealed, job)


async def test_two_runs_share_no_byte_of_any_list_and_no_noise(tmp_path: Path) -> None:
    twin, _, first = await noisy_run(tmp_path)
    second = await twin.run(Operation.AGGREGATE, COLUMNS)
    for stage in (AggregateStage.BLINDED, AggregateStage.EVALUATED, AggregateStage.SENDER_ELEMENTS):
        seen = [set(elements(wire(twin, job, stage))) for job in (first, second)]
        assert len(seen[0]) == len(seen[1])
        assert not seen[0] & seen[1], stage
    for stage in (AggregateStage.CIPHERTEXTS, AggregateStage.MASKED, AggregateStage.RESULTS):
        sent = [wire(twin, job, stage) for job in (first, second)]
        assert len(sent[0]) == len(sent[1])
        assert sent[0] != sent[1], stage
    modulus = [wire(twin, job, AggregateStage.CIPHERTEXTS)[:256] for job in (first, second)]
    assert modulus[0] != modulus[1]
    results = [cells_of(await twin.result(job)) for job in (first, second)]
    sums = [[cells[arm, "spend", None, "sum_of_squares"]["value"] for arm in ARMS] for cells in results]
    assert not set(sums[0]) & set(sums[1])
    assert (
        hashlib.sha256(wire(twin, first, AggregateStage.BLINDED)).digest()
        != hashlib.sha256(wire(twin, second, AggregateStage.BLINDED)).digest()
    )


async def test_phe_decrypts_the_ciphertexts_to_the_senders_columns_and_the_receiver_never_holds_a_value(
    tmp_path: Path,
) -> None:
    twin = await statistics_twin(tmp_path)
    sealed, held = Sealed(twin), []

    async def look(session_id: str) -> None:
        """At its fullest: all of S's stages lie in R's spool, the results are about to come."""
        job = await job_of(twin.retailer, session_id)
        files = [path.read_bytes() for path in twin.retailer.home.rglob("*") if path.is_file()]
        opened = [
            twin.retailer.house.spool.read_sealed(job.job_id, path.name.removesuffix(".sealed")) or b""
            for path in (twin.retailer.home / "spool" / job.job_id).iterdir()
        ]
        held.extend([b"".join(files), b"".join(opened)])

    hooks = sealed.watch()
    hooks[int(AggregateStage.RESULTS)] = look
    before(twin, hooks)
    job = await twin.run(Operation.AGGREGATE, COLUMNS)
    assert job.state is JobState.SUCCEEDED, job.failure

    sizes = await sizes_of(twin.platform, job.session_id)
    grouped, layout = grouped_of(sizes), await layout_at(twin, job, sizes)
    content = wire(twin, job, AggregateStage.CIPHERTEXTS)
    body = content[grouped.key_rows * grouped.row_bytes :]
    assert len(body) == LISTED * grouped.row_bytes
    private = to_phe(PrivateKey.from_secret_bytes(sealed.sender.he_key))
    assert content[:256] == private.public_key.n.to_bytes(256, "big")
    width = grouped.ciphertext_bytes
    plain = b"".join(
        private.raw_decrypt(int.from_bytes(body[start : start + width], "big")).to_bytes(width // 2, "big")
        for start in range(0, len(body), width)
    )
    block = np.frombuffer(plain, dtype=np.uint8).reshape(LISTED, grouped.ciphertexts, width // 2)
    rows = sorted(decode(block, private.public_key.n, layout))
    assert rows == sorted(packed_rows(twin, layout.lanes))
    # Every ciphertext has a randomiser of its own, also where plaintexts are alike.
    assert len({body[start : start + width] for start in range(0, len(body), width)}) == LISTED * grouped.ciphertexts

    values = [value for name in ("spend", "balance") for value in column_values(twin, name)]
    texts = {str(value).encode() for value in values if value is not None and len(str(value)) >= 6}
    # As a packed plaintext would hold it: a square of five bytes and more stands nowhere by chance.
    large = (value for value in column_values(twin, "spend") if value is not None and 700 < value <= 1000)
    words = {(int(value * 100) ** 2).to_bytes(5, order) for value in large for order in ("big", "little")}
    assert len(words) > 20
    assert len(texts) > 50
    everything = b"".join(held)
    assert everything
    assert not [value for value in texts | words if value in everything]
    assert b"phone" not in held[1]


def column_values(twin: Twin, name: str) -> list[Decimal | None]:
    values: list[Decimal | None] = twin.platform.datasets.tables["users"].column(name).to_pylist()
    return values


def packed_rows(twin: Twin, lanes) -> list[tuple[int, ...]]:  # type: ignore[no-untyped-def]
    """Return what a row of each user must hold in every lane, offset and all."""
    rows = []
    for person in twin.platform.datasets.tables["users"].to_pylist():
        row = []
        for lane in lanes:
            value = person[lane.column]
            if lane.value is not None:
                row.append(int(value == lane.value))
            elif str(lane.statistic) == "present":
                row.append(int(value is not None))
            else:
                low, high = BOUNDS.get(lane.column, (Decimal(0), Decimal(1)))
                scale = lane.scale // (2 if str(lane.statistic) == "sum_of_squares" else 1)
                scaled = 0 if value is None else int(min(max(value, low), high) * 10**scale)
                row.append(scaled**2 if str(lane.statistic) == "sum_of_squares" else scaled + lane.offset)
        rows.append(tuple(row))
    return rows


async def assert_nothing_secret_is_left(twin: Twin, sealed: Sealed, job: Job) -> None:
    """Secrets were there and died with the run; what is on record counts nobody who was found."""
    assert all((sealed.sender.tau, sealed.receiver.eta, sealed.sender.he_key, sealed.sender.scalar))
    for side in (twin.retailer, twin.platform):
        session = await session_of(side, job.session_id)
        assert session.state is SessionState.CLOSED
        own = await side.job(session.job_id)
        assert own.state is JobState.SUCCEEDED
        # The whole folder of the run is gone, and with it state, masks, key, figures.
        assert not list((side.home / "spool").glob("*/*"))
        payloads = [payload for kind, payload in await audit_of(side) if kind not in ("run_record", "run_signature")]
        records = [own.report, *payloads, await run_record(twin, job)]
        # Whatever counts is one of these; a count of people found has no place on any record.
        assert {name for record in records for name in counting(record)} <= COUNTED
        assert sealed.sender.he_key[:40].hex() not in json.dumps(records)


COUNTED = {
    *("rows_read", "folded", "count", "consented", "records", "segments", "clipped", "partner_rows", "tokenised"),
    *("replaced", "late_drops", "withdrawn_since_cut", "withheld", "cells", "epsilon", "delta", "sent", "released"),
    *("v", "version", "gate_cpu_ms"),
}


def counting(value: object, name: str = "") -> set[str]:
    """Names of everything in a JSON value that is an integer, also of one that stands in text."""
    if isinstance(value, dict):
        return {one for key, item in value.items() for one in counting(item, key)}
    if isinstance(value, list):
        return {one for item in value for one in counting(item, name)}
    if isinstance(value, bool):
        return set()
    return {name} if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()) else set()


async def test_a_count_row_is_nine_bytes_in_overlap_and_comes_only_where_the_sender_learns(tmp_path: Path) -> None:
    twin = await statistics_twin(tmp_path, terms=NOISY, result_to=(RETAILER, PLATFORM))
    job = await twin.run(Operation.OVERLAP)
    assert len(wire(twin, job, AggregateStage.MASKED)) == COUNT_BYTES * ARM_COUNT
    told = told_counts(wire(twin, job, AggregateStage.MASKED), ARM_COUNT)
    table = await result_at(twin, PLATFORM, job.session_id)
    assert table is not None
    theirs = cells_of(table)
    assert [int(theirs[name, None, None, "count"]["value"]) for name in NUMBERS] == [one - T for one in told]
    ours = cells_of(await twin.result(job))
    people = [int(truth(twin, ())[arm, None, None, "count"]) for arm in ARMS]
    for arm, person in zip(ARMS, people, strict=True):
        assert abs(int(ours[arm, None, None, "count"]["value"]) - person) <= T
    assert not {AggregateStage.CIPHERTEXTS, AggregateStage.RESULTS} & {
        chunk.stage for chunk in moved(twin) if chunk.session_id == job.session_id
    }
