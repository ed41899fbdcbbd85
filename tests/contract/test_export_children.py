"""Of a child under fourteen whatever leaves the country is sensitive (PIPL 28), and counts against that line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from consent.evaluate import Use
from consent.policy import Policy
from gateway.flow import export, party
from gateway.flow.ends import RunRefused
from gateway.flow.export import list_counters
from gateway.flow.exporting import children_among, count_exported
from gateway.flow.ports import House
from gateway.route.subject_ref import Bytes, from_texts
from tests.contract.timed import DAY, act, given, logged, ref, take, timed_house
from tests.unit.gateway.flow.houses import ADMIN, NOW, OFFICER, StoppedClock

ABROAD = Use("retailer", "singapore", "profile_enrichment", "phone_hash", "psi_hash")


def entity(name: str, country: str) -> dict[str, object]:
    return {"id": name, "role": "handler", "country": country, "legal_name": name, "contact": f"dpo@{name}.example"}


@pytest.fixture
async def house(tmp_path: Path, store_url: str) -> AsyncIterator[House]:
    """1 is a child, 2 is none, 3 is merged with 9, who is one; of 4 and 5 no age is known."""
    async with timed_house(tmp_path / "one", store_url, StoppedClock(NOW)) as opened:
        await party.create_party(opened, ADMIN, entity("singapore", "SG"))
        way = {"id": "way", "party": "singapore", "type": "standard_contract", "reference": "备案 7"}
        way |= {"valid_from": NOW.isoformat(), "valid_until": (NOW + timedelta(days=300)).isoformat()}
        await export.create_mechanism(opened, ADMIN, way)
        await take(
            opened,
            *(given(number) for number in range(1, 6)),
            act(1, "birthdate_recorded", birthdate="2014-01-01"),
            act(2, "birthdate_recorded", birthdate="1990-01-01"),
            act(9, "birthdate_recorded", birthdate="2015-06-01"),
            act(3, "identity_merged", subjects=["C-3", "C-9"]),
        )
        yield opened


def people(house: House, numbers: Collection[int]) -> Bytes:
    return from_texts(pa.array(sorted(ref(house, number) for number in numbers), pa.string()))


async def leave(house: House, *numbers: int) -> None:
    """Let people out, of an ordinary category, as a run does before its data leaves."""
    rows = people(house, range(1, 6))
    lost = people(house, set(range(1, 6)) - set(numbers))
    members = SimpleNamespace(pieces=lambda: iter([rows]), fields=SimpleNamespace(of=lambda found, name: found))
    partner = SimpleNamespace(card=SimpleNamespace(party="singapore"))
    job = SimpleNamespace(job_id="job", partner=partner, gates=(ABROAD,), column_gates=())
    await count_exported(cast(Any, SimpleNamespace(house=house)), cast(Any, job), cast(Any, members), lost)


async def counted(house: House) -> dict[bool, int]:
    """People of the whole house: all, and those of whom something sensitive went."""
    counters = await list_counters(house, OFFICER)
    return {one.count.sensitive: one.count.people for one in counters if not one.count.recipient}


async def test_children_are_known_by_the_day_and_through_merges(house: House) -> None:
    everybody = people(house, range(1, 6))
    async with house.store.read() as tx:
        found = await children_among(tx, everybody, NOW, Policy())
        children = {bytes(one).decode() for one in everybody[found]}
        assert children == {ref(house, 1), ref(house, 3)}
        assert not (await children_among(tx, everybody, NOW + 5000 * DAY, Policy())).any()
        assert not (await children_among(tx, everybody, NOW - DAY, Policy())).any(), "not known then"
        assert (await children_among(tx, np.zeros((0, 26), np.uint8), NOW, Policy())).shape == (0,)


async def test_they_count_as_sensitive_in_a_run_that_is_not(house: House) -> None:
    await leave(house, 2, 4)
    assert await counted(house) == {False: 2}
    await leave(house, 1, 2, 4)
    assert await counted(house) == {False: 3, True: 1}
    await leave(house, 1, 2, 3, 4, 5)
    assert await counted(house) == {False: 5, True: 2}
    entries = await logged(house, "people_exported")
    assert [(entry["sensitive"], entry["people_this_year"]) for entry in entries] == [(False, 2), (True, 1), (True, 2)]


async def test_they_are_held_to_the_line_of_sensitive_exports(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent.registry.Policy", lambda: replace(Policy(), sensitive_export_limit=2))
    # The registry is read anew when something of it changes.
    await party.create_party(house, ADMIN, entity("elsewhere", "CN"))
    await leave(house, 1, 2)
    with pytest.raises(RunRefused) as refused:
        await leave(house, 1, 3)
    assert refused.value.refusal.reason_code == "NOT_READY"
    assert await counted(house) == {False: 2, True: 1}, "nobody is counted of a run that is refused"
