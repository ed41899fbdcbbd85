"""Every test of the store runs on both databases, each test on an empty one of its own; gateways come in twins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store import SqlStore, open_store
from tests.contract import given
from tests.empty_stores import empty_sqlite
from tests.twin import Twin, close_all, make_twin

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        path = tmp_path / "assent.db"
        path.write_bytes(empty_sqlite())
        return f"sqlite:///{path}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=BOTH)
def new_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'assent.db'}"
    return str(request.getfixturevalue("new_postgres_url"))


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[SqlStore]:
    opened = await open_store(store_url, now=lambda: given.NOW)
    yield opened
    await opened.close()


@pytest.fixture
async def other(store: SqlStore, store_url: str) -> AsyncIterator[SqlStore]:
    """The same database as another process would have it: through connections of its own."""
    opened = await open_store(store_url, now=lambda: given.NOW)
    yield opened
    await opened.close()


@pytest.fixture
async def twins_closed() -> AsyncIterator[None]:
    """Stop the gateways of the twins that a test makes."""
    yield
    await close_all()


@pytest.fixture
async def twin(tmp_path: Path, twins_closed: None) -> Twin:
    """Two gateways under the usual terms."""
    return await make_twin(tmp_path)
