from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gateway.engine import SpawnedProcesses
from gateway.errors import HostileInput, Misuse, StateError
from gateway.flow.ports import Pool, Processes
from tests.inline_processes import InlineProcesses
from tests.unit.gateway.engine import calls

ROOT = Path(__file__).resolve().parents[4]


def spawned(workers: int = 2) -> Processes:
    return SpawnedProcesses(workers)


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def soon(condition: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        await asyncio.sleep(0.01)
    return condition()


async def test_every_worker_holds_what_setup_installed_and_calls_run_side_by_side() -> None:
    async with spawned().pool(calls.install, b"key") as pool:
        assert pool.workers == 2
        pids = await asyncio.gather(*(pool.run(calls.pid_after, 0.1) for _ in range(6)))
        assert len(set(pids)) == 2 and os.getpid() not in pids
        for _ in range(4):
            keys, pid = await pool.run(calls.held)
            assert keys == [b"key"] and pid in pids
    assert calls.held()[0] == []
    assert all(is_gone(pid) for pid in pids)


async def test_each_pool_has_processes_of_its_own() -> None:
    async with spawned(1).pool(calls.install, 1) as first, spawned(1).pool(calls.install, 2) as second:
        assert (await first.run(calls.held))[0] == [1]
        assert (await second.run(calls.held))[0] == [2]


async def test_large_arguments_and_answers_arrive_whole() -> None:
    rows = np.random.default_rng(3).integers(0, 256, (20_000, 384), np.uint8)
    async with spawned().pool(calls.install, None) as pool:
        flipped = await asyncio.gather(*(pool.run(np.bitwise_xor, rows, number) for number in range(6)))
        assert all(np.array_equal(result, rows ^ number) for number, result in enumerate(flipped))
        assert len(await pool.run(calls.grown, rows=b"x" * 1_000_000, by=8)) == 8_000_000


async def test_a_worker_loads_nothing_of_the_server() -> None:
    async with spawned(1).pool(calls.install, b"s3cr3t-key") as pool:
        found = await pool.run(calls.surroundings)
    modules = found["modules"]
    assert isinstance(modules, list)
    assert not {"grpc", "sqlalchemy", "asyncio", "pytest", "numpy", "gateway.engine", "gateway.flow"} & set(modules)
    assert [name for name in modules if name.startswith("gateway")] == ["gateway", "gateway.errors"]
    assert found["main"] == "spawned.py"
    assert found["environment"] == {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    assert b"s3cr3t" not in bytes(found["command"])  # type: ignore[call-overload]
    assert found["interpreter"] == sys.executable
    # An interrupt at the terminal goes to the server's session, not to the workers.
    assert found["session"] != os.getsid(0)


async def test_errors_come_back_as_they_are() -> None:
    async with spawned(1).pool(calls.install, 1) as pool:
        with pytest.raises(HostileInput) as refused:
            await pool.run(calls.refuse, 12)
        assert type(refused.value) is HostileInput
        assert (refused.value.reason, refused.value.message) == ("BAD_CIPHERTEXT", "row 12: shares a factor with n")
        assert str(refused.value) == refused.value.message
        assert "in refuse" in refused.value.__notes__[0]
        with pytest.raises(LookupError) as failed:
            await pool.run(calls.fail, "no such row")
        assert failed.value.args == ("no such row", 7)
        with pytest.raises(RuntimeError, match="ValueError in a worker") as told:
            await pool.run(calls.fail_with_what_cannot_travel)
        assert "in fail_with_what_cannot_travel" in told.value.__notes__[0]
        with pytest.raises(TypeError, match="lock"):
            await pool.run(calls.answer_with_what_cannot_travel)
        assert (await pool.run(calls.held))[0] == [1]  # and the worker goes on


async def test_what_setup_raises_ends_the_pool_before_it_begins() -> None:
    with pytest.raises(Misuse, match="no key of type bytes"):
        async with spawned().pool(calls.install_nothing, b"key"):
            pytest.fail("a pool without keys")


async def test_a_worker_that_cannot_begin_is_a_conflict() -> None:
    with pytest.raises(StateError, match=r"died \(status 3\)") as caught:
        async with spawned().pool(calls.die_at_once):
            pytest.fail("a pool without workers")
    assert caught.value.reason == "REVISION_CONFLICT"


async def test_a_worker_that_dies_is_a_conflict_and_nobody_waits_for_it() -> None:
    async with spawned(1).pool(calls.install, 1) as pool:
        waiting = [asyncio.create_task(pool.run(calls.held)) for _ in range(3)]
        await asyncio.gather(*waiting)
        died, *after = [asyncio.create_task(pool.run(call)) for call in (calls.killed, calls.held, calls.held)]
        async with asyncio.timeout(10):
            outcomes = await asyncio.gather(died, *after, return_exceptions=True)
        for outcome in outcomes:
            assert isinstance(outcome, StateError) and outcome.reason == "REVISION_CONFLICT"
            assert "status -9" in outcome.message


async def test_a_worker_that_dies_with_much_unread_is_noticed_too() -> None:
    async with spawned(1).pool(calls.install, 1) as pool:
        _, pid = await pool.run(calls.held)
        os.kill(pid, signal.SIGSTOP)
        filling = asyncio.create_task(pool.run(calls.grown, b"x" * 5_000_000, 1))
        await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            with pytest.raises(StateError):
                await filling


async def test_a_run_that_fails_leaves_nothing_at_work() -> None:
    pids: list[int] = []
    started = time.monotonic()
    with pytest.raises(LookupError):
        async with spawned().pool(calls.install, 1) as pool:
            pids += await asyncio.gather(*(pool.run(calls.pid_after, 0.1) for _ in range(2)))
            late = asyncio.create_task(pool.run(calls.pid_after, 60))
            await asyncio.sleep(0.05)
            raise LookupError
    assert time.monotonic() - started < 20
    assert all(is_gone(pid) for pid in pids)
    assert isinstance((await asyncio.gather(late, return_exceptions=True))[0], StateError)


async def test_a_cancelled_caller_leaves_and_the_pool_goes_on() -> None:
    async with spawned(1).pool(calls.install, 1) as pool:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await pool.run(calls.pid_after, 0.3)
        assert (await pool.run(calls.held))[0] == [1]  # not the late answer to the other call


@pytest.mark.parametrize("after", [0, 0.01, 0.05, 0.3])
async def test_cancelled_at_any_time_no_process_is_left(after: float) -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")

    def own() -> set[str]:
        """Children of any of our threads."""
        return {child for task in children.parents[1].iterdir() for child in (task / "children").read_text().split()}

    before = own()

    async def use() -> None:
        async with spawned().pool(calls.install, 1) as pool:
            await asyncio.gather(*(pool.run(calls.pid_after, 60) for _ in range(4)))

    task = asyncio.create_task(use())
    await asyncio.sleep(after)
    task.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait({task})
    assert task.cancelled()
    assert own() <= before


async def test_a_pool_is_over_when_it_is_over() -> None:
    async with spawned(1).pool(calls.install, 1) as pool:
        pass
    with pytest.raises(Misuse, match="after its end"):
        await pool.run(calls.held)
    with pytest.raises(Misuse):
        SpawnedProcesses(0)


async def test_what_a_worker_cannot_be_given_is_a_bug() -> None:
    async with spawned(1).pool(calls.install, 1) as pool:
        with pytest.raises(Misuse):
            await pool.run(lambda: None)
        assert (await pool.run(calls.held))[0] == [1]


# A program whose main module must not be run again in its workers; it is killed while they compute.
_PROGRAM = """
import asyncio, os, sys
from gateway.engine import SpawnedProcesses
from tests.unit.gateway.engine import calls

print("main", flush=True)

async def main():
    async with SpawnedProcesses(2).pool(calls.install, b"key") as pool:
        busy = [asyncio.create_task(pool.run(calls.pid_after, 300)) for _ in range(1)]
        await asyncio.sleep(0)
        print((await pool.run(calls.held))[1], flush=True)
        if sys.argv[1] == "wait":
            await asyncio.gather(*busy)

asyncio.run(main())
"""


def _children(pid: int) -> set[int]:
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        found |= {int(child) for child in (task / "children").read_text().split()}
    return found


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, None], ids=str)
async def test_workers_end_with_the_program_and_never_run_it_again(tmp_path: Path, end: signal.Signals | None) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    with subprocess.Popen(
        [sys.executable, str(program), "wait" if end else "leave"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "main\n"
        worker = int(process.stdout.readline())
        if end is not None:
            workers = _children(process.pid)
            assert worker in workers and len(workers) == 2
            process.send_signal(end)
            assert process.wait(10) == -end
            assert await soon(lambda: all(is_gone(pid) for pid in workers))  # one of them computes for minutes
        else:
            assert process.wait(10) == 0
            assert is_gone(worker)
        assert process.stdout.read() == ""


async def test_the_inline_twin_keeps_two_runs_apart() -> None:
    """Two pools of one process take turns with the keys that they share a place for."""
    processes: Processes = InlineProcesses()
    async with processes.pool(_only, 1) as first, processes.pool(_only, 2) as second:
        answers = [(await pool.run(calls.held))[0] for pool in (first, second, first, first, second)]
        assert answers == [[1], [2], [1], [1], [2]]
        with pytest.raises(HostileInput):
            await first.run(calls.refuse, 1)
    pool: Pool = first
    assert pool.workers == 1
    calls._key.clear()


def _only(key: object) -> None:
    calls._key.clear()
    calls._key.append(key)
