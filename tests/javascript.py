"""The JavaScript verifier, asked many things by one process."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LIBRARIES = ROOT / "verify" / "js" / "node_modules" / "@noble"
NEEDED = (20, 19)
PATIENCE_S = 180


def absent() -> str | None:
    """Why it cannot be asked here, or None."""
    node = shutil.which("node")
    if node is None:
        return "there is no node on the PATH"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    version = tuple(int(part) for part in said.removeprefix("v").split(".")[:2] if part.isdigit())
    if version < NEEDED:
        return f"node is {said or 'of no version'}, older than {NEEDED[0]}.{NEEDED[1]}"
    if not all((LIBRARIES / name / "package.json").is_file() for name in ("curves", "hashes")):
        return "its libraries are not installed: make js"
    return None


def ask(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an answer to each question; see answer.mjs."""
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run(
        [node, str(Path(__file__).with_name("answer.mjs"))],
        input=json.dumps(questions).encode(),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(answers) == len(questions)
    return answers


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()
