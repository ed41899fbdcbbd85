"""Runs that break in the middle of a stage of many chunks: what had crossed the wire crosses it once.

The network is cut and heals, or one gateway is killed and started again. The result is that of an unbroken run, and the
bytes of chunks over all lives are at most 1.05 times its bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from gateway.errors import StateError
from gateway.psi import suite
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState, WaitingFor
from gateway.route.session import Chunk, Stage
from gateway.spool import Spool
from tests import twin as twins
from tests.contract.rows import COLUMNS, rows_twin
from tests.contract.test_resume import Fuse, plain, run_with
from tests.twin import LoopbackPeer, Twin, close_all

ROWS, SHARED = (50, 60), 20
CHUNK_BYTES = 4 * suite.ELEMENT_BYTES
CAPS = {"rows_receiver": 1000, "rows_sender": 1000, "runs_per_day": 20}


class Line:
    """What the retailer's peer sends and fetches: counts bytes, also lost ones, and breaks.

    Attributes:
        at: stages and numbers of chunks that are lost as the line breaks, each once.
        moved: bytes of chunks so far.
        lost: those of them that were lost.
    """

    def __init__(self, peer: LoopbackPeer) -> None:
        self._peer = peer
        self.at: set[tuple[int, int]] = set()
        self.moved = self.lost = 0
        peer.tamper = self._pass

    def _pass(self, chunk: Chunk) -> Chunk:
        self.moved += len(chunk.bytes)
        if (chunk.stage, chunk.seq) in self.at:
            self.at.remove((chunk.stage, chunk.seq))
            self.lost += len(chunk.bytes)
            self._peer.cut = True
            raise StateError("PEER_UNAVAILABLE", "the line is broken")
        return chunk

    async def healed(self, twin: Twin, job: Job) -> list[int]:
        """Heal the line whenever the receiver says that it waits for its partner; return the stages of then."""
        stages = list[int]()
        while not (seen := await twin.retailer.job(job.job_id)).state.final:
            if self._peer.cut and seen.waiting_for is WaitingFor.PEER:
                assert seen.state is JobState.EXCHANGING
                stages.append(seen.stage)
                self._peer.cut = False
            await asyncio.sleep(0.01)
        return stages


@pytest.fixture
async def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Twin]:
    # Chunks of a few rows on the wire and in the spools of both.
    monkeypatch.setattr(suite, "CHUNK_BYTES", CHUNK_BYTES)
    monkeypatch.setattr(twins, "Spool", partial(Spool, chunk_bytes=CHUNK_BYTES))
    yield await rows_twin(tmp_path, rows=ROWS, shared=SHARED, caps=CAPS)
    await close_all()


async def test_a_line_that_breaks_in_every_stage_is_waited_for(twin: Twin) -> None:
    line, stages = Line(twin.retailer.peer), [int(stage) for stage in (Stage.BLINDED, Stage.EVALUATED, Stage.TABLE)]
    for operation, columns in ((Operation.MATCH, ()), (Operation.ENRICH, COLUMNS)):
        line.moved = line.lost = 0
        job = await twin.run(operation, columns)
        assert job.state is JobState.SUCCEEDED, job.failure
        expected, unbroken = plain(await twin.result(job)), line.moved
        line.at, line.moved = {(stage, 2) for stage in stages}, 0
        job = await twin.create(operation, columns)
        async with asyncio.timeout(60):
            told, _ = await asyncio.gather(line.healed(twin, job), twin.settle())
        job = await twin.retailer.job(job.job_id)
        assert job.state is JobState.SUCCEEDED, job.failure
        assert (told, line.at) == (stages, set())
        assert plain(await twin.result(job)) == expected
        # What was lost crosses again, and not a chunk more.
        assert line.moved == unbroken + line.lost
        assert line.lost > 0


KILLS = (("platform", Stage.BLINDED), ("retailer", Stage.TABLE))
OTHER_KILLS = (
    *(("retailer", stage) for stage in (Stage.BLINDED, Stage.EVALUATED)),
    *(("platform", stage) for stage in (Stage.EVALUATED, Stage.TABLE)),
)


@pytest.mark.parametrize(
    "kills", [KILLS, pytest.param(OTHER_KILLS, marks=pytest.mark.thorough)], ids=["takers", "others"]
)
async def test_a_kill_in_the_middle_of_a_stage_costs_a_chunk_or_two(
    twin: Twin, kills: tuple[tuple[str, Stage], ...]
) -> None:
    line = Line(twin.retailer.peer)
    job = await run_with(twin, twin.platform, Fuse())
    assert job is not None
    expected, unbroken = plain(await twin.result(job)), line.moved
    for side, stage in kills:
        line.moved, fuse = 0, Fuse(before=f"stage {int(stage)}", nth=5)
        job = await run_with(twin, getattr(twin, side), fuse)
        assert fuse.blown
        assert job is not None
        assert job.state is JobState.SUCCEEDED, job.failure
        assert plain(await twin.result(job)) == expected
        assert unbroken <= line.moved <= 1.05 * unbroken, (side, stage)
