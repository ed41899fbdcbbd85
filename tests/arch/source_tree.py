"""The repository's own files, for tests about the house itself."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("consent", "gateway")
GENERATED = ("gateway/v1/", "gateway/peer/v1/")


@dataclass(frozen=True, slots=True)
class Module:
    path: str  # from the root, with slashes
    text: str

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def tree(self) -> ast.Module:
        return _parse(self.text, self.path)

    @property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree."""
        return _nodes(self.tree)

    def imports(self) -> Iterator[str]:
        """Absolute names of what it imports, at any depth."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                package = Path(self.path).parent.parts
                base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
                origin = ".".join(part for part in (base, node.module) if part)
                yield from (f"{origin}.{alias.name}" for alias in node.names)


@functools.cache
def _parse(text: str, path: str) -> ast.Module:
    return ast.parse(text, path)


@functools.cache
def _nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


@functools.cache
def committed_files() -> tuple[str, ...]:
    """Paths that git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file()))


@functools.cache
def modules(*packages: str) -> tuple[Module, ...]:
    """Hand-written modules of the packages, the product's by default."""
    roots = tuple(f"{package}/" for package in packages or PRODUCT)
    return tuple(
        Module(path, (ROOT / path).read_text(encoding="utf-8"))
        for path in committed_files()
        if path.endswith(".py") and path.startswith(roots) and not path.startswith(GENERATED)
    )
