"""The end of a run: its cohort's references and salt are kept before everything else of it is destroyed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pyarrow as pa

from gateway.flow import cohort as cohorts
from gateway.flow.lease import Lease
from gateway.flow.pipeline import in_turn
from gateway.flow.runstate import RunState
from gateway.flow.threads import in_thread
from gateway.psi.arrow import fixed
from gateway.route.membership import Membership
from gateway.route.subject_ref import REF_BYTES

SCHEMA = pa.schema([("member", pa.binary(REF_BYTES))])


async def keep_membership(lease: Lease) -> None:
    """Keep who was in a cohort whose commitment both parties signed; of others nothing is kept.

    The file comes first: who is killed between the two writes it again.
    """
    house, job = lease.house, lease.job
    if not job.session_id:
        return
    async with house.store.read() as tx:
        session = await tx.sessions.get(job.session_id)
    state = await in_thread(RunState.load, house, job.job_id)
    committed = await cohorts.committed(lease)
    if len(session.opening_signatures) < 2 or state is None or committed is None:
        return

    async def batches() -> AsyncIterator[pa.RecordBatch]:
        async for refs in in_turn(committed.rows()):
            yield pa.record_batch([fixed(refs)], schema=SCHEMA)

    await house.results.store_members(job.job_id, SCHEMA, batches())
    membership = Membership(
        job_id=job.job_id,
        session_id=job.session_id,
        side=job.side,
        commitment=committed.commitment,
        salt=state.run_salt,
        people=committed.people,
        judged_at=committed.judged_at,
        kept_at=house.clock.now(),
        numbered=False,
    )
    async with house.store.begin() as tx:
        await tx.memberships.put(membership)
