"""What every test shares: needs that may be absent, the network switch, short directories.

Nothing is skipped silently. A test that needs the published vectors or a PostgreSQL server is deselected where that is
absent, and the summary prints one line per need, ``NOT RUN: postgres (12 tests)``. Where ``ASSENT_REQUIRE`` names the
need, its absence ends the run with an error instead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests import network, postgres
from tests.mysql import mysql_server
from tests.needs import NEEDS, required_needs
from tests.postgres import _migrated, new_postgres_url, postgres_dsn, postgres_url

__all__ = ["_migrated", "mysql_server", "new_postgres_url", "postgres_dsn", "postgres_url", "short_dir", "vectors_dir"]

MEMORY = Path("/dev/shm")  # a file system in memory, on Linux
ROOM_BYTES = 6 << 30


def _leave_the_disk_alone() -> None:
    """Write to memory where there is room and nobody says otherwise: tests sync thousands of times."""
    usable = "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK)
    if usable and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # asked for again


_leave_the_disk_alone()

# No deadline: the machines that run this differ by a factor of ten. In CI the examples are the same on every run.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

_NOT_RUN = pytest.StashKey[dict[str, int]]()
_VERSIONS = pytest.StashKey[set[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_NOT_RUN] = {}
    config.stash[_VERSIONS] = set()
    for need in required_needs(os.environ.get("ASSENT_REQUIRE", "")):
        if (reason := NEEDS[need].absent()) is not None:
            raise pytest.UsageError(f"ASSENT_REQUIRE names {need!r}, but {reason}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for need in NEEDS.values():
        needing = [item for item in items if need.is_needed_by(item)]
        if needing and need.absent() is not None:
            config.stash[_NOT_RUN][need.name] = len(needing)
            config.hook.pytest_deselected(items=needing)
            items[:] = [item for item in items if item not in set(needing)]
    # First those of two real gateways: one worker does all of a module, which sets up its gateways once, and none
    # of them is what everybody waits for in the end.
    items.sort(key=lambda item: "e2e" not in item.path.parts)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under xdist a worker hands its counts to the controller."""
    config = session.config
    config.stash[_VERSIONS] |= postgres.versions_seen
    output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if output is not None:
        output["assent_not_run"] = config.stash[_NOT_RUN]
        output["assent_postgres"] = sorted(config.stash[_VERSIONS])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Every worker collects the same tests, so that the counts agree; a crashed worker hands over nothing."""
    output = getattr(node, "workeroutput", None) or {}
    node.config.stash[_NOT_RUN].update(output.get("assent_not_run", {}))
    node.config.stash[_VERSIONS] |= set(output.get("assent_postgres", []))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for version in sorted(config.stash[_VERSIONS]):
        terminalreporter.write_line(f"postgres: {version}")
    for need, count in sorted(config.stash[_NOT_RUN].items()):
        terminalreporter.write_line(f"NOT RUN: {need} ({count} {'test' if count == 1 else 'tests'})", yellow=True)


@pytest.fixture(scope="session")
def vectors_dir() -> Path:
    """The directory of published vector sets that ``ASSENT_VECTORS`` names."""
    reason = NEEDS["vectors"].absent()
    if reason is not None:
        pytest.fail(f"mark the test with @pytest.mark.vectors: {reason}")
    return Path(os.environ["ASSENT_VECTORS"]).resolve()


@pytest.fixture(autouse=True)
def _network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Unit tests reach no network at all, not even loopback; the others reach loopback only."""
    unit = Path(__file__).parent / "unit"
    allowed = network.Reach.NOTHING if request.path.is_relative_to(unit) else network.Reach.LOOPBACK
    with network.limited_to(allowed):
        yield


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A private directory whose path leaves room for a Unix socket's name (108 bytes with its directory)."""
    path = Path(tempfile.mkdtemp(prefix="as-"))
    yield path
    shutil.rmtree(path)
