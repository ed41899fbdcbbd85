"""How a command ends: one sentence on stderr and an exit code that scripts can rely on.

0  done (a denied consent decision is an answer)
1  refused or failed
2  wrong usage
3  the gateway, its database or the partner cannot be reached
4  not authenticated, or the token lacks the role
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from gateway.client import Cancelled, Refused
from gateway.errors import AccessError, AssentError, RequestError, StateError

FAILED, USAGE, UNAVAILABLE, DENIED = 1, 2, 3, 4
INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def run_command(command: Callable[[], object]) -> int:
    """Run a command and return its exit code.

    Args:
        command: the command line as Typer runs it: it ends in SystemExit, or in what a command raised.
    """
    try:
        command()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else FAILED if end.code else 0
        if code != INTERRUPTED:
            return code
        return _say("interrupted; a job that was started goes on (assent job list)", INTERRUPTED)
    except Refused as refused:
        return _say(f"refused ({refused.reason_code}): {refused.message}", FAILED)
    except Cancelled as cancelled:
        return _say(str(cancelled), FAILED)
    except AssentError as error:
        return _say(f"error ({error.reason}): {error.message}", exit_code(error))
    return 0


def exit_code(error: AssentError) -> int:
    """Return the exit code of an error."""
    if isinstance(error, AccessError):
        return DENIED
    if isinstance(error, StateError) and error.reason in ("PEER_UNAVAILABLE", "STORE_UNAVAILABLE"):
        return UNAVAILABLE
    return USAGE if isinstance(error, RequestError) else FAILED


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"assent: {sentence}\n")
    return code
