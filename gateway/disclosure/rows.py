"""Release of row-level results (MATCH, ENRICH): agreed columns, consented subjects, an end date.

minimum_cohort governs aggregates only: rows are released to the receiver because each
customer behind them gave separate consent to exactly this, judged twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.errors import Misuse
from gateway.route.job import AuthorizedJob, Side
from gateway.route.matched import Matched, Release


def release_rows(
    job: AuthorizedJob,
    session_id: str,
    matched: Matched,
    allowed: npt.NDArray[np.bool_],
    obtained_at: datetime,
    report: Mapping[str, object],
) -> Release:
    """Keep what the last judgement allows and the agreement names.

    Args:
        job: the authorized job: R's, or that of S where the agreement lets it learn the matches, without columns.
        session_id: 64 hex digits.
        matched: the matches.
        allowed: (m,) consent as judged just now, per matched subject.
        obtained_at: when the side learned it.
        report: counts by reason, for people.

    Returns:
        The release: {subject_ref, row_token, consent_id, agreed columns...} sorted by subject_ref.
    """
    receiver = job.side is Side.RECEIVER
    if not receiver and not job.direction.to_sender:
        raise Misuse("a sender releases nothing to itself that the agreement does not give it")
    if len(allowed) != len(matched.subject_refs):
        raise Misuse("a release needs one judgement per matched subject")
    if (matched.columns is None) != (not job.columns or not receiver):
        raise Misuse("the matched columns are not the asked ones")
    keep = np.flatnonzero(allowed)
    refs = np.ascontiguousarray(matched.subject_refs[keep])
    order = np.argsort(refs.view("S26").reshape(-1), kind="stable") if len(refs) else keep
    keep = keep[order]
    table = pa.table(
        {
            "subject_ref": _texts(matched.subject_refs[keep]),
            "row_token": _fixed(matched.row_tokens[keep]),
            "consent_id": matched.consent_ids.take(pa.array(keep)),
        }
    )
    if matched.columns is not None:
        kept = matched.columns.select(list(job.columns)).take(pa.array(keep))
        for name in job.columns:
            table = table.append_column(name, kept.column(name))
    return Release(
        job_id=job.job_id,
        session_id=session_id,
        agreement_id=job.agreement.agreement_id,
        partner=job.partner.card.party,
        operation=job.operation,
        table=table,
        obtained_at=obtained_at,
        expires_at=obtained_at + timedelta(days=job.agreement.retention_days),
        report=report,
    )


def _texts(rows: npt.NDArray[np.uint8]) -> pa.Array:
    return _fixed(rows).cast(pa.binary()).cast(pa.string())


def _fixed(rows: npt.NDArray[np.uint8]) -> pa.Array:
    rows = np.ascontiguousarray(rows)
    return pa.Array.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, pa.py_buffer(rows.tobytes())])
