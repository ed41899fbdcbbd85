"""The consent gate over many subjects: the projection for the plain ones, the rule for the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consent.evaluate import Question, Use, may_use, plain_floor, standing
from consent.registry import Registry
from gateway.flow.ports import Transaction
from gateway.psi.arrow import whole

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement of many subjects.

    Attributes:
        allowed: (n,) whether the subject may be used.
        consent_ids: n ids of the consent that allows it, null where denied.
        denied: subjects per reason code of `consent.reason`; for our own people only.
    """

    allowed: npt.NDArray[np.bool_]
    consent_ids: pa.StringArray
    denied: Mapping[str, int]


async def judge(tx: Transaction, registry: Registry, use: Use, subject_refs: Bytes, at: datetime) -> Verdict:
    """Judge consent of many subjects at one time.

    Law: the verdict of each subject is that of `may_use`; the projection only saves work.

    Args:
        tx: open transaction (one snapshot).
        registry: as of the same snapshot.
        use: handler, recipient, purpose, category, method.
        subject_refs: (n, 26) ASCII.
        at: time of the judgement (UTC), also as_known_at.
    """
    rows = len(subject_refs)
    against = standing(use, at, registry)
    if against is not None:
        denied = {against.reason_code: rows} if rows else {}
        return Verdict(np.zeros(rows, dtype=bool), pa.nulls(rows, pa.string()), denied)
    refs = as_texts(subject_refs)
    piece = await tx.consents.slice(use)
    trusted = _trusted(piece.plain, plain_floor(use, at, registry), at)
    plain = piece.plain.filter(trusted)
    granted = pc.index_in(refs, value_set=whole(plain.column("subject_ref")))
    consent_ids = whole(plain.column("consent_id")).take(granted)
    allowed = np.asarray(pc.is_valid(granted))
    # A plain row outside its window or below the floor is doubtful too: the rule knows what applies.
    lapsed = piece.plain.filter(pc.invert(trusted)).column("subject_ref")
    doubtful = pc.is_in(refs, value_set=pa.concat_arrays([piece.doubtful, whole(lapsed)]))
    ask = np.flatnonzero(np.asarray(doubtful) & ~allowed)
    reasons: Counter[str] = Counter()
    unknown = rows - int(allowed.sum()) - len(ask)
    if unknown:
        reasons["NO_CONSENT"] = unknown
    if len(ask):
        asked = refs.take(pa.array(ask)).to_pylist()
        histories = await tx.consents.histories(asked)
        ids = consent_ids.to_pylist()
        for row, ref in zip(ask.tolist(), asked, strict=True):
            decision = may_use(Question(subject=ref, use=use, at=at, as_known_at=at), histories[ref], registry)
            if decision.allowed:
                allowed[row], ids[row] = True, decision.consent_id
            else:
                reasons[decision.reason_code] += 1
        consent_ids = pa.array(ids, type=pa.string())
    return Verdict(allowed, consent_ids, dict(sorted(reasons.items())))


async def judge_all(
    tx: Transaction, registry: Registry, uses: Sequence[Use], subject_refs: Bytes, at: datetime
) -> Verdict:
    """Judge subjects who must be allowed under several uses at once.

    A subject counts once, under the first use that denies it; its consent id is that of the first use.
    """
    verdict = await judge(tx, registry, uses[0], subject_refs, at)
    allowed, denied = verdict.allowed.copy(), Counter(verdict.denied)
    for use in uses[1:]:
        # Only those whom all uses so far let in are asked about the next.
        asked = np.flatnonzero(allowed)
        further = await judge(tx, registry, use, np.ascontiguousarray(subject_refs[asked]), at)
        allowed[asked] = further.allowed
        denied.update(further.denied)
    kept = pc.if_else(pa.array(allowed), verdict.consent_ids, pa.scalar(None, pa.string()))
    return Verdict(allowed, kept, dict(sorted(denied.items())))


def as_texts(subject_refs: Bytes) -> pa.StringArray:
    """View (n, 26) ASCII rows as an Arrow string array."""
    rows = np.ascontiguousarray(subject_refs)
    offsets = np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32)
    return pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(rows))


def _trusted(table: pa.Table, floor: datetime, at: datetime) -> pa.ChunkedArray:
    """Return which plain rows answer by themselves: floor <= effective_from <= at < valid_until."""
    kind = pa.timestamp("us", tz="UTC")
    now, begun = pa.scalar(at, type=kind), table.column("effective_from")
    window = pc.and_(pc.less_equal(begun, now), pc.greater_equal(begun, pa.scalar(floor, type=kind)))
    return pc.and_(window, pc.fill_null(pc.greater(table.column("valid_until"), now), True))
