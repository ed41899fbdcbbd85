"""Run commands of `assent` in one process, for loading the program takes longer than most of them.

    python commands.py DIR HOME WORD... [+ HOME WORD...]...

HOME is a folder of DIR; the rest is what stands behind `assent --home HOME`. Ends with the first command that fails.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from gateway.main.__main__ import start


def run(folder: Path, words: list[str]) -> int:
    for between, command in groupby(words, "+".__eq__):
        if between:
            continue
        home, *rest = command
        sys.argv = ["assent", "--home", str(folder / home), *rest]
        if code := start():
            return code
    return 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
