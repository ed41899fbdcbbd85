"""Counts and shared sums on the wire, and released cells at rest."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gateway.errors import HostileInput, StateError
from gateway.flow.figures import load_cells, read_counts, read_shared, seal_cells, write_counts, write_shared
from gateway.flow.ports import House
from gateway.psi.stages import COUNT_BYTES, SUM_BYTES
from tests.unit.gateway.disclosure.runs import people_of, released, terms_of
from tests.unit.gateway.spool.folders import JOB, spool


def refused(call, *args: object) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(HostileInput) as caught:
        call(*args)
    assert caught.value.reason == "BAD_SHAPE"


def test_counts_are_a_flag_and_a_signed_big_endian_number_each() -> None:
    encoded = write_counts([258, -3], [False, True])
    assert encoded == b"\0" + bytes(6) + b"\x01\x02" + b"\x01" + b"\xff" * 7 + b"\xfd"
    assert read_counts(encoded, 2) == ([258, -3], [False, True])
    # Padding to whole records is zeros.
    assert read_counts(encoded + bytes(100), 2) == ([258, -3], [False, True])


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        bytes(8),
        b"\x02" + bytes(8),
        b"\xff" + bytes(8),
        bytes(9) + b"\x01",
        bytes(17) + b"\x01",
        b"\0" + (2**40 + 1).to_bytes(8, "big"),
        b"\0" + (-(2**40) - 1).to_bytes(8, "big", signed=True),
        b"\0" + b"\x7f" + b"\xff" * 7,
        b"\0" + b"\x80" + bytes(7),
    ],
)
def test_what_is_no_count_is_refused(encoded: bytes) -> None:
    refused(read_counts, encoded, 1)


def test_a_missing_second_count_is_refused() -> None:
    refused(read_counts, write_counts([1], [False]), 2)


def test_shared_sums_come_back_with_their_sign_and_a_withheld_segment_as_nothing() -> None:
    sums = [(5, -(2**100), 2**127 - 1), None, (0, 0, 0)]
    encoded = write_shared([40, 41, -2], sums, 3)
    width = COUNT_BYTES + 3 * SUM_BYTES
    assert len(encoded) == 3 * width
    records = [encoded[start : start + width] for start in range(0, len(encoded), width)]
    assert [read_shared(record, 3) for record in records] == [(40, sums[0]), (0, None), (-2, (0, 0, 0))]
    # Nothing of a withheld segment leaves, its count neither.
    assert records[1] == b"\x01" + bytes(width - 1)


def test_a_withheld_segment_with_figures_is_refused() -> None:
    good = write_shared([0], [None], 2)
    for place in (COUNT_BYTES - 1, COUNT_BYTES, len(good) - 1):
        refused(read_shared, good[:place] + b"\x07" + good[place + 1 :], 2)
    refused(read_shared, b"\x02" + good[1:], 2)


def test_released_cells_come_back_whole_with_the_facts_about_them(tmp_path: Path) -> None:
    release = released(people_of(5, {"east": 200, "tiny": 5}), terms_of())
    house = cast(House, SimpleNamespace(spool=spool(tmp_path)))
    assert load_cells(house, JOB) is None
    seal_cells(house, JOB, release)
    # Another process of the same home reads what this one sealed.
    found = load_cells(cast(House, SimpleNamespace(spool=spool(tmp_path))), JOB)
    assert found is not None
    cells, facts = found
    assert cells.equals(release.table)
    assert cells.schema.metadata is None, "the facts do not travel on into a result"
    assert facts == release.report
    assert facts["suppressed_segments"] == {"BELOW_MINIMUM": 1}
    # A second sealing replaces the first; nothing of either stands in clear on the disk.
    seal_cells(house, JOB, release)
    on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert on_disk
    assert b"east" not in on_disk
    assert b"suppressed" not in on_disk


def test_sealed_cells_that_were_damaged_are_not_released(tmp_path: Path) -> None:
    house = cast(House, SimpleNamespace(spool=spool(tmp_path)))
    seal_cells(house, JOB, released(people_of(5, {"east": 200}), terms_of()))
    [path] = [path for path in (tmp_path / JOB).iterdir() if path.is_file()]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StateError) as caught:
        load_cells(house, JOB)
    assert caught.value.reason == "NOT_FOUND"
