"""The grouped intersection of AGGREGATE and OVERLAP: lists per segment, in an order that carries nothing.

DDH private intersection-sum (after Ion et al., 2019) with groups and dummies: R blinds its segments, S evaluates
and sorts them, so R finds which of S's rows lie in which segment and neither side learns who they are.

With several match keys a record is a tuple: an element per key, side by side, and a random one for a key that it lacks,
which nobody can tell from the others. Tuples stay whole wherever lists are sorted, by the first key's element.

    tuples                              a record's elements, real and random ones
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


def tuples(inputs: Sequence[pa.LargeBinaryArray], keys: int, key: kernel.Scalar, threads: int) -> Bytes:
    """Return the elements of records, side by side: key * H of every input, and random ones where there is none.

    Args:
        inputs: n OPRF inputs of each match key in agreed order, null where a record lacks it; of the last keys there
            may be none at all.
        keys: match keys, at least 1.
        key: a or k.
        threads: native threads.

    Returns:
        (n, 32 * keys).
    """
    made = np.empty((len(inputs[0]), keys, ELEMENT_BYTES), dtype=np.uint8)
    for place in range(keys):
        known = np.asarray(inputs[place].is_valid()) if place < len(inputs) else np.zeros(len(made), dtype=bool)
        if known.any():
            made[known, place] = kernel.blind(inputs[place].drop_null(), key, threads)
        made[~known, place] = kernel.random_elements(int((~known).sum()), threads)
    return made.reshape(-1, keys * ELEMENT_BYTES)


def _first(elements: Bytes) -> Bytes:
    """Return the first key's elements of records."""
    return elements[:, :ELEMENT_BYTES]


def _singly(elements: Bytes) -> Bytes:
    """Return the elements of records one by one, (n * keys, 32)."""
    return elements.reshape(-1, ELEMENT_BYTES)


def ascending(elements: Bytes) -> Bytes:
    """Return a list in strictly ascending order of the records' first elements.

    Raises:
        Misuse: two of them are equal, which distinct inputs make with negligible probability.
    """
    if len(elements) < 2:
        return elements
    ordered = np.sort(as_keys(elements), kind="stable").view(np.uint8).reshape(elements.shape)
    if kernel.first_not_ascending(_first(ordered), None) >= 0:
        raise Misuse("two records of a list have one element; run the job again")
    return ordered


def blinded(
    inputs: Sequence[pa.LargeBinaryArray],
    rows: Sequence[int],
    dummies: Sequence[pa.LargeBinaryArray],
    key: kernel.Scalar,
    threads: int,
) -> Bytes:
    """Return stage 1: for each segment a * H over its records and dummies, ascending.

    Args:
        inputs: n OPRF inputs of each match key, segment after segment; null where a record lacks it.
        rows: records per segment.
        dummies: D_g per segment.
        key: a.
        threads: native threads.

    Returns:
        (n + dummies, 32 * keys).
    """
    elements, lists, start = tuples(inputs, len(inputs), key, threads), [], 0
    for count, apart in zip(rows, dummies, strict=True):
        piece = [elements[start : start + count]]
        if len(apart):
            piece.append(tuples([apart], len(inputs), key, threads))
        lists.append(ascending(np.concatenate(piece)))
        start += count
    return np.concatenate(lists)


def evaluated(elements: Bytes, lengths: Sequence[int], key: kernel.Scalar, threads: int) -> Bytes:
    """Return stage 2: k times every element of stage 1, record by record ascending inside each segment.

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
        products: Bytes = kernel.evaluate(_singly(elements), key, threads)
    except kernel.ElementRefused as error:
        raise _refused(stage, elements, error) from error
    return products.reshape(elements.shape)


def _refused(stage: AggregateStage, elements: Bytes, error: kernel.ElementRefused) -> HostileInput:
    place = _place_of_element(stage, elements, error.index)
    return HostileInput(error.reason, f"{place}: {_WORDS[error.reason]}; {OVER}")


def _place(stage: AggregateStage, elements: Bytes, row: int) -> str:
    seq, offset = divmod(row, rows_per_chunk(elements.shape[1]))
    return at(stage, seq, offset)


def _place_of_element(stage: AggregateStage, elements: Bytes, number: int) -> str:
    """Return the place of one of all records' elements; with several keys also which of its record it is."""
    row, key = divmod(number, elements.shape[1] // ELEMENT_BYTES)
    of_record = f", match key {key + 1}" if elements.shape[1] > ELEMENT_BYTES else ""
    return f"{_place(stage, elements, row)}{of_record}"


def check_elements(stage: AggregateStage, elements: Bytes, threads: int) -> None:
    """Check that every element is canonical and not the identity, where no multiplication does.

    Raises:
        HostileInput: NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT, with chunk and offset.
    """
    try:
        kernel.check_elements(_singly(elements), threads)
    except kernel.ElementRefused as error:
        raise _refused(stage, elements, error) from error


def check_lists(stage: AggregateStage, elements: Bytes, lengths: Sequence[int]) -> None:
    """Check that every list ascends strictly by its records' first elements, so that none repeats inside it.

    Raises:
        HostileInput: NOT_ASCENDING with chunk and offset.
    """
    start = 0
    for length in lengths:
        bad = kernel.first_not_ascending(_first(elements)[start : start + length], None)
        if bad >= 0:
            place = _place(stage, elements, start + bad)
            raise HostileInput(
                "NOT_ASCENDING", f"{place}: records of a list must ascend strictly, so none may repeat; {OVER}"
            )
        start += length


def check_repeats(stage: AggregateStage, elements: Bytes) -> None:
    """Check that no element stands twice in the whole stage, whatever its key: a person counts once, in one segment.

    Raises:
        HostileInput: REPEATED_ELEMENT with chunk and offset of the second one.
    """
    keys = as_keys(_singly(elements))
    order = np.argsort(keys, kind="stable") if len(keys) > 1 else np.empty(0, dtype=np.int64)
    ordered = keys[order]
    repeats = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(repeats):
        place = _place_of_element(stage, elements, int(order[repeats + 1].min()))
        raise HostileInput("REPEATED_ELEMENT", f"{place}: the element occurred before; {OVER}")


@dataclass(frozen=True, slots=True, repr=False)
class SenderList:
    """Stage 3 in wire order, and who stands behind each row.

    Attributes:
        elements: (m, 32 * keys), strictly ascending by the first element of a row.
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
        own: (n, 32 * keys) elements of every record of the opening, see `tuples`.
        kept: (n,) False where consent went between opening and cut: random elements stand there.
        dummies: D_g per segment.
        tau: how many dummies of each segment match.
        key: k.
        threads: native threads.

    Raises:
        Misuse: two rows have one element, which honest inputs make with negligible probability.
    """
    keys = own.shape[1] // ELEMENT_BYTES
    gone = np.flatnonzero(~kept)
    pieces, fill = [own.copy()], 0
    pieces[0][gone] = _nobody(len(gone), keys, threads)
    for apart, matching in zip(dummies, tau, strict=True):
        if matching:
            pieces.append(tuples([apart.slice(0, matching)], keys, key, threads))
        fill += len(apart) - matching
    pieces.append(_nobody(fill, keys, threads))
    elements = np.concatenate(pieces)
    source = np.full(len(elements), -1, dtype=np.int64)
    source[: len(own)] = np.where(kept, np.arange(len(own)), -1)
    order = np.argsort(as_keys(elements), kind="stable") if len(elements) else np.empty(0, dtype=np.int64)
    ordered = np.ascontiguousarray(elements[order])
    if kernel.first_not_ascending(_first(ordered), None) >= 0:
        raise Misuse("two rows of the sender's list share an element; run the job again")
    return SenderList(ordered, source[order])


def _nobody(rows: int, keys: int, threads: int) -> Bytes:
    """Return records that match nothing, (rows, 32 * keys)."""
    elements: Bytes = kernel.random_elements(rows * keys, threads)
    return elements.reshape(rows, keys * ELEMENT_BYTES)


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

    Keys are matched one after the other over all segments: a row and a record of R's that one key has joined are
    in no later one.

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
    segment_of = np.full(len(sender_elements), -1, dtype=np.int64)
    # A row that S dropped takes no record of R's away from another one.
    rows, records = np.delete(np.arange(len(sender_elements)), dropped), np.arange(len(ours))
    for start in range(0, ours.shape[1], ELEMENT_BYTES):
        key = slice(start, start + ELEMENT_BYTES)
        joined = pc.index_in(fixed(sender_elements[rows, key]), value_set=fixed(ours[records, key]))
        place = np.asarray(joined.fill_null(-1)).astype(np.int64)
        hit = place >= 0
        segment_of[rows[hit]] = segments[records[place[hit]]]
        rows, records = rows[~hit], np.delete(records, place[hit])
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
