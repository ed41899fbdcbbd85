"""`python -m gateway.main` is the command `assent`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder


class _WithoutPandas(MetaPathFinder):
    """Finds no pandas.

    Arrow loads it with the first array that it makes of a list, if it is there: a second and 40 MB, for a server and
    commands that never use it. Whoever asks the client for frames does so in a program of their own.
    """

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is left out here", name=fullname)


def start() -> int:
    """Run the command line in a process of its own and return its exit code."""
    sys.meta_path.insert(0, _WithoutPandas())
    from gateway.main import main

    return main()


if __name__ == "__main__":
    sys.exit(start())
