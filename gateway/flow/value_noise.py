"""Noise on the sums of every segment, drawn once per run and sealed before anything that depends on it leaves."""

from __future__ import annotations

from gateway.disclosure import sampler
from gateway.flow.lease import Lease
from gateway.flow.runstate import amend, load_state
from gateway.flow.segment import terms_of
from gateway.flow.threads import in_thread
from gateway.route.aggregate import Layout
from gateway.route.agreement import Noise
from gateway.route.job import AuthorizedJob


async def value_noise(lease: Lease, job: AuthorizedJob, layout: Layout, segments: int) -> list[tuple[int, ...]]:
    """Return our noise of this run, one figure per lane and segment; zeros where the agreement says so."""
    state = await load_state(lease)
    if not state.noise:
        state = await amend(lease, noise=await in_thread(_drawn, job, layout, segments))
    lanes = len(layout.lanes)
    return [tuple(state.noise[start : start + lanes]) for start in range(0, len(state.noise), lanes)]


def _drawn(job: AuthorizedJob, layout: Layout, segments: int) -> tuple[int, ...]:
    terms, draw = terms_of(job), sampler().draw
    cells, exact = terms.segments * len(layout.lanes), terms.noise is Noise.NONE
    return tuple(
        0 if exact else draw(lane.epsilon, lane.bound, cells) for _ in range(segments) for lane in layout.lanes
    )
