"""What others read of the log: consistency, tiles, entries by what they are about, exports as known at a moment."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from assent_verify import Trust, verify_export
from assent_verify.note import parse_vkey
from gateway.errors import AccessError, RequestError, StateError
from gateway.flow import log_reading
from gateway.flow.audit import current_checkpoint, export, sequence
from gateway.flow.consent import person_ref
from gateway.flow.erasure import erased_name
from gateway.flow.log_reading import find_entries, prove_consistency, read_tiles
from gateway.flow.ports import House
from gateway.route.audit import AuditEvent, EntryFilter, IntegratedEntry
from gateway.tlog.audit_path import verify_consistency
from gateway.tlog.tile import tiles_of
from tests.contract.timed import timed_house
from tests.unit.gateway.flow.houses import CDP, NOW, OFFICER, StoppedClock


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def house(tmp_path: Path, store_url: str, clock: StoppedClock) -> AsyncIterator[House]:
    async with timed_house(tmp_path, store_url, clock) as opened:
        await sequence(opened)  # what setting up has logged
        yield opened


def ref(house: House, number: int) -> str:
    return person_ref(house, "customer", f"C-{number}")


async def log(house: House, count: int) -> None:
    """Append events about three people, and of jobs."""
    events = [
        AuditEvent("identity_linked", house.clock.now(), ref(house, row % 3), {"id": f"link-{row}"})
        if row % 4
        else AuditEvent("job_state", house.clock.now(), "", {"job": f"job-{row % 8}", "state": "QUEUED"})
        for row in range(count)
    ]
    async with house.store.begin() as tx:
        await tx.audit.append(events)
    await sequence(house)


async def everything(house: House, wanted: EntryFilter, limit: int = 7, start: int = 0) -> list[IntegratedEntry]:
    found: list[IntegratedEntry] = []
    at: int | None = start
    while at is not None:
        page, at = await find_entries(house, OFFICER, wanted, at, limit)
        assert len(page) <= limit
        found += page
    return found


async def test_entries_by_what_they_are_about(
    house: House, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await current_checkpoint(house, OFFICER)).checkpoint.size
    await log(house, 40)
    clock.advance(hours=1)
    await log(house, 20)
    monkeypatch.setattr(log_reading, "SCANNED", 9)
    whole = await everything(house, EntryFilter(), start=first)
    assert [entry.index for entry in whole] == list(range(first, first + 60))
    assert {entry.payload for entry in whole} == {None}
    jobs = await everything(house, EntryFilter(type="job_state"), start=first)
    assert [entry.index - first for entry in jobs] == [row for row in range(60) if row % 4 == 0]
    late = await everything(house, EntryFilter(since=clock.now()), start=first)
    assert [entry.index - first for entry in late] == list(range(40, 60))
    early = await everything(house, EntryFilter(type="job_state", until=clock.now()), start=first)
    assert len(early) == 10
    of_job = await everything(house, EntryFilter(keys=("job-4",)), limit=2)
    assert {entry.index - first for entry in of_job} == {row for row in range(60) if row % 8 == 4}
    before = len(await everything(house, EntryFilter(type="subject_traced")))
    person = await everything(house, EntryFilter(subject_ref=ref(house, 1), type="identity_linked"), limit=3)
    rows = [*range(40), *range(20)]
    assert len(person) == len([row for row in rows if row % 3 == 1 and row % 4])
    assert [entry.index for entry in person] == sorted(entry.index for entry in person)
    await sequence(house)
    assert len(await everything(house, EntryFilter(type="subject_traced"))) > before, (
        "asking about a person is on record"
    )


async def test_what_a_list_refuses(house: House) -> None:
    for wanted, start, limit in ((EntryFilter(type="nothing"), 0, 5), (EntryFilter(), -1, 5), (EntryFilter(), 0, 1001)):
        with pytest.raises(RequestError):
            await find_entries(house, OFFICER, wanted, start, limit)
    with pytest.raises(AccessError):
        await find_entries(house, CDP, EntryFilter(), 0, 5)
    with pytest.raises(AccessError):
        await prove_consistency(house, CDP, 1)
    with pytest.raises(AccessError):
        async for _ in read_tiles(house, CDP, ["checkpoint"]):
            pass


async def test_the_log_continues_every_older_tree(house: House) -> None:
    await log(house, 270)
    old = (await current_checkpoint(house, OFFICER)).checkpoint
    await log(house, 300)
    new = (await current_checkpoint(house, OFFICER)).checkpoint
    proof = await prove_consistency(house, OFFICER, old.size)
    assert proof.signed.checkpoint == new
    verify_consistency(old.size, new.size, proof.hashes, old.root, new.root)
    assert (await prove_consistency(house, OFFICER, new.size)).hashes == ()
    for size in (0, new.size + 1):
        with pytest.raises(RequestError, match="old_size"):
            await prove_consistency(house, OFFICER, size)


async def test_tiles_are_those_of_an_export(house: House) -> None:
    await log(house, 600)
    files = {path: content async for path, content in export(house, OFFICER)}
    size = int(files["checkpoint"].split(b"\n")[1])
    wanted = [path for path in files if path.startswith("tile/") or path == "checkpoint"]
    assert len(wanted) == 1 + len(list(tiles_of(size))) + -(-size // 256)
    read = [(path, content) async for path, content in read_tiles(house, OFFICER, wanted)]
    assert read == [(path, files[path]) for path in wanted]
    # A partial tile of an older tree is a prefix of what there is.
    ((_, part),) = [found async for found in read_tiles(house, OFFICER, ["tile/0/000.p/5"])]
    assert part == files["tile/0/000"][: 5 * 32]
    ((_, some),) = [found async for found in read_tiles(house, OFFICER, ["tile/entries/001.p/3"])]
    assert files["tile/entries/001"].startswith(some)
    refused = [
        "tile/0/000.p/256",
        "tile/0/x000/000",
        "tile/0/0",
        "../checkpoint",
        "tile/9/000",
        "log.vkey",
        "tile/0/000\n",
    ]
    for path in refused:
        with pytest.raises(RequestError, match=r"paths\[1\]"):
            async for _ in read_tiles(house, OFFICER, ["checkpoint", path]):
                raise AssertionError("nothing is read before all names are known")
    for path in ("tile/0/009", f"tile/entries/002.p/{size - 512 + 1}", "tile/1/000"):
        with pytest.raises(StateError, match="beyond"):
            async for _ in read_tiles(house, OFFICER, [path]):
                pass
    with pytest.raises(RequestError, match="1 to 1000"):
        async for _ in read_tiles(house, OFFICER, []):
            pass


async def exported(house: House, at: object, nobody: bool = False) -> dict[str, bytes]:
    return {path: content async for path, content in export(house, OFFICER, at, nobody=nobody)}  # type: ignore[arg-type]


async def test_two_exports_as_known_at_one_moment_are_the_same(
    house: House, clock: StoppedClock, tmp_path: Path
) -> None:
    await log(house, 30)
    then = clock.now()
    clock.advance(hours=1)
    await log(house, 300)
    one = await exported(house, then)
    clock.advance(hours=1)
    two = await exported(house, then)
    signed = {"manifest.json", "manifest.sig"}
    assert {path: one[path] for path in one.keys() - signed} == {path: two[path] for path in two.keys() - signed}
    manifests = [json.loads(files["manifest.json"]) for files in (one, two)]
    assert [name for name in manifests[0] if manifests[0][name] != manifests[1][name]] == ["created"]
    assert manifests[0]["filter"].startswith("as known at 2026-")
    now = await exported(house, clock.now())
    assert json.loads(now["manifest.json"])["size"] > manifests[0]["size"]
    for path, content in one.items():
        (tmp_path / "export" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "export" / path).write_bytes(content)
    trust = Trust((parse_vkey(house.custody.log_vkey()),))
    assert verify_export(tmp_path / "export", trust).failures == []
    with pytest.raises(RequestError, match="still to come"):
        await exported(house, clock.now() + timedelta(seconds=1))
    with pytest.raises(StateError, match="no checkpoint by that moment"):
        await exported(house, NOW - timedelta(days=9000))


async def test_an_erasure_between_two_exports_shows_in_what_is_opened_alone(house: House, clock: StoppedClock) -> None:
    await log(house, 30)
    then = clock.now()
    clock.advance(hours=1)
    one = await exported(house, then)
    gone = ref(house, 1)
    async with house.store.begin() as tx:
        await tx.erasure.erase(gone, erased_name(house, gone), clock.now())
    two = await exported(house, then)
    assert {path.split("/")[0] for path in one if one[path] != two.get(path)} == {
        "opened",
        "manifest.json",
        "manifest.sig",
    }


async def test_a_partner_gets_no_entry_about_anybody(house: House) -> None:
    await log(house, 30)
    files = await exported(house, house.clock.now(), nobody=True)
    opened = [json.loads(line) for path in files if path.startswith("opened/") for line in files[path].splitlines()]
    assert {line["payload"].get("state") for line in opened if "job" in line["payload"]} == {"QUEUED"}
    assert "link-" not in json.dumps(opened)
    assert len({line["salt"] for line in opened}) == 1, "the log's own salt"
    assert len(base64.b64decode(opened[0]["salt"])) == 32
    assert "nobody" in json.loads(files["manifest.json"])["filter"]
