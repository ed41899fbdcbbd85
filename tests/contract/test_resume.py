"""A gateway killed between any two durable steps goes on after its restart, with the identical result.

A step is a commit of the store, a chunk or a sealed file of the spool, or a stored result. What was durable before it
stays, nothing of it or after it does. Every boundary of stages is tried on either side; the steps between are thorough.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gateway.flow.ports import House
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from tests.twin import Gateway, Twin, close_all, make_twin

COLUMNS = ("tier", "spend")


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@dataclass
class Fuse:
    """Counts and names durable steps and kills just before one of them; afterwards nothing more becomes durable.

    Attributes:
        at: number of the step; or
        before: its name, and among the steps of that name
        nth: its number.
    """

    at: int = -1
    steps: int = 0
    blown: bool = False
    before: str = ""
    nth: int = 1
    named: list[str] = field(default_factory=list)

    def step(self, name: str = "") -> None:
        self.steps += 1
        self.named.append(name)
        named = bool(name) and name == self.before and self.named.count(name) == self.nth
        if self.blown or self.steps == self.at or named:
            self.blown = True
            raise Killed


class Fused:
    """Delegates to a port; the named methods are durable steps."""

    def __init__(
        self, inner: Any, fuse: Fuse, steps: tuple[str, ...], wrapped: tuple[str, ...] = (), of: str = ""
    ) -> None:
        self._inner, self._fuse, self._steps, self._wrapped, self._of = inner, fuse, steps, wrapped, of

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in self._wrapped:
            return lambda *args, **kwargs: Fused(
                found(*args, **kwargs), self._fuse, ("append", "extend"), of=f"stage {args[2]}"
            )
        if name not in self._steps:
            return found

        def step(*args: Any, **kwargs: Any) -> Any:
            self._fuse.step(self._of or (args[1] if name == "write_sealed" else name))
            return found(*args, **kwargs)

        return step


class FusedStore:
    """A store whose commits are durable steps."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self._inner.begin() as tx:
            yield tx
            self._fuse.step("commit")


def fused(fuse: Fuse) -> Any:
    def wrap(house: House) -> House:
        return replace(
            house,
            store=FusedStore(house.store, fuse),  # type: ignore[arg-type]
            spool=Fused(house.spool, fuse, ("write_sealed", "discard_stage", "drop"), ("stage",)),  # type: ignore[arg-type]
            results=Fused(house.results, fuse, ("store", "store_tokens")),  # type: ignore[arg-type]
        )

    return wrap


async def restart(gateway: Gateway, fuse: Fuse) -> None:
    """Stop a gateway where it stands and open it again from its disk."""
    await gateway.stop()
    gateway.wrap = fused(fuse)
    await gateway.start()


async def run_with(
    twin: Twin,
    victim: Gateway,
    fuse: Fuse,
    operation: Operation = Operation.ENRICH,
    columns: tuple[str, ...] = COLUMNS,
) -> Job | None:
    """Run one job; when the victim dies, restart it and let both go on. None when it died before the job stood."""
    await restart(victim, fuse)
    try:
        job = await twin.create(operation, columns)
    except Killed:
        return None
    for _ in range(2):
        working = [asyncio.create_task(forever(side)) for side in (twin.retailer, twin.platform)]
        watch = asyncio.create_task(until_final(twin, job.job_id))
        done, pending = await asyncio.wait({*working, watch}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        assert done, "the run stands still"
        for task in pending:
            task.cancel()
        await asyncio.gather(*working, watch, return_exceptions=True)
        if fuse.blown:
            await restart(victim, fuse := Fuse())
    return await twin.retailer.job(job.job_id)


async def forever(gateway: Gateway) -> None:
    while True:
        await gateway.work()
        await asyncio.sleep(0.01)


async def until_final(twin: Twin, job_id: str) -> None:
    """Return once no job of either side is left."""
    while True:
        await asyncio.sleep(0.02)
        for side in (twin.retailer, twin.platform):
            async with side.house.store.read() as tx:
                if not all(job.state.final for job in await tx.jobs.list()):
                    break
        else:
            return


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close_all()


def plain(table: pa.Table) -> list[dict[str, object]]:
    return table.drop_columns(["row_token"]).to_pylist()


# What is durable first behind each boundary: the people and the opening record, a chunk of each stage, the word that
# there are no late drops, what is released.
BOUNDARIES = {
    "retailer": ("cohort", "stage 1", "stage 2", "stage 3", "stage-4-done", "store"),
    "platform": ("opening-full", "stage 1", "stage 2", "stage 3", "stage-4-done", "store_tokens"),
}


async def dies_and_goes_on(twin: Twin, side: str, expected: list[dict[str, object]], fuse: Fuse) -> None:
    """Kill one side at a step of a run of its own, and hold what comes of it to the result of a whole run."""
    at = fuse.before or fuse.at
    job = await run_with(twin, getattr(twin, side), fuse)
    assert fuse.blown, f"the run has no step {at}"
    if job is None:
        return
    assert job.state is JobState.SUCCEEDED, (at, job.failure, job.refusal)
    assert plain(await twin.result(job)) == expected, at
    for gateway in (twin.retailer, twin.platform):
        assert not [path.name for path in (gateway.home / "spool").iterdir() if path.is_dir()], at


async def whole(twin: Twin, side: str) -> tuple[list[dict[str, object]], Fuse]:
    """Return the result of a run that nothing befalls, and the durable steps of one side."""
    count = Fuse()
    job = await run_with(twin, getattr(twin, side), count)
    assert job is not None
    assert job.state is JobState.SUCCEEDED, job.failure
    expected = plain(await twin.result(job))
    assert len(expected) == 6
    assert count.steps > 15
    return expected, count


@pytest.mark.parametrize("side", BOUNDARIES)
async def test_killed_at_every_boundary_of_stages(tmp_path: Path, side: str) -> None:
    twin = await make_twin(tmp_path, rows=(12, 14), shared=6)
    expected, _ = await whole(twin, side)
    for name in BOUNDARIES[side]:
        await dies_and_goes_on(twin, side, expected, Fuse(before=name))


SHARDS = 3
# With ASSENT_KILL_EVERY=1 every step is tried, else every sixth.
EVERY = int(os.environ.get("ASSENT_KILL_EVERY", "6"))


@pytest.mark.thorough
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("side", ["retailer", "platform"])
async def test_killed_before_durable_steps(tmp_path: Path, side: str, shard: int) -> None:
    twin = await make_twin(tmp_path, rows=(12, 14), shared=6)
    expected, count = await whole(twin, side)
    for at in range(1 + shard * EVERY, count.steps + 1, SHARDS * EVERY):
        await dies_and_goes_on(twin, side, expected, Fuse(at))
