"""A tenant port per test, and a log that names nobody."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.client import AsyncClient
from gateway.telemetry import configure_log
from tests.e2e.tenant_port.tenant import SECRETS, Tenant, open_tenant


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """The log of the server under test; whatever a test did, it names nobody."""
    root = logging.getLogger()
    kept, root.handlers, raised = root.handlers, [], logging.raiseExceptions
    out = io.StringIO()
    configure_log("debug", stream=out)
    yield out
    root.handlers, logging.raiseExceptions = kept, raised
    assert not [secret for secret in SECRETS if secret in out.getvalue()]


@pytest.fixture
async def tenant(tmp_path: Path) -> AsyncIterator[Tenant]:
    async with open_tenant(tmp_path) as opened:
        yield opened


@pytest.fixture
async def client(tenant: Tenant) -> AsyncIterator[AsyncClient]:
    async with tenant.client() as connected:
        yield connected
