"""What ends soon is warned of 30, 7 and 1 day before, once each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.flow import export, party, registry
from gateway.flow.ending import list_warnings, warn_of_ends
from gateway.flow.ports import House
from gateway.route.agreement import AgreementState
from gateway.route.task import EndingKind
from tests.contract import given
from tests.contract.timed import DAY, logged, timed_house
from tests.unit.gateway.flow.houses import ADMIN, NOW, OFFICER, StoppedClock, assessment, befriend, open_house

CERTIFICATE_DAYS = 365  # of the test's keys, made at NOW


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def house(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[House]:
    async with timed_house(tmp_path / "one", store_url, clock) as opened:
        yield opened


async def test_each_end_is_warned_of_at_30_7_and_1_day_once(house: House, clock: StoppedClock) -> None:
    ends_at = NOW + 100 * DAY
    body = assessment("platform", id="pia-short", next_review=ends_at.isoformat())
    await registry.create_assessment(house, ADMIN, body)
    seen = {}
    for day in range(1, 102):
        clock.at = NOW + day * DAY
        if (await warn_of_ends(house)).get("assessment"):
            (warning,) = await list_warnings(house, OFFICER, True, None, 10)
            seen[100 - day] = warning.days
        assert await warn_of_ends(house) == {}
    assert seen == {30: 30, 7: 7, 1: 1}
    assert [(entry["id"], entry["days"]) for entry in await logged(house, "end_near")] == [
        ("pia-short", 30),
        ("pia-short", 7),
        ("pia-short", 1),
    ]
    assert await list_warnings(house, OFFICER, False, None, 10) == [], "it is over"
    assert len(await list_warnings(house, OFFICER, True, None, 10)) == 1


async def test_after_a_long_sleep_only_the_nearest_warning_is_raised(house: House, clock: StoppedClock) -> None:
    body = assessment("platform", id="pia-short", next_review=(NOW + 100 * DAY).isoformat())
    await registry.create_assessment(house, ADMIN, body)
    clock.at = NOW + 95 * DAY
    assert await warn_of_ends(house) == {"assessment": 1}
    assert [entry["days"] for entry in await logged(house, "end_near")] == [7]
    # Its next version prolongs it: the end of the one before is none any more.
    prolonged = body | {"next_review": (NOW + 200 * DAY).isoformat()}
    assert (await registry.create_assessment(house, ADMIN, prolonged)).version == 2
    clock.at = NOW + 99.5 * DAY
    assert await warn_of_ends(house) == {}


async def abroad(
    house: House, name: str, contracts: list[tuple[int, int]], role: str = "handler", **of_first: list[str]
) -> None:
    """Register a party in Singapore with contracts from one day to another."""
    body = {
        "id": name,
        "role": role,
        "country": "SG",
        "legal_name": name,
        "contact": f"dpo@{name}.example",
        "contracts": [
            {
                "valid_from": (NOW + begin * DAY).isoformat(),
                "valid_until": (NOW + end * DAY).isoformat(),
                "type": "provision" if role == "handler" else "entrustment",
                "return_or_deletion": "删除",
                "id": f"K-{end}",
                "purposes": ["profile_enrichment"],
                "methods": ["psi_hash"],
                "categories": ["phone_hash"],
                "security_duties": "加密",
                "supervision": "每年检查",
                **(of_first if (begin, end) == contracts[0] else {}),
            }
            for begin, end in contracts
        ],
    }
    await party.create_party(house, ADMIN, body)


async def way_out(house: House, name: str, to: str, kind: str, days: int) -> None:
    body = {
        "id": name,
        "party": to,
        "type": kind,
        "valid_from": NOW.isoformat(),
        "valid_until": (NOW + days * DAY).isoformat(),
        "reference": "备案 7",
    }
    await export.create_mechanism(house, ADMIN, body)


async def test_contracts_and_ways_out_are_watched_as_they_stand(house: House, clock: StoppedClock) -> None:
    three_years = 3 * 365
    await abroad(house, "renewed", [(0, 20), (20, 60)])  # one contract after the other: the last one is its end
    await abroad(house, "lapsing", [(0, 25)])
    await way_out(house, "certificate", "renewed", "certification", three_years)
    await way_out(house, "assessed", "lapsing", "security_assessment", three_years)
    await way_out(house, "filed", "lapsing", "standard_contract", 90)
    assert await warn_of_ends(house) == {"contract": 1}
    (warning,) = await list_warnings(house, OFFICER, False, None, 10)
    assert (warning.kind, warning.item_id, warning.days) == (EndingKind.CONTRACT, "lapsing", 30)
    # A new version takes the contract's place, another ends the assessment early.
    await abroad(house, "lapsing", [(0, 25), (25, 400)])
    await way_out(house, "assessed", "lapsing", "security_assessment", 50)
    clock.at = NOW + 55 * DAY
    assert await warn_of_ends(house) == {"contract": 1}, "lapsing has its filed contract until day 90"
    clock.at = NOW + 61 * DAY
    assert await warn_of_ends(house) == {"export_mechanism": 1}
    clock.at = NOW + (three_years - 1) * DAY
    assert (await warn_of_ends(house))["export_mechanism"] == 1
    found = [(one.kind, one.item_id, one.days) for one in await list_warnings(house, OFFICER, True, None, 10)]
    assert [one for one in found if one[0] is not EndingKind.OWN_CERTIFICATE] == [
        (EndingKind.CONTRACT, "lapsing", 30),
        (EndingKind.CONTRACT, "renewed", 7),
        (EndingKind.EXPORT_MECHANISM, "lapsing", 30),
        (EndingKind.EXPORT_MECHANISM, "renewed", 1),
    ]


async def test_a_contract_that_no_other_carries_on_is_warned_of(house: House, clock: StoppedClock) -> None:
    """Between two contracts nothing may be passed on, and an entrusted party may do what its contract in force says."""
    await abroad(house, "with-a-gap", [(0, 20), (21, 400)])
    await abroad(house, "carried-on", [(0, 21), (19, 400)], "entrusted")
    await registry.create_purpose(house, ADMIN, {"id": "support", "text": "客服"})
    both = ["profile_enrichment", "support"]
    await abroad(house, "narrowed", [(0, 22), (0, 400)], "entrusted", purposes=both)
    await abroad(house, "other-methods", [(0, 23), (0, 400)], "entrusted", methods=["psi_hash", "he_aggregate"])
    assert await warn_of_ends(house) == {"contract": 3}
    found = [(one.item_id, one.ends_at) for one in await list_warnings(house, OFFICER, False, None, 10)]
    assert found == [("with-a-gap", NOW + 20 * DAY), ("narrowed", NOW + 22 * DAY), ("other-methods", NOW + 23 * DAY)]
    clock.at = NOW + 20.5 * DAY
    assert (await warn_of_ends(house)).get("contract") == 2, "nothing holds with the first one now, and nothing ends"
    clock.at = NOW + 399.5 * DAY
    assert (await warn_of_ends(house))["contract"] == 4


async def test_certificates_and_agreements_are_watched(house: House, clock: StoppedClock, tmp_path: Path) -> None:
    async with open_house(tmp_path / "two", "platform", clock) as other:
        await befriend(house, other)
    copy = given.agreement_copy(revision=2)
    agreement = replace(copy.agreement, valid_from=NOW - DAY, valid_until=NOW + 340 * DAY)
    proposed = replace(agreement, agreement_id="6d0e8a0e-0000-4000-8000-000000000009")
    async with house.store.begin() as tx:
        await tx.agreements.put(replace(copy, agreement=agreement))
        await tx.agreements.put(replace(copy, agreement=proposed, state=AgreementState.PROPOSED))
    end = house.custody.certificate_end()
    assert abs(end - (NOW + CERTIFICATE_DAYS * DAY)) < timedelta(minutes=10)
    clock.at = end - 30 * DAY
    assert await warn_of_ends(house) == {"agreement": 1, "own_certificate": 1, "partner_certificate": 1}
    warnings = await list_warnings(house, OFFICER, False, None, 10)
    assert [(one.kind, one.item_id, one.days) for one in warnings] == [
        (EndingKind.AGREEMENT, agreement.agreement_id, 7),
        (EndingKind.OWN_CERTIFICATE, "retailer", 30),
        (EndingKind.PARTNER_CERTIFICATE, "platform", 30),
    ]
    first = warnings[0]
    rest = await list_warnings(house, OFFICER, False, (first.ends_at, first.kind.value, first.item_id), 1)
    assert rest == warnings[1:2]
