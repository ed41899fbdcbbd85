"""What both sides of an AGGREGATE derive from agreement and sizes: the packing, and the opening record's part."""

from __future__ import annotations

import hashlib

from gateway.flow.cohort import asked_columns
from gateway.flow.segment import terms_of
from gateway.he.layout import layout
from gateway.he.proof import key_record_bytes
from gateway.psi.stages import Grouped
from gateway.route.aggregate import Layout
from gateway.route.agreement import Operation
from gateway.route.canonical import canonical_bytes
from gateway.route.job import AuthorizedJob


def layout_of(job: AuthorizedJob, segments: int, sender_rows: int) -> Layout | None:
    """Return how the asked statistics are packed; None for OVERLAP.

    Args:
        job: authorized.
        segments: G.
        sender_rows: |Y|.

    Raises:
        RequestError: BAD_FIELD when a column's sums fit no plaintext.
    """
    if job.operation is Operation.OVERLAP:
        return None
    terms = terms_of(job)
    return layout(terms, asked_columns(job), sender_rows + 2 * terms.t * segments)


def grouped_of(job: AuthorizedJob, segments: int, sender_rows: int) -> Grouped | None:
    """Return what the opening record says beside the rows; None for MATCH and ENRICH."""
    if not job.operation.grouped:
        return None
    terms, packing = terms_of(job), layout_of(job, segments, sender_rows)
    common = {
        "t": terms.t,
        "dummies": terms.dummies.value,
        "noise": terms.noise.value,
        "to_receiver": job.direction.receiver in job.direction.result_to,
        "to_sender": job.direction.sender in job.direction.result_to,
    }
    if packing is None:
        return Grouped(**common)  # type: ignore[arg-type]
    scheme = terms.scheme
    return Grouped(
        **common,  # type: ignore[arg-type]
        scheme=f"{scheme.name}-{scheme.key_bits}-{scheme.mode}",
        layout=_digest(packing),
        lanes=len(packing.lanes),
        ciphertexts=packing.ciphertexts,
        ciphertext_bytes=packing.ciphertext_bytes,
        key_bytes=key_record_bytes(scheme.key_bits),
    )


def _digest(packing: Layout) -> str:
    lanes = [
        [
            lane.column,
            lane.statistic.value,
            lane.value,
            lane.ciphertext,
            lane.shift,
            lane.width,
            str(lane.offset),
            lane.scale,
            str(lane.bound),
            format(lane.epsilon, "f"),
        ]
        for lane in packing.lanes
    ]
    return hashlib.sha256(canonical_bytes({"bits": packing.key_bits, "lanes": lanes})).hexdigest()
