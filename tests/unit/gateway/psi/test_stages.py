"""Sizes of every stage follow from the opening record."""

from __future__ import annotations

import json
from itertools import product

import pytest

from gateway.errors import StateError
from gateway.psi.record import opening_of_record
from gateway.psi.stages import (
    COUNT_BYTES,
    FLAG_BYTES,
    POSITION_BYTES,
    SUM_BYTES,
    Grouped,
    find,
    grouped_stages,
    row_stages,
)
from gateway.route.session import AggregateStage, Stage, StageSize

ROWS, SENDER, T = (80, 90, 70), 200, 14
A = AggregateStage


def grouped(to_receiver: bool = True, to_sender: bool = False, t: int = T, ciphertexts: int = 2) -> Grouped:
    values = {"scheme": "paillier-3072-exact", "layout": "ab" * 32, "lanes": 5, "ciphertexts": ciphertexts,
              "ciphertext_bytes": 768, "key_bytes": 9 * 384}  # fmt: skip
    return Grouped(t, "LAPLACE", "LAPLACE", to_receiver, to_sender, **(values if ciphertexts else {}))  # type: ignore[arg-type]


def sizes(made: Grouped) -> dict[AggregateStage, StageSize]:
    stages = grouped_stages(ROWS, SENDER, made)
    assert [int(size.stage) for size in stages] == sorted({int(size.stage) for size in stages})
    return {size.stage: size for size in stages}  # type: ignore[misc]


def test_lists_hold_their_dummies_and_the_senders_2t_rows_per_segment() -> None:
    for made in (grouped(), grouped(ciphertexts=0), grouped(False, True)):
        found = sizes(made)
        for stage, from_receiver in ((A.BLINDED, True), (A.EVALUATED, False)):
            assert (found[stage].rows, found[stage].record_size) == (240 + 2 * T * 3, 32)
            assert found[stage].from_receiver is from_receiver
        assert (found[A.SENDER_ELEMENTS].rows, found[A.SENDER_ELEMENTS].record_size) == (SENDER + 2 * T * 3, 32)
        drops = found[A.LATE_DROPS]
        assert (drops.rows, drops.record_size, drops.open_ended) == (SENDER, POSITION_BYTES, True)
    assert grouped(t=0).elements(ROWS) == ROWS
    assert grouped().elements(ROWS) == (108, 118, 98)


def test_ciphertexts_begin_with_the_key_and_have_a_row_for_every_element() -> None:
    made = grouped()
    assert made.row_bytes == 1536
    # 3456 bytes of key and proof take three records of 1536.
    assert made.key_rows == 3
    assert sizes(made)[A.CIPHERTEXTS].rows == 3 + SENDER + 2 * T * 3
    # 27 bytes of counts take one record, then one answer per segment, of the same size as a row.
    assert made.count_rows(3) == 1
    assert made.count_rows(200) == 2
    assert (sizes(made)[A.MASKED].rows, sizes(made)[A.MASKED].record_size) == (1 + 3, 1536)


@pytest.mark.parametrize(("to_receiver", "to_sender"), [one for one in product([True, False], repeat=2) if any(one)])
def test_who_learns_decides_which_stages_there_are(to_receiver: bool, to_sender: bool) -> None:
    found = sizes(grouped(to_receiver, to_sender))
    assert A.MASKED in found
    assert (A.RESULTS in found) == to_receiver
    assert (A.SHARED_RELEASE in found) == (to_receiver and to_sender)
    if to_receiver:
        results = found[A.RESULTS]
        assert (results.rows, results.record_size) == (3, FLAG_BYTES + 768)
        assert not results.from_receiver
    if to_receiver and to_sender:
        shared = found[A.SHARED_RELEASE]
        assert (shared.rows, shared.record_size) == (3, COUNT_BYTES + 5 * SUM_BYTES)
        assert shared.from_receiver
    overlap = sizes(grouped(to_receiver, to_sender, ciphertexts=0))
    assert not {A.CIPHERTEXTS, A.RESULTS, A.SHARED_RELEASE} & set(overlap)
    # Without sums the counts are the answer: only where S learns them.
    assert (A.MASKED in overlap) == to_sender
    if to_sender:
        assert (overlap[A.MASKED].rows, overlap[A.MASKED].record_size) == (3, COUNT_BYTES)


def test_only_what_is_computed_row_by_row_is_served_before_it_is_whole() -> None:
    streamed = {size.stage for size in sizes(grouped(True, True)).values() if size.streamed}
    # Evaluations of a segment leave once all of it is there; ciphertexts carry an order already.
    assert streamed == {A.CIPHERTEXTS}
    assert {size.stage for size in row_stages(5, 6, 9, 40) if size.streamed} == {Stage.EVALUATED}


def test_what_counts_or_names_peoples_rows_is_sealed_on_disk() -> None:
    sealed = {size.stage for size in sizes(grouped(True, True)).values() if size.sealed}
    assert sealed == {A.LATE_DROPS, A.MASKED, A.SHARED_RELEASE}


def test_the_sender_is_told_the_matches_by_a_bit_per_row_where_it_learns_them() -> None:
    alone, both = row_stages(5, 17, 9, 40), row_stages(5, 17, 9, 40, True)
    assert both[:-1] == alone
    assert both[-1] == StageSize(Stage.MATCHED_TAGS, True, 1, 3, sealed=True)
    assert row_stages(5, 0, 9, 40, True)[-1].rows == 0


def test_find_looks_a_stage_up() -> None:
    stages = grouped_stages(ROWS, SENDER, grouped())
    found = find(stages, A.RESULTS)
    assert found and found.stage is A.RESULTS
    assert find(stages, A.SHARED_RELEASE) is None


def test_grouped_comes_back_from_the_opening_record() -> None:
    made = grouped(True, True)
    assert Grouped.from_mapping(json.loads(json.dumps(made.to_mapping()))) == made
    record = {
        "session": "ab" * 32, "element_bytes": 32, "tag_bytes": 0, "row_bytes": 0, "grouped": made.to_mapping(),
        "match_keys": ["phone.e164"],
        "receiver_rows": list(ROWS), "sender_rows": [SENDER],
        "receiver_commitment": "00" * 32, "sender_commitment": "11" * 32,
        "receiver_judged_at": "2026-03-01T00:00:00.000000Z", "sender_judged_at": "2026-03-01T00:00:00.000000Z",
        "matches_to_sender": False,
    }  # fmt: skip
    sizes = opening_of_record(json.dumps(record, separators=(",", ":"), sort_keys=True).encode(), "ab" * 32)
    assert sizes.grouped == made
    assert sizes.stages == grouped_stages(ROWS, SENDER, made)
    assert sizes.stage(8).stage is A.SHARED_RELEASE
    with pytest.raises(StateError) as caught:
        sizes.stage(9)
    assert caught.value.reason == "STAGE_ORDER"
