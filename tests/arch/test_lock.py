"""requirements.lock satisfies pyproject.toml and names no address."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.arch.source_tree import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _locked() -> dict[str, set[Version]]:
    found: dict[str, set[Version]] = defaultdict(set)
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE):
        found[canonicalize_name(name)].add(Version(version))
    return found


def _declared() -> list[str]:
    groups: dict[str, list[Any]] = PYPROJECT["dependency-groups"]
    listed = [entry for group in groups.values() for entry in group if isinstance(entry, str)]
    declared = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["build-system"]["requires"], *listed]
    verify = ROOT / "verify" / "pyproject.toml"
    if verify.exists():
        other = tomllib.loads(verify.read_text(encoding="utf-8"))
        declared += [*other["project"].get("dependencies", []), *other["build-system"]["requires"]]
    return declared


@pytest.mark.parametrize("declared", _declared())
def test_lock_satisfies(declared: str) -> None:
    requirement = Requirement(declared)
    versions = _locked()[canonicalize_name(requirement.name)]
    assert versions, f"{requirement.name} is not locked: make lock"
    assert all(requirement.specifier.contains(version) for version in versions), f"make lock: {requirement}, {versions}"


def test_every_entry_has_hashes() -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) > 40
    for entry in entries:
        first = entry.splitlines()[0]
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; .+)? \\", first), first
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}", entry, re.MULTILINE), first


def test_lock_names_no_address() -> None:
    for forbidden in ("://", "--index", "--extra-index", "--find-links", "--trusted-host", " @ ", "file:", "-e "):
        assert forbidden not in LOCK
