"""Laws of forecasts; how near they come to runs is measured by bench/plan.py."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from gateway.flow.preflight.calibrate import calibrate
from gateway.flow.preflight.forecast import FIXED_S, Forecast, Size, forecast
from gateway.flow.preflight.plan import _records
from gateway.flow.preflight.sample import Sample, _Behind, _different
from gateway.psi.stages import Grouped
from gateway.route.agreement import Operation
from gateway.route.subject_ref import REF_BYTES

MILLION = 1_000_000
SIZE = Size(Operation.MATCH, MILLION, MILLION, MILLION, 0, 1, None, 0, False, 512 << 20, True)


@pytest.fixture(scope="module")
def machine() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.flow.preflight.calibrate.STEP_S", 0.0)
        measured = calibrate(2)
    assert min(measured.blind, measured.evaluate, measured.unblind, measured.outputs, measured.slowness) > 0
    # The reference machine alone, so that what is said of a million rows can be compared with what was measured.
    rates = {"blind": 1 / 135e3, "evaluate": 1 / 155e3, "unblind": 1 / 150e3, "outputs": 1 / 130e3}
    return replace(measured, **rates, slowness=1.0, crowding=1.0)


def told(machine: Any, cores: int = 2, **changes: Any) -> Forecast:
    return forecast(machine, replace(SIZE, **changes), 0.7e-6, 0.7e-6, cores)


def test_a_million_rows_are_foretold_as_they_were_measured(machine: Any) -> None:
    match = told(machine)
    # On a machine with other work beside: 27.6 s, 50.3 CPU s, 74.2 MB; 565 MB on another, and 876 MB of ten millions.
    assert 50.3 / 1.4 < match.cpu_s + match.partner_cpu_s < 50.3
    assert 27.6 / 1.4 < match.wall_s < 27.6
    assert match.wire_bytes == pytest.approx(74.2e6, rel=0.002)
    assert match.table_bytes == 10 * MILLION
    assert match.memory_bytes == pytest.approx(565e6, rel=0.1)
    ten = told(machine, own=10 * MILLION, own_rows=10 * MILLION, partner=10 * MILLION)
    assert ten.memory_bytes == pytest.approx(876e6, rel=0.2)
    assert sum(cpu_s for _, cpu_s in match.shares) == pytest.approx(match.cpu_s + match.partner_cpu_s)
    enrich = told(machine, operation=Operation.ENRICH, plain_bytes=35)
    assert 1.1 < (enrich.cpu_s + enrich.partner_cpu_s) / (match.cpu_s + match.partner_cpu_s) < 1.3
    assert enrich.table_bytes == (10 + 8 + 35 + 16) * MILLION


def test_a_table_takes_by_its_bytes_and_less_where_rows_stay_in_the_caches(machine: Any) -> None:
    def added(rows: int, plain_bytes: int) -> float:
        size = {"own": rows, "own_rows": rows, "partner": rows}
        found = [told(machine, **size, operation=Operation.ENRICH, plain_bytes=width) for width in (0, plain_bytes)]
        return (found[1].cpu_s + found[1].partner_cpu_s - found[0].cpu_s - found[0].partner_cpu_s) / rows

    million = added(MILLION, 35)
    assert added(10 * MILLION, 35) == pytest.approx(million)
    assert added(MILLION // 10, 35) == pytest.approx(million / 3)
    # A kilobyte costs about as much again as the row itself.
    assert 1.5 < added(MILLION, 1035) / million < 2.5


def test_more_of_anything_takes_no_less(machine: Any) -> None:
    match = told(machine)
    for change in (
        {"own": 2 * MILLION, "own_rows": 2 * MILLION},
        {"partner": 2 * MILLION},
        {"plain_bytes": 40},
        {"memory": 1 << 24},
        {"uses": 3},
    ):
        assert told(machine, **change).wall_s > match.wall_s, change
    assert told(machine, shared_machine=False).wall_s < match.wall_s
    assert told(machine, cores=4).wall_s < match.wall_s
    assert told(replace(machine, crowding=2.0)).wall_s > match.wall_s


def test_a_small_run_takes_the_fixed_seconds(machine: Any) -> None:
    for rows in (0, 1, 1000):
        found = told(machine, own=rows, own_rows=rows, partner=rows)
        assert FIXED_S <= found.wall_s < FIXED_S + 0.1


def test_encryption_is_the_senders_and_grows_with_its_rows(machine: Any) -> None:
    grouped = Grouped(14, "LAPLACE", "LAPLACE", True, False, "paillier", "", 2, 1, 768, 1000)
    size: dict[str, Any] = {"operation": Operation.AGGREGATE, "grouped": grouped, "segments": 3}
    small = told(machine, own=1000, own_rows=1000, partner=3300, **size)
    assert small.partner_cpu_s > small.cpu_s
    assert dict(small.shares)["encryption"] == pytest.approx(1.0, rel=0.6)
    rows = 3300 + 2 * 14 * 3
    assert small.table_bytes == rows * 32 + (rows + 2) * 768
    overlap = replace(grouped, scheme="", layout="", lanes=0, ciphertexts=0, ciphertext_bytes=0, key_bytes=0)
    without = told(machine, own=1000, own_rows=1000, partner=3300, **{**size, "grouped": overlap})
    assert dict(without.shares)["encryption"] == 0
    assert without.table_bytes == rows * 32


def test_statistics_over_two_keys_send_and_multiply_two_elements_a_record(machine: Any) -> None:
    overlap = Grouped(0, "NONE", "NONE", True, False)
    one, two = (told(machine, operation=Operation.OVERLAP, grouped=overlap, segments=2, keys=keys) for keys in (1, 2))
    # Stages 1 to 3: R's records twice, S's once.
    assert two.wire_bytes - one.wire_bytes == pytest.approx(3 * 32 * MILLION, rel=0.01)
    assert two.table_bytes == 2 * one.table_bytes == 64 * MILLION
    assert two.spool_bytes - one.spool_bytes == 3 * 32 * MILLION
    curve = [dict(each.shares)["curve"] for each in (one, two)]
    assert curve[1] == pytest.approx(2 * curve[0])


def test_a_record_of_statistics_has_all_keys_of_its_customer() -> None:
    sample = Sample(
        1000, "counted", 1000, 0.9, 0.8, (0.9, 1.0), 0.5, {}, 10, (), (), (0.6, 0.7), (1.0, 1.0), 1.0, 0.0, 0.0
    )
    for operation, keys, records in (
        (Operation.MATCH, 2, 270 + 350),
        (Operation.OVERLAP, 2, 360),
        (Operation.MATCH, 1, 270),
        (Operation.OVERLAP, 1, 270),
    ):
        job, asked = SimpleNamespace(operation=operation), SimpleNamespace(keys=[None] * keys)
        of_keys = replace(sample, usable_keys=(0.6, 0.7)[:keys], different_keys=(0.9, 1.0)[:keys])
        assert _records(cast(Any, job), cast(Any, asked), of_keys) == records


def test_people_known_by_a_few_of_their_ids_are_counted_once() -> None:
    everybody = np.frombuffer(b"".join(f"2subject{number:018}".encode() for number in range(100)), np.uint8)
    everybody = everybody.reshape(-1, REF_BYTES)
    core, again = _Behind(everybody[:60]), _Behind(everybody[:10])
    # One row in 30 was looked up: two of people of the core, and one of somebody else.
    cards = _Behind(everybody[[4, 5, 70]], every=30.0)
    assert [_different(found) for found in ([core], [cards, core], [again, core], [cards], [])] == [60, 90, 60, 90, 0]
