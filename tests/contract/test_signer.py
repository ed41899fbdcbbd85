"""Signer and database together: a crash between the two is repeated, a database from a backup is refused."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.errors import StateError
from gateway.flow import audit
from gateway.flow.audit import sequence
from gateway.flow.ports import House
from gateway.keys.custody import HomeKeys
from gateway.keys.signer import CheckpointSigner
from gateway.route.audit import AuditEvent
from gateway.store import SqlStore
from tests.unit.gateway.flow.houses import NOW, open_house


@pytest.fixture
async def house(tmp_path: Path, store_url: str) -> AsyncIterator[House]:
    async with open_house(tmp_path / "retailer", "retailer", url=store_url) as opened:
        yield opened


async def log(house: House, *names: str) -> None:
    async with house.store.begin() as tx:
        await tx.audit.append([AuditEvent("job_state", NOW, "", {"id": name}) for name in names])


async def newest(house: House) -> tuple[int, bytes, bytes] | None:
    async with house.store.read() as tx:
        return await tx.audit.checkpoint()


async def change(house: House, *statements: str) -> None:
    """Change the database behind the program's back."""
    assert isinstance(house.store, SqlStore)
    async with house.store._engines.writer.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def restore(house: House, size: int) -> None:
    """Bring the database back to when its log had `size` entries, fewer than 256, as a backup of that time would."""
    cut = "substr(hashes, 1, :bytes)".replace(":bytes", str(size * 32))
    await change(
        house,
        f"DELETE FROM audit_payloads WHERE entry >= {size}",
        f"DELETE FROM audit_entries WHERE entry >= {size}",
        f"DELETE FROM audit_checkpoints WHERE size > {size}",
        f"UPDATE audit_tiles SET hashes = {cut}",
        f"UPDATE counters SET value = {size} WHERE name IN ('pending', 'size')",
    )


async def refused(house: House) -> str:
    with pytest.raises(StateError) as caught:
        await sequence(house)
    assert caught.value.reason == "LOG_INCONSISTENT"
    return caught.value.message


async def test_a_batch_whose_commit_was_lost_is_signed_again_with_the_same_bytes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    given_out: list[bytes] = []
    sign = CheckpointSigner.sign

    def remembered(signer: CheckpointSigner, *arguments: Any) -> bytes:
        given_out.append(sign(signer, *arguments))
        return given_out[-1]

    def killed(signer: CheckpointSigner, *arguments: Any) -> bytes:
        remembered(signer, *arguments)
        raise Killed

    await log(house, "a", "b")
    await sequence(house)
    before = await newest(house)
    # Between the signer's swap and the end of the transaction; then at the commit itself.
    for number, batch in enumerate((audit.BATCH, 3)):
        monkeypatch.setattr(audit, "BATCH", batch)
        await log(house, *(f"{number}-{row}" for row in range(3)))
        with monkeypatch.context() as patch:
            if number == 0:
                patch.setattr(CheckpointSigner, "sign", killed)
            else:
                patch.setattr(CheckpointSigner, "sign", remembered)
                begin = house.store.begin
                patch.setattr(SqlStore, "begin", lambda store, begin=begin: _killed_at_commit(begin, Killed))
            with pytest.raises(Killed):
                await sequence(house)
        assert await newest(house) == before
        await log(house, f"{number}-later", f"{number}-later-still")  # others went on meanwhile
        monkeypatch.setattr(audit, "BATCH", 2 if number == 0 else 8192)
        await sequence(house)
        async with house.store.read() as tx:
            repeated = await tx.audit.checkpoint_of(2 + 5 * number + 3)
        assert repeated is not None and repeated[2] == given_out[number]
        before = await newest(house)
        assert before is not None and before[0] == 7 + 5 * number


@asynccontextmanager
async def _killed_at_commit(begin: Callable[[], Any], killed: type[Exception]) -> AsyncIterator[Any]:
    async with begin() as tx:
        yield tx
        raise killed


async def test_a_database_from_a_backup_is_not_signed_for(house: House) -> None:
    await log(house, "a", "b", "c")
    await sequence(house)
    await log(house, "d", "e")
    await sequence(house)
    await restore(house, 3)
    assert "holds 3 entries, the signer signed 5" in await refused(house)  # also before anything happens
    await log(house, "x")
    assert "holds 4 entries, the signer signed 5" in await refused(house)
    await log(house, "y", "z")
    assert "does not continue the 5 entries" in await refused(house)
    stored = await newest(house)
    assert stored is not None and stored[0] == 3


async def test_an_emptied_database_is_not_signed_for(house: House) -> None:
    await log(house, "a")
    await sequence(house)
    await change(
        house,
        "DELETE FROM audit_payloads",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_checkpoints",
        "DELETE FROM audit_tiles",
        "UPDATE counters SET value = 0 WHERE name IN ('pending', 'size')",
    )
    assert "holds 0 entries, the signer signed 1" in await refused(house)


async def test_a_signer_without_its_memory_does_not_begin_anew(house: House, tmp_path: Path) -> None:
    await log(house, "a")
    await sequence(house)
    (memory,) = (tmp_path / "retailer" / "signer").glob("*.checkpoint")
    memory.unlink()
    assert "remembers nothing" in await refused(house)
    await log(house, "b")
    assert "remembers nothing" in await refused(house)


async def test_a_server_with_a_signer_of_its_own_may_be_behind(house: House, tmp_path: Path) -> None:
    """Two servers on one database, each with its memory: what the other signed is checked, then continued."""
    await log(house, "a", "b")
    await sequence(house)
    home = tmp_path / "retailer"
    shutil.copytree(home / "signer", tmp_path / "second")
    second = replace(house, custody=HomeKeys.load(home, tmp_path / "second"))
    await log(house, "c")
    await sequence(house)
    assert await sequence(second) == 0
    await log(house, "d")
    assert await sequence(second) == 1
    assert await sequence(house) == 0
    await restore(house, 2)
    await log(house, "x", "y")
    for server in (house, second):
        await refused(server)


async def test_a_rewritten_tree_is_found_by_the_signer_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the database holds is made anew and signed with the log key itself: only the memory differs."""
    await log(house, "a", "b")
    await sequence(house)
    await restore(house, 0)
    await log(house, "a", "another")
    with monkeypatch.context() as patch:
        patch.setattr(CheckpointSigner, "_last", lambda signer: None)
        patch.setattr(CheckpointSigner, "_replace", lambda signer, name, content: None)
        await sequence(house)
    await log(house, "c")
    assert "does not continue the 2 entries" in await refused(house)
