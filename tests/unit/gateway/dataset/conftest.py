from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.dataset import csv_bytes
from tests.unit.gateway.dataset.scans import readers


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert readers() == []


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_bytes, "BLOCK", 512)
