"""The port `Processes` within this process, for two gateways in one test: one worker, a thread.

A real worker belongs to one run. Here the modules of `gateway.he` are shared by all pools of
both gateways, so whoever calls after another pool did installs its keys again first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from gateway.flow.ports.processes import Pool

Parameters = ParamSpec("Parameters")
Outcome = TypeVar("Outcome")

_turn = threading.Lock()
_installed: object = None


class InlineProcesses:
    @asynccontextmanager
    async def pool(self, setup: Callable[..., None], *args: object) -> AsyncIterator[Pool]:
        pool = InlinePool(setup, args)
        await pool.run(_nothing)
        try:
            yield pool
        finally:
            pool.ended = True


class InlinePool:
    def __init__(self, setup: Callable[..., None], args: tuple[object, ...]) -> None:
        self._setup, self._args = setup, args
        self.ended = False

    @property
    def workers(self) -> int:
        return 1

    async def run(
        self, call: Callable[Parameters, Outcome], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Outcome:
        def in_turn() -> Outcome:
            global _installed
            with _turn:
                if _installed is not self:
                    _installed = None
                    self._setup(*self._args)
                    _installed = self
                return call(*args, **kwargs)

        assert not self.ended, "a pool was used after its end"
        return await asyncio.to_thread(in_turn)


def _nothing() -> None:
    """Let `setup` be called."""
