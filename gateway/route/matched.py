"""What R found, and what it may release of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.route.agreement import Operation


@dataclass(frozen=True, slots=True)
class Matched:
    """Customers of R whose record S also holds, or some of them. Made by psi only.

    Attributes:
        subject_refs: (m, 26) ASCII.
        consent_ids: m consent ids.
        row_tokens: (m, t) tags of the run, shared by both sides as row names.
        columns: m rows of decoded agreed columns (ENRICH), else None.
    """

    subject_refs: npt.NDArray[np.uint8]
    consent_ids: pa.StringArray
    row_tokens: npt.NDArray[np.uint8]
    columns: pa.Table | None


@dataclass(frozen=True, slots=True)
class Release:
    """What leaves the run for its asker. Made by disclosure only.

    Attributes:
        table: MATCH and ENRICH: {subject_ref, row_token, consent_id, agreed columns...} sorted by subject_ref;
            AGGREGATE and OVERLAP: cells, see `disclosure.CELLS`.
        obtained_at: when R learned it (UTC).
        expires_at: when the agreement's retention ends (UTC).
        report: counts for people, by reason.
    """

    job_id: str
    session_id: str
    agreement_id: str
    partner: str
    operation: Operation
    table: pa.Table
    obtained_at: datetime
    expires_at: datetime
    report: Mapping[str, object]
