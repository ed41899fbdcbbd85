"""The Go project's transparency log (golang.org/x/mod), which owes nothing to us: a program that is built once."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parent / "foreign" / "log.go"
PACKAGES = Path("/usr/share/gocode")  # where Debian's golang-golang-x-mod-dev puts it
PATIENCE_S = 120


def absent() -> str | None:
    """Why it cannot be asked here, or None."""
    if shutil.which("go") is None:
        return "there is no go on the PATH"
    if not (PACKAGES / "src" / "golang.org" / "x" / "mod" / "sumdb" / "tlog").is_dir():
        return "golang.org/x/mod is not installed: Debian's package golang-golang-x-mod-dev"
    return None


@cache
def _program() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="as-go-"))
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(PACKAGES), "GOCACHE": str(folder / "cache")}
    go = shutil.which("go")
    assert go is not None
    command = [go, "build", "-o", str(folder / "log"), str(SOURCE)]
    subprocess.run(command, env=environment, check=True, timeout=PATIENCE_S)
    return folder / "log"


def ask(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the program; see log.go for its words."""
    command = [str(_program()), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
