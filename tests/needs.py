"""What some tests need and a machine may lack."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import browser, golang, javascript, mysql, postgres


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that some tests need: its name in ASSENT_REQUIRE is also its marker."""

    name: str
    fixtures: frozenset[str]
    absent: Callable[[], str | None]  # None, or why the need cannot be met here

    def is_needed_by(self, item: pytest.Item) -> bool:
        return not self.fixtures.isdisjoint(getattr(item, "fixturenames", ())) or (
            item.get_closest_marker(self.name) is not None
        )


def _vectors_absent() -> str | None:
    named = os.environ.get("ASSENT_VECTORS", "")
    if not named:
        return "ASSENT_VECTORS is not set"
    if not Path(named).is_dir():
        return f"ASSENT_VECTORS names no directory: {named}"
    return None


def _thorough_absent() -> str | None:
    return (
        None if os.environ.get("ASSENT_THOROUGH") else "it repeats what shorter tests show; ASSENT_THOROUGH=1 runs it"
    )


def _ifma_absent() -> str | None:
    """.ci/run requires it wherever the processor has it: a build that lost the vector kernel then fails."""
    from gateway.kernel import isa  # most test runs of one file need it for nothing

    return None if "ifma" in isa.AVAILABLE else "neither this build nor this processor holds AVX-512 IFMA"


def _child_memory_absent() -> str | None:
    """Ask by reading a child's memory, as the tests do: a system may forbid it in more than one way."""
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        try:
            first = int(Path(f"/proc/{child.pid}/maps").read_text().split("-", 1)[0], 16)
            with Path(f"/proc/{child.pid}/mem").open("rb", buffering=0) as memory:
                memory.seek(first)
                memory.read(1)
        except (OSError, ValueError) as error:
            return f"this system does not let a process read its child's memory ({type(error).__name__})"
        finally:
            child.kill()
    return None


NEEDS = {
    need.name: need
    for need in (
        Need("postgres", frozenset({"postgres_dsn", "postgres_url", "new_postgres_url"}), postgres.absent),
        Need("mysql", frozenset({"mysql_server"}), mysql.absent),
        Need("vectors", frozenset({"vectors_dir"}), _vectors_absent),
        Need("node", frozenset(), javascript.absent),
        Need("go", frozenset(), golang.absent),
        Need("browser", frozenset(), browser.absent),
        Need("ifma", frozenset(), _ifma_absent),
        Need("child_memory", frozenset(), _child_memory_absent),
        Need("thorough", frozenset(), _thorough_absent),
    )
}


def required_needs(names: str) -> list[str]:
    """The needs that ASSENT_REQUIRE lists, separated by commas; an unknown one is a usage error."""
    required = [name.strip() for name in names.split(",") if name.strip()]
    for name in required:
        if name not in NEEDS:
            raise pytest.UsageError(f"ASSENT_REQUIRE names {name!r}; known are {', '.join(sorted(NEEDS))}")
    return required
