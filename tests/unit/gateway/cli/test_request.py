"""`assent request erase` says what became of the evidence."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.cli import request
from gateway.cli.gateway_options import Output
from gateway.client import Erasure

AT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("erasure", "said"),
    [
        (Erasure(AT, 1, 0, 0, 5), True),
        (Erasure(AT, 1, 0, 0, 5, "hold-1", AT.replace(year=2029)), False),
        (Erasure(AT, 0, 0, 0, 0), False),  # erased before
    ],
)
def test_that_nothing_is_held_is_said(
    erasure: Erasure, said: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = SimpleNamespace(requests=SimpleNamespace(erase=lambda request_id: erasure))
    chosen = SimpleNamespace(client=lambda: nullcontext(client), output=Output.CSV)
    monkeypatch.setattr(request, "options", lambda context: chosen)
    request.erase(cast(Any, None), "request-1")
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "erased_at,events,links,removals,payloads,evidence_hold,keep_until"
    assert (erasure.evidence_hold in out, "No evidence is held" in err) == (True, said)
