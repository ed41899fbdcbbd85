"""Records of nobody: always the same ones under one key, in order among the others, and matching nothing."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from gateway import kernel
from gateway.errors import HostileInput
from gateway.flow.members import somebody, stage_pieces
from gateway.flow.padding import BATCH_ROWS, PaddedWriter, check_padded, list_rows, padding_tags, with_padding
from gateway.psi.fields import Fields
from gateway.psi.suite import padded
from gateway.route.agreement import Caps, Operation, Padding
from gateway.route.job import AuthorizedJob, Side
from tests.unit.gateway.spool.folders import JOB, SESSION, spool

KEY = bytes(range(32))
FIELDS = Fields(tag=16, ref=26)


def job_of(padding: Padding = Padding.POWER_OF_TWO, operation: Operation = Operation.MATCH) -> AuthorizedJob:
    agreement = SimpleNamespace(padding=padding, caps=Caps(rows_receiver=100, rows_sender=300, runs_per_day=1))
    return cast(AuthorizedJob, SimpleNamespace(agreement=agreement, operation=operation))


@pytest.mark.parametrize(
    ("rows", "cap", "expected"),
    [(0, 9, 1), (1, 9, 1), (2, 9, 2), (3, 9, 4), (4, 9, 4), (5, 9, 8), (8, 9, 8), (9, 9, 9), (9, 20, 16), (21, 20, 21)],
)
def test_a_list_is_filled_up_to_a_power_of_two_or_the_cap(rows: int, cap: int, expected: int) -> None:
    assert padded(rows, cap) == expected


def test_each_side_has_its_own_cap_and_statistics_are_not_padded() -> None:
    assert [list_rows(job_of(), side, 70) for side in (Side.RECEIVER, Side.SENDER)] == [100, 128]
    assert list_rows(job_of(Padding.NONE), Side.RECEIVER, 70) == 70
    assert list_rows(job_of(operation=Operation.AGGREGATE), Side.RECEIVER, 70) == 70


@pytest.mark.parametrize("rows", [0, 3, 70, 99])
def test_a_list_of_another_length_is_refused(rows: int) -> None:
    with pytest.raises(HostileInput) as caught:
        check_padded(job_of(), Side.RECEIVER, rows)
    assert caught.value.reason == "BAD_SHAPE"
    check_padded(job_of(Padding.NONE), Side.RECEIVER, rows)


@pytest.mark.parametrize("rows", [1, 2, 64, 100])
def test_a_list_of_an_agreed_length_is_taken(rows: int) -> None:
    check_padded(job_of(), Side.RECEIVER, rows)


def test_tags_and_values_follow_from_the_key_alone() -> None:
    pieces = list(padding_tags(KEY, BATCH_ROWS + 2, 1))
    assert [piece.shape for piece in pieces] == [(BATCH_ROWS, 16), (2, 16)]
    tags = np.concatenate(pieces)
    assert len({tag.tobytes() for tag in tags}) == BATCH_ROWS + 2
    mac = hmac.digest(KEY, b"assent padding" + (BATCH_ROWS + 1).to_bytes(8, "big"), hashlib.sha256)
    assert tags[-1].tobytes() == mac[:16]
    inputs = with_padding(pa.array([b"one", b"two", b"three"], pa.large_binary()), np.array([1]), tags[-1:], KEY, 1)
    value = b"\x01" + hmac.digest(KEY, b"assent padding" + mac[:16], hashlib.sha256)
    name = b"assent.dummy"
    framed = len(name).to_bytes(2, "big") + name + len(value).to_bytes(2, "big") + value
    assert inputs.to_pylist() == [b"one", framed, b"three"]
    # The same input as any dummy's, so that it stands for a record that is nobody's.
    assert framed == kernel.oprf_inputs("assent.dummy", pa.array([value], pa.binary()))[0].as_py()


def test_without_padding_inputs_stay_as_they_are() -> None:
    inputs = pa.array([b"one"], pa.large_binary())
    assert with_padding(inputs, np.empty(0, np.int64), np.empty((0, 16), np.uint8), KEY, 1) is inputs


@pytest.mark.parametrize("real", [0, 1, 7])
def test_the_file_has_both_in_tag_order(tmp_path: Path, real: int) -> None:
    file: Any = spool(tmp_path).stage(JOB, SESSION, 100, FIELDS.width, sealed=True)
    tags = np.sort(np.concatenate(list(padding_tags(KEY, 5, 1))).view("S16").reshape(-1))
    writer = PaddedWriter(
        file, FIELDS, iter([tags[:2].view(np.uint8).reshape(-1, 16), tags[2:].view(np.uint8).reshape(-1, 16)])
    )
    people = np.random.default_rng(1).integers(1, 255, (real, 16), dtype=np.uint8)
    people = people[np.argsort(people.view("S16").reshape(-1))]
    for start in range(0, real, 3):
        part = people[start : start + 3]
        writer.add(FIELDS.join(len(part), tag=part, ref=np.full((len(part), 26), 65, np.uint8)))
    writer.finish()
    rows = np.concatenate(list(stage_pieces(file)))
    found = [row.tobytes() for row in FIELDS.of(rows, "tag")]
    assert found == sorted(found)
    assert len(found) == writer.rows == real + 5
    assert int(somebody(FIELDS.of(rows, "ref")).sum()) == real
