"""The receiver's computations: blinding, unblinding, and the join with S's table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway import kernel
from gateway.errors import HostileInput
from gateway.psi.attributes import decode
from gateway.psi.check import OVER, as_keys, at
from gateway.psi.suite import rows_per_chunk
from gateway.route.agreement import Column
from gateway.route.cohort import ConsentedCohort
from gateway.route.matched import Matched
from gateway.route.session import Stage

Bytes = npt.NDArray[np.uint8]


def blind(inputs: pa.LargeBinaryArray, scalar: kernel.Scalar, threads: int) -> Bytes:
    """Return a * H(x) for a slice of the cohort in keyed-tag order, (n, 32)."""
    return kernel.blind(inputs, scalar, threads)


def outputs(inputs: pa.LargeBinaryArray, evaluated: Bytes, inverse: kernel.Scalar, threads: int) -> Bytes:
    """Return F(x) = Finalize(x, (1/a) * k * a * H(x)) for all inputs, (n, 64).

    Raises:
        HostileInput: NON_CANONICAL_ELEMENT or IDENTITY_ELEMENT, with chunk and offset.
    """
    try:
        return kernel.finalize_unblind(inputs, evaluated, inverse, threads)
    except kernel.ElementRefused as error:
        seq, offset = divmod(error.index, rows_per_chunk(32))
        words = "the identity element" if error.reason == "IDENTITY_ELEMENT" else "no canonical group element"
        raise HostileInput(error.reason, f"{at(Stage.EVALUATED, seq, offset)}: {words}; {OVER}") from error


@dataclass(frozen=True, slots=True)
class Intersection:
    """Records of R that stand in S's table.

    Attributes:
        records: (m,) indices into the cohort's inputs, ascending.
        rows: (m,) indices into the table.
    """

    records: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]


def intersect(tags: Bytes, kept: npt.NDArray[np.bool_], table_tags: Bytes, dropped: Bytes) -> Intersection:
    """Join R's tags with S's ascending table tags; S's late drops leave unseen.

    Args:
        tags: (n, t) T(F(x)) of R's records.
        kept: (n,) False for replaced records.
        table_tags: (k, t) ascending.
        dropped: (d, t) tags that S named in LATE_DROPS.
    """
    if len(table_tags) == 0 or len(tags) == 0:
        empty = np.empty(0, dtype=np.int64)
        return Intersection(empty, empty)
    theirs, ours = as_keys(table_tags), as_keys(tags)
    # numpy orders void scalars bytewise, as the wire does.
    place = np.searchsorted(theirs, ours)
    inside = np.minimum(place, len(theirs) - 1)
    found = (place < len(theirs)) & (theirs[inside] == ours) & kept
    if len(dropped):
        found &= ~np.isin(ours, as_keys(dropped))
    records = np.flatnonzero(found)
    return Intersection(records, inside[records])


def matched(
    cohort: ConsentedCohort,
    found: Intersection,
    finalized: Bytes,
    rows: Bytes,
    tag_bytes: int,
    columns: tuple[Column, ...],
    binding: tuple[str, bytes, bytes],
    threads: int,
) -> Matched:
    """Open the matched rows and fan out to the subjects behind each record.

    Args:
        cohort: R's cohort.
        found: the join.
        finalized: (n, 64) F(x) of every record.
        rows: (m, row_bytes) matched table rows, in the order of `found`.
        tag_bytes: bytes of T.
        columns: asked columns in agreed order; empty for MATCH.
        binding: (match key, agreement hash, table id) that the rows are sealed under.
        threads: native threads.

    Raises:
        HostileInput: BAD_SHAPE when an opened row does not hold the agreed columns.
    """
    records, tokens, opened, false_matches = found.records, rows[:, :tag_bytes], None, 0
    if columns:
        match_key, agreement_hash, table_id = binding
        plaintexts, good = kernel.open_rows(
            finalized[records], rows, match_key, agreement_hash, table_id, tag_bytes, threads
        )
        false_matches = int((~good).sum())
        records, tokens = records[good], tokens[good]
        opened = decode(np.ascontiguousarray(plaintexts[good]), columns)
    # Subjects of a matched record: position of each subject's record among the matched ones.
    place = np.full(cohort.rows, -1, dtype=np.int64)
    place[records] = np.arange(len(records))
    behind = place[cohort.record_of]
    subjects = np.flatnonzero(behind >= 0)
    take = behind[subjects]
    return Matched(
        subject_refs=cohort.subject_refs[subjects],
        consent_ids=cohort.consent_ids.take(pa.array(subjects)),
        row_tokens=np.ascontiguousarray(tokens[take]),
        columns=None if opened is None else opened.take(pa.array(take)),
        false_matches=false_matches,
    )
