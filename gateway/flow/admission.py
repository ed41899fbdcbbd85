"""An input of statistics is let through once per run: compared with earlier ones, and kept, before anything leaves."""

from __future__ import annotations

import numpy as np

from gateway.flow import cohort as cohorts
from gateway.flow.lease import Lease
from gateway.flow.segment import terms_of
from gateway.flow.similar import keep_input, similar_segments
from gateway.route.agreement import Noise
from gateway.route.cohort import ConsentedCohort
from gateway.route.job import AuthorizedJob


async def admit(lease: Lease, job: AuthorizedJob, cohort: ConsentedCohort) -> frozenset[int]:
    """Compare an input with earlier ones of ours towards this partner, and keep it.

    Returns:
        Segments that may not be released: they differ from an earlier exact input by a few withdrawals alone.

    Raises:
        RunRefused: INPUT_TOO_SIMILAR.
        StateError: REVISION_CONFLICT when another run was let through meanwhile; it is compared again.
    """
    house, terms = lease.house, terms_of(job)
    denied = np.empty((0, 26), dtype=np.uint8)
    if Noise.NONE in (terms.noise, terms.dummies):
        denied = await cohorts.kept_out(house, job)
    similar = await similar_segments(house, job, cohort, denied, house.clock.now())
    await lease.confirm()
    async with house.store.begin() as tx:
        await keep_input(tx, job, similar)
    return similar.suppressed
