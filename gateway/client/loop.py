"""An event loop in a thread of its own, which turns asynchronous calls into blocking ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
Value = TypeVar("Value")


class LoopThread:
    """Runs coroutines for callers that have no event loop."""

    def __init__(self) -> None:
        """Start the thread; it ends with `close` or with the process."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="assent-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Run a coroutine and wait for it; an interrupt of the caller cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def blocking(self, call: Callable[P, Coroutine[Any, Any, Value]]) -> Callable[P, Value]:
        """Return a blocking form of a coroutine function."""

        def wait(*args: P.args, **kwargs: P.kwargs) -> Value:
            return self.run(call(*args, **kwargs))

        wait.__doc__ = call.__doc__
        return wait

    def iterating(self, call: Callable[P, AsyncIterator[Value]]) -> Callable[P, Generator[Value, None, None]]:
        """Return a blocking form of an async generator function; leaving the iteration ends the call."""

        def iterate(*args: P.args, **kwargs: P.kwargs) -> Generator[Value, None, None]:
            values = call(*args, **kwargs)
            try:
                while True:
                    try:
                        yield self.run(_next(values))
                    except StopAsyncIteration:
                        return
            finally:
                self.run(_close(values))

        iterate.__doc__ = call.__doc__
        return iterate

    def close(self) -> None:
        """Stop the loop and wait for the thread."""
        if self._thread.is_alive():
            self.run(_ended())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


async def _ended() -> None:
    """Cancel what still ends, such as calls that were left early, and let it: a loop that stops complains of it."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _next(values: AsyncIterator[Value]) -> Value:
    return await anext(values)


async def _close(values: Any) -> None:
    await values.aclose()
