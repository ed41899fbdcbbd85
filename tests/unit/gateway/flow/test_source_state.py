from __future__ import annotations

from typing import Any, cast

import pytest

from gateway.errors import SourceError
from gateway.flow.ports import SourceScan
from gateway.flow.source_state import SourceState

KEY = bytes(32)


class Scan:
    def __init__(self, **state: str) -> None:
        self.state = state


def scan(**state: str) -> SourceScan:
    return cast(SourceScan, Scan(**state))


def test_passes_agree_in_what_both_read() -> None:
    state = SourceState("crm", KEY)
    for one in (scan(id="a", phone="b"), scan(id="a", mail="c"), scan(), scan(mail="c", phone="b")):
        state.see(1, one)
    state.see(0, scan(id="other"))
    for changed in (scan(id="x"), scan(id="a", phone="x"), scan(mail="x")):
        with pytest.raises(SourceError, match="data set crm is not as it was") as caught:
            state.see(1, changed)
        assert caught.value.reason == "SOURCE_CHANGED"


def test_what_is_kept_of_a_run_tells_nothing_without_its_key_and_is_compared_after_a_restart() -> None:
    first = SourceState("crm", KEY)
    first.see(0, scan(id="a"))
    first.see(1, scan(id="a"))
    known: Any = first.known
    assert len(known) == 2
    assert known[0] != known[1]
    assert "a" not in {*known[0].values(), *known[1].values()}
    again = SourceState("crm", KEY, known)
    again.see(1, scan(id="a", phone="b"))
    with pytest.raises(SourceError):
        SourceState("crm", KEY, known).see(0, scan(id="b"))
    with pytest.raises(SourceError):
        SourceState("crm", bytes([1]) * 32, known).see(0, scan(id="a"))
    # A cohort that was judged before states were kept.
    SourceState("crm", KEY).see(0, scan(id="b"))
