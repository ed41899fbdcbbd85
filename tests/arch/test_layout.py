"""Sizes, names, and what must not stand in a committed file."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import PurePosixPath

import pytest

from tests.arch.source_tree import GENERATED, ROOT, committed_files, modules

MAX_LINES = 600
MAX_MEDIAN = 150
NINE_IN_TEN = 400
BANNED_WORDS = {"manager", "managers", "helper", "helpers", "util", "utils", "processor", "processors", "data", "info"}

# Written in pieces, so that this file passes its own test.
MACHINE_PATHS = re.compile(r"/wo" r"rk/|/ro" r"ot/|/opt/(?:whe" r"els|py" r"pi)")
REGISTRIES = re.compile(r"\b(?:py" r"pi\.org|python" r"hosted\.org|registry\.npm" r"js\.org|crates" r"\.io)\b")
SHARED = re.compile(r"shared/" r"data")
MAY_NAME_SHARED = {".ci/run"}
BINARY = {".binpb", ".png", ".ico", ".woff2", ".arrow"}


def test_sizes() -> None:
    sizes = {module.path: module.lines for module in modules()}
    assert not {path: lines for path, lines in sizes.items() if lines > MAX_LINES}
    # Empty package markers would flatter the figures.
    real = sorted(lines for lines in sizes.values() if lines)
    assert statistics.median(real) <= MAX_MEDIAN
    assert real[int(len(real) * 0.9)] < NINE_IN_TEN


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def test_names_say_something() -> None:
    found = []
    for module in modules("consent", "gateway", "verify", "scripts"):
        parts = PurePosixPath(module.path).with_suffix("").parts
        found += [module.path for part in parts if _words(part) & BANNED_WORDS]
        found += [
            f"{module.path}: class {node.name}"
            for node in module.nodes
            if isinstance(node, ast.ClassDef) and _words(node.name) & BANNED_WORDS
        ]
    assert not found


def test_names_test_sees_words() -> None:
    assert _words("ErrorInfo") == {"error", "info"}
    assert _words("SessionManager") & BANNED_WORDS
    assert not _words("metadata_digest") & BANNED_WORDS
    assert _words("HTTPHelper") == {"http", "helper"}


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRIES], ids=["machine paths", "registries"])
def test_no_committed_file_names(pattern: re.Pattern[str]) -> None:
    assert not _naming(pattern)


def test_only_ci_knows_where_shared_vectors_lie() -> None:
    assert _naming(SHARED) <= MAY_NAME_SHARED


def _naming(pattern: re.Pattern[str]) -> set[str]:
    texts = (path for path in committed_files() if PurePosixPath(path).suffix not in BINARY)
    return {path for path in texts if pattern.search((ROOT / path).read_text(encoding="utf-8"))}


def test_product_leaves_no_work_undone() -> None:
    undone = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|NotImplemented" r"Error)\b")
    assert not {module.path for module in modules() if undone.search(module.text)}


def test_makefile_knows_every_command_of_the_readme() -> None:
    targets = set(re.findall(r"^([a-z.][\w.-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    named = {
        target
        for block in blocks
        for line in re.findall(r"^\s*(?:\$ )?make ([^#\n]+)", block, re.MULTILINE)
        for target in line.split()
        if "=" not in target
    }
    assert named
    assert named <= targets, f"README.md names {sorted(named - targets)}, the Makefile does not"


def test_makefile_help_names_real_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z.][\w.-]*):", makefile, re.MULTILINE))
    assert set(re.findall(r"echo 'make ([\w.-]+)", makefile)) <= targets


def test_generated_packages_hold_stubs_only() -> None:
    stubs = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi", "__init__.py")
    assert not [path for path in committed_files() if path.startswith(GENERATED) and not path.endswith(stubs)]
