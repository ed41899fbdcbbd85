"""A worker process: reads calls from a pipe, answers on another, and ends with whoever started it.

Run as a script by `gateway.engine.processes`. It imports the standard library only; what
else it loads is what the calls name.
"""

from __future__ import annotations

import os
import pickle  # nosec B403
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import IO, Any

_LENGTH = struct.Struct(">Q")
_PROTOCOL = pickle.HIGHEST_PROTOCOL

Call = tuple[Callable[..., object], tuple[object, ...], dict[str, object]]
# What a call returned; or the class, arguments and attributes of what it raised.
Answer = tuple[object] | tuple[type[BaseException], tuple[object, ...], dict[str, object]]


def send(pipe: IO[bytes], message: bytes) -> None:
    """Write one message."""
    pipe.write(_LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes:
    """Read one message.

    Raises:
        EOFError: the other side is gone.
    """
    head = pipe.read(_LENGTH.size)
    if len(head) == _LENGTH.size:
        (length,) = _LENGTH.unpack(head)
        message = pipe.read(length)
        if len(message) == length:
            return message
    raise EOFError


def packed(message: Call | Answer) -> bytes:
    """Write a call or an answer as bytes."""
    return pickle.dumps(message, _PROTOCOL)


def unpacked(message: bytes) -> Any:
    """Read what `packed` wrote."""
    # Bytes come from the pipe between the two processes only.
    return pickle.loads(message)  # nosec B301


def main() -> None:
    """Answer calls until the other side is gone."""
    # Nothing that prints may come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    calls: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, calls), daemon=True).start()
    while True:
        send(answers, _answer(calls.get()))


def _listen(pipe: IO[bytes], calls: SimpleQueue[bytes]) -> None:
    """Pass calls on; a thread of its own, so that the end of the other side ends a call in progress."""
    while True:
        try:
            calls.put(receive(pipe))
        except (EOFError, OSError):
            os._exit(0)


def _answer(message: bytes) -> bytes:
    try:
        call, args, keywords = unpacked(message)
        return packed((call(*args, **keywords),))
    except Exception as error:
        # Where it was raised, without values: the frames stay behind in this process.
        error.add_note("".join(["in a worker process:\n", *traceback.format_tb(error.__traceback__)]))
        return _failure(error)


def _failure(error: BaseException) -> bytes:
    try:
        message = packed((type(error), error.args, dict(error.__dict__)))
        unpacked(message)
    except Exception:
        # An argument of the error cannot travel: its kind and its notes can.
        notes: dict[str, object] = {"__notes__": list(getattr(error, "__notes__", ()))}
        return packed((RuntimeError, (f"{type(error).__name__} in a worker process",), notes))
    return message


if __name__ == "__main__":
    main()
