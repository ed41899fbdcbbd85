from __future__ import annotations

import os
from pathlib import Path

import pytest

PARTY = '[party]\nid = "retailer"\nlegal_name = "零售有限公司"\n'


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests are not those of the tests."""
    for name in list(os.environ):
        if name.startswith("ASSENT_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


@pytest.fixture
def plain_home(tmp_path: Path) -> Path:
    (tmp_path / "assent.toml").write_text(PARTY, encoding="utf-8")
    return tmp_path
