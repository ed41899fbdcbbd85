"""An input of statistics is let through once per run: compared with earlier ones, and kept, before anything leaves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.flow.lease import Lease
from gateway.flow.records import kept_out
from gateway.flow.similar import keep_input, similar_segments
from gateway.route.cohort import CohortRecords, ConsentedCohort
from gateway.route.job import AuthorizedJob

Bytes = npt.NDArray[np.uint8]


async def admit(
    lease: Lease, job: AuthorizedJob, cohort: ConsentedCohort, records: CohortRecords, memory: int
) -> frozenset[int]:
    """Compare an input with earlier ones of ours towards this partner, and keep it.

    Args:
        lease: of the run.
        job: of a grouped operation.
        cohort: as judged.
        records: its records.
        memory: bytes that may be held.

    Returns:
        Segments that may not be released: they differ from an earlier exact input by a few withdrawals alone.

    Raises:
        RunRefused: INPUT_TOO_SIMILAR.
        StateError: REVISION_CONFLICT when another run was let through meanwhile; it is compared again.
    """
    house = lease.house

    async def denied() -> Bytes:
        return await kept_out(lease, job, memory)

    similar = await similar_segments(house, job, cohort, records.subject_refs, denied, house.clock.now())
    await lease.confirm()
    async with house.store.begin() as tx:
        await keep_input(tx, job, similar)
    return similar.suppressed
