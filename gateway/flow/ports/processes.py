"""Arithmetic of large integers, beside the server: spawned processes that hold one run's key and end with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import ParamSpec, Protocol, TypeVar

Parameters = ParamSpec("Parameters")
Outcome = TypeVar("Outcome")


class Pool(Protocol):
    """Workers of one run."""

    @property
    def workers(self) -> int:
        """How many calls run side by side."""
        ...

    async def run(
        self, call: Callable[Parameters, Outcome], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Outcome:
        """Run a module-level function of `gateway.he` in a worker; its errors come back as they are.

        Raises:
            StateError: REVISION_CONFLICT when a worker died; the step is tried again.
        """
        ...


class Processes(Protocol):
    """Makes pools. A worker imports engine, he and kernel only, and is spawned, never forked."""

    def pool(self, setup: Callable[..., None], *args: object) -> AbstractAsyncContextManager[Pool]:
        """Start workers, each calling `setup(*args)` first; at the end they are gone, with all that they held.

        Args:
            setup: module-level function of `gateway.he` that installs keys in the worker.
            args: picklable; secrets go through a pipe to the worker, never to disk or a command line.
        """
        ...
