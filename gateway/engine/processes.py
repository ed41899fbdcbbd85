"""Processes for arithmetic that would hold the server's interpreter lock: started for one run, killed after it.

A fresh interpreter each (never a fork: grpc has threads), a pipe there and a pipe back, a
thread here that waits. No part of this program is imported but what the calls name: not the main
module, as multiprocessing would. A worker holds secrets and nothing worth saving, so its end is always
a kill; should this process die first, the end of the pipe ends the worker, also within a call.
"""

from __future__ import annotations

import asyncio
import os
import pickle  # nosec B403
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import ParamSpec, TypeVar, cast

from gateway.engine import spawned
from gateway.errors import Misuse, StateError

Parameters = ParamSpec("Parameters")
Outcome = TypeVar("Outcome")

# One thread of arithmetic per process, that is the point of them.
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
_LAST_BREATH_S = 5.0


class SpawnedProcesses:
    """Makes pools of processes; implements `Processes`."""

    def __init__(self, workers: int) -> None:
        """Take the size of each pool, at least 1."""
        if workers < 1:
            raise Misuse("a pool needs a worker")
        self._workers = workers

    @asynccontextmanager
    async def pool(self, setup: Callable[..., None], *args: object) -> AsyncIterator[SpawnedPool]:
        """Start workers, each calling `setup(*args)` first; at the end they are gone, with all that they held.

        Args:
            setup: module-level function that installs keys in the worker; its errors come back as they are.
            args: picklable; they go through a pipe.

        Raises:
            StateError: REVISION_CONFLICT when a worker died or could not be started.
        """
        pool = SpawnedPool(self._workers)
        try:
            await pool.begin(setup, args)
            yield pool
        finally:
            # Without an await: nothing can come between, and whoever is killed takes milliseconds to go.
            pool.end()


class SpawnedPool:
    """The workers of one run; implements `Pool`. Made by `SpawnedProcesses`."""

    def __init__(self, workers: int) -> None:
        """Have room for so many workers; none runs yet."""
        self._size = workers
        self._workers: list[_Worker] = []
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        # As many threads as workers: a thread always finds an idle one.
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="worker-pipe")
        self._starting = threading.Lock()  # no worker is born after the end
        self._ended = False

    @property
    def workers(self) -> int:
        """How many calls run side by side."""
        return self._size

    async def run(
        self, call: Callable[Parameters, Outcome], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Outcome:
        """Run a module-level function in a worker; its errors come back as they are.

        A cancelled caller leaves at once: the worker finishes the call for nobody, or is killed with the pool.

        Raises:
            StateError: REVISION_CONFLICT when a worker died; the step is tried again.
        """
        return cast(Outcome, await self._threaded(self._ask, call, args, kwargs))

    async def begin(self, setup: Callable[..., None], args: tuple[object, ...]) -> None:
        """Start the workers and let each call `setup(*args)`."""
        message = _packed(setup, args, {})
        started = [self._threaded(self._start, message) for _ in range(self._size)]
        for outcome in await asyncio.gather(*started, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def end(self) -> None:
        """Kill the workers; return when they and the threads are gone."""
        with self._starting:
            self._ended = True
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.bury()

    def _start(self, setup: bytes) -> None:
        with self._starting:
            if self._ended:
                return
            worker = _Worker()
            self._workers.append(worker)
        worker.ask(setup)
        self._idle.put(worker)

    def _ask(self, call: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        message = _packed(call, args, kwargs)
        worker = self._idle.get()
        try:
            return worker.ask(message)
        finally:
            self._idle.put(worker)  # a dead one too: whoever gets it learns at once

    def _threaded(self, call: Callable[..., object], *args: object) -> asyncio.Future[object]:
        if self._ended:
            raise Misuse("a pool was used after its end")
        return asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


class _Worker:
    """One process and the pipes to it."""

    def __init__(self) -> None:
        # A session of its own: an interrupt from the terminal is for the server, which then ends the worker.
        # Paths as they are here, so that what is named here is found there.
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", spawned.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **_ONE_THREAD, "PYTHONPATH": paths},
                start_new_session=True,
            )
        except OSError as error:
            raise StateError(
                "REVISION_CONFLICT", f"no worker process could be started ({error.strerror}); the step is tried again"
            ) from error

    def ask(self, message: bytes) -> object:
        """Send a call and return its answer, or raise what it raised."""
        to_it, from_it = self._process.stdin, self._process.stdout
        if to_it is None or from_it is None:
            raise Misuse("a worker process has no pipes")
        try:
            spawned.send(to_it, message)
            answer: spawned.Answer = spawned.unpacked(spawned.receive(from_it))
        except (EOFError, OSError) as error:
            raise StateError(
                "REVISION_CONFLICT",
                f"a worker process died (status {self._status()}); the step is tried again, look for a lack of memory",
            ) from error
        if len(answer) == 1:
            return answer[0]
        kind, args, state = answer
        failure = kind.__new__(kind, *args)  # without __init__, whose parameters may be others than `args`
        failure.__dict__.update(state)
        raise failure

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()

    def bury(self) -> None:
        """Wait for the end and close the pipes, which nobody uses any more."""
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # bytes that the dead process never read
                    pipe.close()

    def _status(self) -> str:
        try:
            return str(self._process.wait(_LAST_BREATH_S))
        except subprocess.TimeoutExpired:
            return "unknown"


def _packed(call: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> bytes:
    try:
        return spawned.packed((call, args, kwargs))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise Misuse("a worker is given module-level functions and plain values only") from error
