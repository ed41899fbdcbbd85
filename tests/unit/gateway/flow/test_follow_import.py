"""An import told batch by batch, a trial that stores nothing, and acts that never become a consent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.errors import AccessError, RequestError
from gateway.flow import consent as route
from gateway.flow.consent import Settled, follow_import, import_events
from tests.unit.gateway.flow.houses import ADMIN
from tests.unit.gateway.flow.shops import (
    CDP,
    Shop,
    consent_entries,
    given,
    pieces,
    reason,
    shop,
    take,
    withdrawn,
)

__all__ = ["shop"]

SMALL = {"import_batch": 4}
BAD = given(3, at="yesterday")


async def told(
    shop: Shop, rows: Sequence[dict[str, Any]], *, whole: bool = False, trial: bool = False
) -> list[Settled]:
    house = shop.cut_to(**SMALL)
    return [step async for step in follow_import(house, CDP, "customer", pieces(rows, 3), whole, trial)]


def counts(steps: Sequence[Settled]) -> list[tuple[int, int, int, list[int]]]:
    return [(step.row, step.accepted, step.replayed, [error.row for error in step.rejected]) for step in steps]


async def test_each_batch_is_told_with_every_rejected_row(shop: Shop) -> None:
    await take(shop.house, [given(5)])
    rows = [given(1), BAD, BAD, given(4), given(5), given(5, consent_id="other"), given(7)]
    assert counts(await told(shop, rows)) == [(4, 2, 0, [2, 3]), (7, 1, 1, [6])]
    many = [BAD] * 30
    steps = await told(shop, many)
    assert [error.row for step in steps for error in step.rejected] == list(range(1, 31))


async def test_what_is_told_is_stored(shop: Shop) -> None:
    steps = follow_import(shop.cut_to(**SMALL), CDP, "customer", pieces([given(n) for n in range(12)], 4), False)
    assert (await anext(steps)).row == 4  # type: ignore[call-overload]
    stored = len(await consent_entries(shop.house))
    assert stored >= 4
    await steps.aclose()  # type: ignore[attr-defined]
    report = await take(shop.house, [given(n) for n in range(12)])
    assert report.accepted + report.replayed == 12
    assert report.replayed in (stored, stored + 4)


@pytest.mark.parametrize("whole", [False, True])
async def test_a_trial_says_what_an_import_would_do_and_does_nothing(shop: Shop, whole: bool) -> None:
    await take(shop.house, [given(1), withdrawn(1)])
    rows = [given(1), given(2), given(2), given(3), given(2, consent_id="other"), given(1, consent_id="other"), BAD]
    before = len(await consent_entries(shop.house))
    tried = await import_events(shop.cut_to(**SMALL), CDP, "customer", pieces(rows), whole, True)
    assert len(await consent_entries(shop.house)) == before
    assert await reason(shop.house, 2) == "NO_CONSENT"
    done = await import_events(shop.cut_to(**SMALL), CDP, "customer", pieces(rows), whole)
    assert tried == done
    assert tried.rejected_count == 3
    good = await import_events(shop.cut_to(**SMALL), CDP, "customer", pieces([given(8), given(9)]), whole, True)
    assert (good.accepted, good.rejected_count) == (2, 0)


async def test_a_trial_is_of_any_size(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "MAX_ROWS_AT_ONCE", 5)
    rows = [given(number) for number in range(20)]
    for whole in (False, True):
        assert [step.rejected for step in await told(shop, rows, whole=whole, trial=True) if step.rejected] == []
    near = await told(shop, [*rows, given(18, consent_id="other")], trial=True)
    assert counts(near)[-1] == (21, 0, 0, [21])


async def test_what_can_be_refused_is_refused_before_a_row_is_read(shop: Shop) -> None:
    async def rows() -> Any:
        raise AssertionError("nobody asked for a row")
        yield []

    with pytest.raises(AccessError):
        await anext(follow_import(shop.house, ADMIN, "customer", rows(), False))  # type: ignore[call-overload]
    with pytest.raises(RequestError):
        await anext(follow_import(shop.house, CDP, "C1", rows(), False))  # type: ignore[call-overload]


PAPER = {
    "action": "paper",
    "evidence_ref": "box 7, sheet 19",
    "scan_hash": "cd" * 32,
    "witness": "staff-0042",
    "place": "store 17",
    "channel": "store",
}


async def test_acts_that_are_taken_in_and_never_become_a_consent(shop: Shop) -> None:
    """They happened, so they are on file; the rule says what they are worth."""
    rows = [
        given(1, by="staff", **PAPER),
        given(2, mode="preticked"),
        given(3, at="2026-11-20T09:06:01Z"),
        given(4, evidence=False),
        given(5, **PAPER),
    ]
    assert (await take(shop.house, rows)).accepted == 5
    found = [await reason(shop.house, number) for number in range(1, 6)]
    assert found[:2] == ["CONSENT_INVALID", "CONSENT_INVALID"]
    assert found[2] in ("RECORD_UNTRUSTED", "NO_CONSENT")
    assert found[3] == "RECORD_UNTRUSTED"
    assert found[4] == "OK_CONSENT"
    (entry,) = [one for one in await consent_entries(shop.house) if one["event_id"] == rows[4]["event_id"]]
    assert {name: entry[name] for name in PAPER} == PAPER


async def test_a_proof_is_part_of_what_a_replay_repeats(shop: Shop) -> None:
    await take(shop.house, [given(1, **PAPER)])
    again = await take(shop.house, [given(1, **PAPER), given(1, **PAPER | {"scan_hash": "ce" * 32})])
    assert (again.replayed, [(error.row, error.field) for error in again.rejected]) == (1, [(2, "event_id")])


async def test_a_withdrawal_of_a_merged_person_reaches_the_others(shop: Shop) -> None:
    merge = {"event_id": "m", "type": "identity_merged", "at": "2026-11-01T10:00:00Z", "subject": "C1"}
    await take(shop.house, [given(1), given(2), merge | {"subjects": ["C1", "C2"]}])
    assert [await reason(shop.house, number) for number in (1, 2)] == ["OK_CONSENT", "OK_CONSENT"]
    shop.house.clock.advance(hours=1)  # type: ignore[attr-defined]
    await take(shop.house, [withdrawn(2)])
    assert "OK_CONSENT" not in [await reason(shop.house, number) for number in (1, 2)]
