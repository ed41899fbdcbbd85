"""The receiver's own system: it asks its gateway for a run and writes the result, with the command line of the product.

Called with one JSON object: words (of the command `assent`), control (a file descriptor). It says "ready" when it is
loaded.
"""

from __future__ import annotations

import json
import socket
import sys

import pyarrow.csv
import pyarrow.parquet  # noqa: F401  # loaded before it says that it is ready

from gateway.cli import app


def main() -> None:
    asked = json.loads(sys.argv[1])
    control = socket.socket(fileno=asked["control"]).makefile("rw")
    print("ready", file=control, flush=True)
    control.readline()
    code = app(asked["words"], prog_name="assent", standalone_mode=False)
    if code:
        raise SystemExit(code)
    print("{}", file=control, flush=True)
    # Its processor time and memory are read while it lives.
    control.readline()


if __name__ == "__main__":
    main()
