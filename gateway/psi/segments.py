"""The grouped intersection of AGGREGATE and OVERLAP: lists per segment, in an order that carries nothing.

DDH private intersection-sum (after Ion et al., 2019) with groups and dummies: R blinds its segments, S evaluates
and sorts them, so R finds which of S's rows lie in which segment and neither side learns who they are.

    blinded, evaluated, sender_list     what each side sends, strictly ascending inside each list
    check_lists, check_elements         what each side checks before it goes on
    matched                             R's join
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway import kernel
from gateway.errors import HostileInput, Misuse
from gateway.psi.arrow import fixed
from gateway.psi.check import OVER, as_keys, at
from gateway.psi.suite import DUMMY_KEY, ELEMENT_BYTES, rows_per_chunk
from gateway.route.aggregate import Aggregate, MatchedSegments, SegmentSums
from gateway.route.session import AggregateStage

Bytes = npt.NDArray[np.uint8]

_WORDS = {
    "NON_CANONICAL_ELEMENT": "no canonical encoding of a group element",
    "IDENTITY_ELEMENT": "the identity element",
}


def dummy_inputs(session_id: bytes, segment: int, t: int) -> pa.LargeBinaryArray:
    """Return the OPRF inputs of D_g: `assent.dummy`, 0x00 || session id || u32 g || u32 i for i < 2t.

    Args:
        session_id: 32 bytes.
        segment: g, from 0.
        t: half the dummies per segment.
    """
    values = [b"\x00" + session_id + segment.to_bytes(4, "big") + i.to_bytes(4, "big") for i in range(2 * t)]
    return kernel.oprf_inputs(DUMMY_KEY, pa.array(values, type=pa.binary()))


def ascending(elements: Bytes) -> Bytes:
    """Return a list in strictly ascending byte order.

    Raises:
        Misuse: two elements are equal, which distinct inputs make with negligible probability.
    """
    if len(elements) < 2:
        return elements
    keys = np.sort(as_keys(elements), kind="stable")
    if (keys[1:] == keys[:-1]).any():
        raise Misuse("two records of a list have one element; run the job again")
    return keys.view(np.uint8).reshape(-1, ELEMENT_BYTES)


def blinded(
    inputs: pa.LargeBinaryArray,
    rows: Sequence[int],
    dummies: Sequence[pa.LargeBinaryArray],
    key: kernel.Scalar,
    threads: int,
) -> Bytes:
    """Return stage 1: for each segment a * H over its records and dummies, ascending.

    Args:
        inputs: n OPRF inputs, segment after segment.
        rows: records per segment.
        dummies: D_g per segment.
        key: a.
        threads: native threads.

    Returns:
        (n + dummies, 32).
    """
    elements, lists, start = kernel.blind(inputs, key, threads), [], 0
    for count, apart in zip(rows, dummies, strict=True):
        piece = [elements[start : start + count]]
        if len(apart):
            piece.append(kernel.blind(apart, key, threads))
        lists.append(ascending(np.concatenate(piece)))
        start += count
    return np.concatenate(lists)


def evaluated(elements: Bytes, lengths: Sequence[int], key: kernel.Scalar, threads: int) -> Bytes:
    """Return stage 2: k times every element of stage 1, ascending inside each segment.

    Raises:
        HostileInput: NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT, with chunk and offset.
    """
    products, lists, start = _multiplied(elements, key, AggregateStage.BLINDED, threads), [], 0
    for length in lengths:
        lists.append(ascending(products[start : start + length]))
        start += length
    return np.concatenate(lists)


def _multiplied(elements: Bytes, key: kernel.Scalar, stage: AggregateStage, threads: int) -> Bytes:
    try:
        return kernel.evaluate(elements, key, threads)
    except kernel.ElementRefused as error:
        raise _refused(stage, error) from error


def _refused(stage: AggregateStage, error: kernel.ElementRefused) -> HostileInput:
    return HostileInput(error.reason, f"{_place(stage, error.index)}: {_WORDS[error.reason]}; {OVER}")


def _place(stage: AggregateStage, row: int) -> str:
    seq, offset = divmod(row, rows_per_chunk(ELEMENT_BYTES))
    return at(stage, seq, offset)


def check_elements(stage: AggregateStage, elements: Bytes, threads: int) -> None:
    """Check that every element is canonical and not the identity, where no multiplication does.

    Raises:
        HostileInput: NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT, with chunk and offset.
    """
    try:
        kernel.check_elements(elements, threads)
    except kernel.ElementRefused as error:
        raise _refused(stage, error) from error


def check_lists(stage: AggregateStage, elements: Bytes, lengths: Sequence[int]) -> None:
    """Check that every list ascends strictly, so that none repeats inside it.

    Raises:
        HostileInput: NOT_ASCENDING with chunk and offset.
    """
    start = 0
    for length in lengths:
        bad = kernel.first_not_ascending(elements[start : start + length], None)
        if bad >= 0:
            raise HostileInput(
                "NOT_ASCENDING",
                f"{_place(stage, start + bad)}: records of a list must ascend strictly, so none may repeat; {OVER}",
            )
        start += length


def check_repeats(stage: AggregateStage, elements: Bytes) -> None:
    """Check that no element stands twice in the whole stage: a person counts once, in one segment.

    Raises:
        HostileInput: REPEATED_ELEMENT with chunk and offset of the second one.
    """
    keys = as_keys(elements)
    order = np.argsort(keys, kind="stable") if len(keys) > 1 else np.empty(0, dtype=np.int64)
    ordered = keys[order]
    repeats = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(repeats):
        place = _place(stage, int(order[repeats + 1].min()))
        raise HostileInput("REPEATED_ELEMENT", f"{place}: the element occurred before; {OVER}")


@dataclass(frozen=True, slots=True, repr=False)
class SenderList:
    """Stage 3 in wire order, and who stands behind each row.

    Attributes:
        elements: (m, 32), strictly ascending.
        source: (m,) index of the record behind a row; -1 for dummies, random and replaced rows.
    """

    elements: Bytes
    source: npt.NDArray[np.int64]

    def __repr__(self) -> str:
        """Show no row."""
        return f"SenderList({len(self.elements)} rows)"


def sender_list(
    own: Bytes,
    kept: npt.NDArray[np.bool_],
    dummies: Sequence[pa.LargeBinaryArray],
    tau: Sequence[int],
    key: kernel.Scalar,
    threads: int,
) -> SenderList:
    """Build stage 3: own records, and exactly 2t rows per segment of which tau_g match its dummies.

    Args:
        own: (n, 32) k * H(y) of every record of the opening.
        kept: (n,) False where consent went between opening and cut: a random element stands there.
        dummies: D_g per segment.
        tau: how many dummies of each segment match.
        key: k.
        threads: native threads.

    Raises:
        Misuse: two rows have one element, which honest inputs make with negligible probability.
    """
    gone = np.flatnonzero(~kept)
    pieces, fill = [own.copy()], 0
    pieces[0][gone] = kernel.random_elements(len(gone), threads)
    for apart, matching in zip(dummies, tau, strict=True):
        if matching:
            pieces.append(kernel.blind(apart.slice(0, matching), key, threads))
        fill += len(apart) - matching
    pieces.append(kernel.random_elements(fill, threads))
    elements = np.concatenate(pieces)
    source = np.full(len(elements), -1, dtype=np.int64)
    source[: len(own)] = np.where(kept, np.arange(len(own)), -1)
    order = np.argsort(as_keys(elements), kind="stable") if len(elements) else np.empty(0, dtype=np.int64)
    ordered = np.ascontiguousarray(elements[order])
    if kernel.first_not_ascending(ordered, None) >= 0:
        raise Misuse("two rows of the sender's list share an element; run the job again")
    return SenderList(ordered, source[order])


def matched(
    sizes: Sequence[int],
    lengths: Sequence[int],
    evaluated_elements: Bytes,
    inverse: kernel.Scalar,
    sender_elements: Bytes,
    dropped: npt.NDArray[np.int64],
    threads: int,
) -> MatchedSegments:
    """Unblind R's lists and find S's rows in them; S's late drops are left out unseen.

    Args:
        sizes: |X_g| per segment.
        lengths: the same with dummies.
        evaluated_elements: stage 2.
        inverse: 1/a.
        sender_elements: stage 3.
        dropped: rows of stage 3 that S named in LATE_DROPS.
        threads: native threads.

    Raises:
        HostileInput: NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT in stage 2, with chunk and offset.
    """
    ours = _multiplied(evaluated_elements, inverse, AggregateStage.EVALUATED, threads)
    segments = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    found = pc.index_in(fixed(sender_elements), value_set=fixed(ours))
    place = np.asarray(found.fill_null(-1)).astype(np.int64)
    segment_of = np.where(place >= 0, segments[np.maximum(place, 0)] if len(segments) else -1, -1)
    segment_of[dropped] = -1
    return MatchedSegments(segment_of, tuple(sizes))


def found(matched_segments: MatchedSegments) -> list[int]:
    """Return |J_g| per segment: R's process only, never stored, logged or sent."""
    rows = matched_segments.segment_of[matched_segments.segment_of >= 0]
    return [int(count) for count in np.bincount(rows, minlength=len(matched_segments.sizes))]


def counted(
    sizes: Sequence[int],
    counts: Sequence[int],
    tested: Sequence[int],
    sums: Sequence[tuple[int, ...] | None],
) -> Aggregate:
    """Put the figures of all segments together.

    Args:
        sizes: |X_g|.
        counts: |J_g| - t as R knows it, c'_g - t as S does.
        tested: c'_g - t.
        sums: per lane; None where a side withheld the segment; () for OVERLAP.
    """
    return Aggregate(tuple(SegmentSums(*row) for row in zip(sizes, counts, tested, sums, strict=True)))
