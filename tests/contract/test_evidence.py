"""What opened an erased person's entries: held for two officers, then destroyed; the log verifies throughout."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from assent_verify import Trust, verify_export
from assent_verify.report import Report
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow.audit import export, sequence
from gateway.flow.erasure import erase_person, erased_name
from gateway.flow.evidence_hold import destroy_evidence, list_holds, open_evidence
from gateway.flow.ports import House
from gateway.keys.evidence import OfficerSeal, open_record
from gateway.route.caller import Caller, Role
from gateway.tlog.leaf import check_opening
from tests.contract.test_erasure import asked, linked, where_named
from tests.contract.timed import DAY, given, logged, ref, take, timed_house
from tests.unit.gateway.flow.houses import CDP, NOW, OFFICER, StoppedClock

KEYS = {name: X25519PrivateKey.generate() for name in ("li", "wu")}
SEAL = OfficerSeal({name: base64.b64encode(key.public_key().public_bytes_raw()).decode() for name, key in KEYS.items()})
LI, WU, CHEN = (Caller(name, frozenset({Role.COMPLIANCE_OFFICER})) for name in ("li", "wu", "chen"))


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def house(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[House]:
    async with timed_house(tmp_path, store_url, clock) as opened:
        yield replace(opened, evidence=SEAL)


async def exported(house: House, folder: Path) -> Report:
    """Export the log and verify it."""
    await sequence(house)
    async for name, content in export(house, OFFICER):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return verify_export(folder, Trust())


def opener(hold_id: str, sealed: bytes) -> bytes:
    return open_record(hold_id, sealed, KEYS)


async def opened(house: House, hold_id: str, *officers: Caller, reason: str = "claim 17", **more: Any) -> Any:
    how = {"opener": opener, "now": house.clock.now()} | more
    return await open_evidence(house.store, house.secrets, officers or (LI, WU), hold_id, reason, **how)


async def test_evidence_is_held_then_destroyed_and_the_log_stands(
    house: House, clock: StoppedClock, tmp_path: Path
) -> None:
    await take(house, given(1), given(2))
    await linked(house)
    whole = await exported(house, tmp_path / "before")
    assert (whole.ok, whole.erased, whole.opened) == (True, 0, whole.entries)
    _, erased = await erase_person(house, OFFICER, (await asked(house)).id)
    keep_until = datetime(NOW.year + 3, NOW.month, NOW.day, NOW.hour, NOW.minute, tzinfo=NOW.tzinfo)
    assert erased.keep_until == keep_until
    # In the tables nobody is named any more, in the clear or in what is sealed.
    assert await where_named(house, ref(house, 1)) == set()
    (hold,) = await list_holds(house.store, OFFICER)
    assert (hold.hold_id, hold.keep_until, hold.officers) == (erased.hold, keep_until, ("li", "wu"))
    assert (hold.name, hold.entries) == (erased_name(house, ref(house, 1)), erased.payloads)
    (entry,) = await logged(house, "evidence_held")
    assert (entry["id"], entry["officers"], entry["entries"]) == (erased.hold, ["li", "wu"], erased.payloads)
    # Held: the verifier finds the entries erased, none altered.
    held = await exported(house, tmp_path / "held")
    assert held.failures == []
    assert held.erased == erased.payloads == held.entries - held.opened > 5
    # Two officers open it; what they get opens the very entries of the log.
    record = await opened(house, erased.hold)
    assert record["subject"] == ref(house, 1)
    async with house.store.read() as tx:
        entries = {one.index: one async for one in tx.audit.entries(0, await tx.audit.size())}
    for one in record["entries"]:
        check_opening(entries[one["index"]].leaf, one["payload"].encode(), base64.b64decode(record["salt"]))
        assert entries[one["index"]].payload is None
    assert any(ref(house, 1) in one["payload"] for one in record["entries"])
    (entry,) = await logged(house, "evidence_opened")
    assert entry == {"id": erased.hold, "by": ["li", "wu"], "reason": "claim 17"}
    # Not a moment before its time ...
    clock.at = keep_until - DAY
    assert await destroy_evidence(house) == {"destroyed": 0}
    clock.at = keep_until
    with pytest.raises(StateError, match="was to be kept until"):
        await opened(house, erased.hold)
    # ... and then for ever.
    assert await destroy_evidence(house) == {"destroyed": 1}
    assert await destroy_evidence(house) == {"destroyed": 0}
    assert [one["id"] for one in await logged(house, "evidence_destroyed")] == [erased.hold]
    assert await list_holds(house.store, OFFICER) == []
    with pytest.raises(StateError, match="no such evidence hold"):
        await opened(house, erased.hold, now=NOW)
    gone = await exported(house, tmp_path / "destroyed")
    assert gone.failures == []
    assert gone.erased == erased.payloads == gone.entries - gone.opened
    # An earlier checkpoint is continued in both states: no entry changed.
    for before, after in (("before", "held"), ("held", "destroyed")):
        since = (tmp_path / before / "checkpoint").read_bytes()
        assert verify_export(tmp_path / after, Trust(since=since), whole=True).failures == []


async def test_one_alone_or_another_opens_nothing(house: House, clock: StoppedClock) -> None:
    await take(house, given(1))
    _, erased = await erase_person(house, OFFICER, (await asked(house)).id)
    for officers in ((LI, LI), (LI, CHEN), (LI,), (LI, Caller("wu", frozenset({Role.CDP_JOB})))):
        with pytest.raises(AccessError) as caught:
            await opened(house, erased.hold, *officers)
        assert caught.value.reason == "ROLE_MISSING"
    with pytest.raises(AccessError):
        await list_holds(house.store, CDP)
    with pytest.raises(RequestError, match="reason"):
        await opened(house, erased.hold, reason=" ")
    with pytest.raises(RequestError, match="does not open this evidence"):
        swapped = {"li": KEYS["wu"], "wu": KEYS["li"]}
        await opened(house, erased.hold, opener=lambda hold_id, sealed: open_record(hold_id, sealed, swapped))
    # What does not open the log's entries is not handed out.
    with pytest.raises(StateError, match="does not open entry") as other:
        forged = lambda *sealed: opener(*sealed).replace(b"consent_given", b"consent_gevin")  # noqa: E731
        await opened(house, erased.hold, opener=forged)
    assert other.value.reason == "LOG_INCONSISTENT"
    assert await logged(house, "evidence_opened") == []


async def test_without_officers_all_is_destroyed_at_once(house: House, tmp_path: Path) -> None:
    house = replace(house, evidence=None)
    await take(house, given(1))
    _, erased = await erase_person(house, OFFICER, (await asked(house)).id)
    assert (erased.hold, erased.keep_until) == ("", None)
    assert await list_holds(house.store, OFFICER) == []
    assert await logged(house, "evidence_held") == []
    report = await exported(house, tmp_path / "export")
    assert (report.failures, report.erased) == ([], erased.payloads)
