"""A virtual environment for each peer, made when it is first needed: bench/.venvs/NAME."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

VENVS = Path(__file__).resolve().parents[1] / ".venvs"
SPU = ("spu", ("spu==0.9.5",))
OPENMINED = ("openmined", ("openmined-psi==2.0.6",))
PLOT = ("plot", ("matplotlib==3.10.7",))

_DONE = ".installed"


def python_of(venv: tuple[str, tuple[str, ...]]) -> Path:
    """Return the Python of an environment with these packages; make it when it is not there.

    Raises:
        subprocess.CalledProcessError: it could not be made; what the tool said went to stderr.
    """
    name, packages = venv
    folder = VENVS / name
    python, done = folder / "bin" / "python", folder / _DONE
    wanted = "\n".join(packages)
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        _run(uv, "venv", "--quiet", "--python", sys.executable, folder)
        _run(uv, "pip", "install", "--quiet", "--python", python, *packages)
    else:
        _run(sys.executable, "-m", "venv", folder)
        _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
    done.write_text(wanted, encoding="utf-8")
    return python


def _run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL)
