#!/usr/bin/env python3
"""Checks systemd units: `systemd-analyze verify` has nothing to say, and the exposure stays under a limit.

Verification wants the program of ExecStart to exist, so it reads a copy in which that is the `assent` of this
environment.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MAX_EXPOSURE_TENTHS = 20  # systemd rates 0.0 (sealed) to 10.0 (open); services at 2.0 and below count as "OK"
INSTALLED = "/usr/bin/assent"


def check(unit: Path) -> list[str]:
    """Names what is wrong with a unit.

    Args:
        unit: The unit file.

    Returns:
        The complaints, empty when there is none.
    """
    here = Path(sys.executable).parent / "assent"
    text = unit.read_text(encoding="utf-8")
    if f"={INSTALLED} " not in text:
        return [f"{unit}: ExecStart does not run {INSTALLED}"]
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / unit.name
        copy.write_text(text.replace(f"={INSTALLED} ", f'="{here}" '), encoding="utf-8")
        verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)]
        verified = subprocess.run(verify, capture_output=True, text=True, check=False)
        limit = f"--threshold={MAX_EXPOSURE_TENTHS}"
        rate = ["systemd-analyze", "security", "--offline=true", "--no-pager", limit, str(copy)]
        rated = subprocess.run(rate, capture_output=True, text=True, check=False)
    complaints = [line for line in (verified.stdout + verified.stderr).splitlines() if line.strip()]
    if verified.returncode != 0 and not complaints:
        complaints.append(f"{unit}: systemd-analyze verify returned {verified.returncode}")
    verdict = re.search(r"Overall exposure level .*", rated.stdout)
    print(f"{unit}: {verdict.group() if verdict else 'no exposure level'}")
    if rated.returncode != 0 or verdict is None:
        complaints.append(f"{unit}: exposure above {MAX_EXPOSURE_TENTHS / 10}: {rated.stderr.strip()}")
    return complaints


def main() -> None:
    """Checks the units named on the command line."""
    if shutil.which("systemd-analyze") is None:
        print("NOT RUN: systemd-analyze (not installed; Debian package systemd)")
        return
    complaints = [complaint for name in sys.argv[1:] for complaint in check(Path(name))]
    if complaints:
        raise SystemExit("\n".join(complaints))


if __name__ == "__main__":
    main()
