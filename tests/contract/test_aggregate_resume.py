"""A gateway killed between two durable steps of AGGREGATE goes on with the same draw, charged once.

Every kill happens in a run of its own. What crossed the wire before it crosses again byte for byte; the released
figures are the exact ones plus the one noise that was sealed; each step of the budget stands in the ledger once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gateway.disclosure import CELLS
from gateway.flow.ports import House
from gateway.route.agreement import Operation
from gateway.route.job import Job, JobState
from gateway.route.session import AggregateStage
from tests.contract.aggregates import (
    ARMS,
    NOISY,
    Sealed,
    T,
    before,
    cells_of,
    closed,
    job_of,
    run_record,
    statistics_twin,
    steps_of,
    told_counts,
    truth,
    wire,
)
from tests.contract.test_resume import Fuse, Killed, forever, until_final
from tests.results import read_result
from tests.twin import PLATFORM, RETAILER, Gateway, Twin

__all__ = ["closed"]

COLUMN = ("visited",)


@dataclass
class NamedFuse(Fuse):
    """A fuse that also notes what each durable step was."""

    names: list[str] = field(default_factory=list)

    def pass_by(self, name: str) -> None:
        self.names.append(name)
        self.step()


class NamedSteps:
    """Delegates to a port; the named methods are durable steps."""

    def __init__(self, inner: Any, fuse: NamedFuse, steps: tuple[str, ...]) -> None:
        self._inner, self._fuse, self._steps = inner, fuse, steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "stage":
            return lambda *args, **kwargs: NamedSteps(found(*args, **kwargs), self._fuse, ("append", "extend"))
        if name not in self._steps:
            return found

        def step(*args: Any, **kwargs: Any) -> Any:
            self._fuse.pass_by(f"{name} {args[1]}" if name in ("write_sealed", "discard_stage") else name)
            return found(*args, **kwargs)

        return step


class NamedCommits:
    """A store whose commits are durable steps; those that charge the budget are told apart."""

    def __init__(self, inner: Any, fuse: NamedFuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self._inner.begin() as tx:
            seen = Seen(tx)
            yield seen
            self._fuse.pass_by("charge" if seen.charged else "commit")


class Seen:
    def __init__(self, tx: Any) -> None:
        self._tx, self.charged = tx, False

    def __getattr__(self, name: str) -> Any:
        self.charged |= name == "budget"
        return getattr(self._tx, name)


def wire_fuse(gateway: Gateway, fuse: NamedFuse) -> None:
    def wrap(house: House) -> House:
        return replace(
            house,
            store=NamedCommits(house.store, fuse),
            spool=NamedSteps(house.spool, fuse, ("write_sealed", "discard_stage", "drop")),
            results=NamedSteps(house.results, fuse, ("store", "store_tokens")),
        )

    gateway.wrap = wrap


async def reopen(gateway: Gateway, fuse: NamedFuse) -> None:
    await gateway.stop()
    wire_fuse(gateway, fuse)
    await gateway.start()


async def run_with(twin: Twin, victim: Gateway, fuse: NamedFuse) -> Job | None:
    """Run one job; when the victim dies, restart it and let both go on. None when it died before the job stood."""
    await reopen(victim, fuse)
    try:
        job = await twin.create(Operation.AGGREGATE, COLUMN)
    except Killed:
        return None
    for _ in range(2):
        working = [asyncio.create_task(forever(side)) for side in (twin.retailer, twin.platform)]
        watch = asyncio.create_task(until_final(twin, job.job_id))
        done, pending = await asyncio.wait({*working, watch}, return_when=asyncio.FIRST_COMPLETED, timeout=90)
        assert done, "the run stands still"
        for task in pending:
            task.cancel()
        await asyncio.gather(*working, watch, return_exceptions=True)
        if fuse.blown:
            await reopen(victim, fuse := NamedFuse())
    return await twin.retailer.job(job.job_id)


async def fresh(directory: Path, result_to: tuple[str, ...]) -> tuple[Twin, Sealed]:
    directory.mkdir()
    twin = await statistics_twin(directory, terms=NOISY, result_to=result_to)
    sealed = Sealed(twin)
    before(twin, sealed.watch())
    return twin, sealed


async def check(twin: Twin, sealed: Sealed, job: Job, result_to: tuple[str, ...], at: object) -> None:
    """One draw of every noise, each byte of the wire the same for ever, every step charged once."""
    assert job.state is JobState.SUCCEEDED, (at, job.failure, job.refusal)
    theirs = await job_of(twin.platform, job.session_id)
    assert theirs.state is JobState.SUCCEEDED, (at, theirs.failure, theirs.refusal)
    for sent in (twin.retailer.peer.pushed, twin.retailer.peer.pulled):
        seen: dict[tuple[int, int], bytes] = {}
        for chunk in sent:
            assert chunk.session_id == job.session_id, at
            first = seen.setdefault((chunk.stage, chunk.seq), chunk.bytes)
            assert first == chunk.bytes, (at, chunk.stage, chunk.seq)

    to_both, to_receiver = len(result_to) == 2, RETAILER in result_to
    ours = ["receiver"] if result_to == (RETAILER,) else ["receiver", "values"]
    assert await steps_of(twin.retailer, job.job_id) == ours, at
    assert await steps_of(twin.platform, theirs.job_id) == (["count", "values"] if to_receiver else ["count"]), at

    expected = truth(twin, COLUMN)
    people = [int(expected[arm, None, None, "count"]) for arm in ARMS]
    sums = [int(expected[arm, "visited", None, "sum"]) for arm in ARMS]
    told = told_counts(wire(twin, job, AggregateStage.MASKED), len(ARMS))
    tau, eta = sealed.sender.tau, sealed.receiver.eta
    assert told == [sum(parts) for parts in zip(people, tau, eta, strict=True)], at
    noise = sealed.sender.noise if to_receiver else sealed.receiver.noise
    if to_receiver:
        cells = await released(twin.retailer, job)
        assert [cells[arm, None, None, "count"] for arm in ARMS] == [
            a + b - T for a, b in zip(people, tau, strict=True)
        ]
        assert [cells[arm, "visited", None, "sum"] for arm in ARMS] == [a + b for a, b in zip(sums, noise, strict=True)]
    else:
        assert not await twin.retailer.house.results.exists(job.job_id)
    if PLATFORM in result_to:
        cells, more = await released(twin.platform, theirs), sealed.receiver.noise if to_both else (0,) * len(ARMS)
        names = [str(number + 1) for number in range(len(ARMS))]
        assert [cells[name, None, None, "count"] for name in names] == [one - T for one in told], at
        wanted = [sum(parts) for parts in zip(sums, noise, more, strict=True)]
        assert [cells[name, "visited", None, "sum"] for name in names] == wanted, at
    await run_record(twin, job)
    for gateway in (twin.retailer, twin.platform):
        assert not list((gateway.home / "spool").glob("*/*")), at


async def released(side: Gateway, job: Job) -> dict[Any, Fraction]:
    """Read a result twice: a release is read again, never computed again."""
    first, again = [await read_result(side.house.results, job.job_id) for _ in range(2)]
    assert first is not None
    assert first.equals(again)
    assert first.schema.names == CELLS.names
    return {key: Fraction(row["value"]) for key, row in cells_of(first).items() if row["value"] is not None}


def chosen(names: list[str], every: int, offset: int) -> list[int]:
    """Steps to die before: the last two charges, each `every`-th that writes a file, half as many plain commits."""
    commits = [at for at, name in enumerate(names, 1) if name == "commit"]
    charges = [at for at, name in enumerate(names, 1) if name == "charge"]
    others = [at for at, name in enumerate(names, 1) if name not in ("commit", "charge")]
    return sorted({*charges[-2:], *others[offset % every :: every], *commits[offset % every :: 2 * every]})


async def die_everywhere(tmp_path: Path, side: str, result_to: tuple[str, ...], every: int, offset: int) -> None:
    twin, sealed = await fresh(tmp_path / "whole", result_to)
    count = NamedFuse()
    job = await run_with(twin, getattr(twin, side), count)
    assert job is not None
    await check(twin, sealed, job, result_to, "whole")
    assert "charge" in count.names
    assert "write_sealed run-state" in count.names
    await twin.stop()
    for at in chosen(count.names, every, offset):
        twin, sealed = await fresh(tmp_path / str(at), result_to)
        fuse = NamedFuse(at)
        job = await run_with(twin, getattr(twin, side), fuse)
        if job is not None:
            await check(twin, sealed, job, result_to, (at, fuse.names[-1]))
        await twin.stop()


# With ASSENT_KILL_EVERY=1 every step that writes or charges is tried, which takes some minutes.
EVERY = int(os.environ.get("ASSENT_KILL_EVERY", "60"))


@pytest.mark.parametrize(
    ("side", "result_to"),
    [
        (RETAILER, (RETAILER,)),
        pytest.param(PLATFORM, (PLATFORM,), marks=pytest.mark.thorough),
        pytest.param(PLATFORM, (RETAILER, PLATFORM), marks=pytest.mark.thorough),
    ],
    ids=["retailer-R", "platform-S", "platform-both"],
)
async def test_killed_between_durable_steps(tmp_path: Path, side: str, result_to: tuple[str, ...]) -> None:
    # Other steps for each who learns: together they cover more of what all have in common.
    offset = 4 * [(RETAILER,), (PLATFORM,), (RETAILER, PLATFORM)].index(result_to)
    await die_everywhere(tmp_path, side, result_to, EVERY, offset)
