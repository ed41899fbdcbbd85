"""`python -m gateway.main` is the command `assent`."""

from __future__ import annotations

import sys


def start() -> int:
    """Run the command line in a process of its own and return its exit code."""
    # Arrow loads pandas with the first array that it makes of a list, if it finds it: a second and 40 MB, for a server
    # and commands that never use it. Whoever asks the client for frames does so in a program of their own.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    from gateway.main import main

    return main()


if __name__ == "__main__":
    sys.exit(start())
