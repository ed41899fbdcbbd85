"""A power cut at every step of append, integrate, sign and export; then fsck, and the log goes on.

The steps are those that the code takes: every statement and commit of the database, and every system call on the
signer's and the export's files, counted as they come. The current goes at the first, then at the second, until one
pass gets to its end. What is written is written by halves.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.cli.audit import write_export
from gateway.flow.audit import export, sequence
from gateway.flow.log_check import LogCheck, check_log
from gateway.flow.ports import House
from gateway.keys import signer
from gateway.route.audit import AuditEvent
from gateway.store.connection import StoreConnection
from tests.contract import given, writers
from tests.contract.test_signer import log
from tests.unit.gateway.flow.houses import NOW, OFFICER, open_house


class Dead(Exception):
    """What a process that is no more would do does not happen."""


class Current:
    """Counts the steps that outlive a process, and is cut at one of them.

    Args:
        at: number of the step that is not taken any more.
    """

    def __init__(self, at: int) -> None:
        self.at = at
        self.taken: Counter[str] = Counter()
        self.cut = False

    def step(self, name: str) -> None:
        if not self.cut and self.taken.total() < self.at:
            self.taken[name] += 1
            return
        self.cut = True
        raise Dead(name)

    def fed(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if name == "write" and not self.cut and self.taken.total() == self.at:
                real(arguments[0], arguments[1][: len(arguments[1]) // 2])
            self.step(name)
            return real(*arguments, **named)

        return call


@contextmanager
def cut_at(at: int) -> Iterator[Current]:
    """Cut the current of database and files at a step."""
    current = Current(at)
    run, commit = StoreConnection._run, AsyncConnection.commit

    async def statement(self: StoreConnection, step: Any) -> Any:
        try:
            current.step("statement")
        except Dead:
            step.close()
            raise
        return await run(self, step)

    async def committed(self: AsyncConnection) -> None:
        current.step("commit")
        await commit(self)

    def removed(*arguments: Any, **named: Any) -> None:
        if not current.cut:
            shutil_rmtree(*arguments, **named)

    shutil_rmtree = shutil.rmtree
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoreConnection, "_run", statement)
        patch.setattr(AsyncConnection, "commit", committed)
        for name in ("open", "write", "fsync", "rename"):
            patch.setattr(signer.os, name, current.fed(name, getattr(os, name)))
        for name in ("open", "rename", "mkdir"):
            patch.setattr(Path, name, _method(current, name, getattr(Path, name)))
        patch.setattr(shutil, "rmtree", removed)
        yield current


def _method(current: Current, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Path, *arguments: Any, **named: Any) -> Any:
        current.step(f"Path.{name}")
        return real(self, *arguments, **named)

    return call


@pytest.fixture
async def house(tmp_path: Path, store_url: str) -> AsyncIterator[House]:
    async with open_house(tmp_path / "retailer", "retailer", url=store_url) as opened:
        await log(opened, "first", "second")
        await sequence(opened)
        yield opened


async def whole(house: House) -> LogCheck:
    """Check the log; there is no fault, whatever is pending."""
    found = await check_log(house.store, house.custody)
    assert found.faults == ()
    return found


async def names(house: House) -> list[str]:
    """The jobs on file and the jobs that entries of the log are about, which must be the same."""
    async with house.store.read() as tx:
        jobs = sorted(job.job_id for job in await tx.jobs.list())
        entries = [
            entry.payload.decode().split('"')[3]
            async for entry in tx.audit.entries(0, await tx.audit.size())
            if entry.type == "job_state" and entry.payload is not None and b"job-" in entry.payload
        ]
    assert sorted(entries) == jobs
    return jobs


async def write_all(house: House, directory: Path) -> int:
    pieces = [piece async for piece in export(house, OFFICER)]
    return write_export(pieces, directory)


async def passes(
    house: House, act: Callable[[int], Awaitable[Any]], check: Callable[[int, bool], None]
) -> Counter[str]:
    """Cut the current at each step of an act in turn; return the steps of the pass that was not cut."""
    for at in range(1000):
        with cut_at(at) as current:
            try:
                await act(at)
            except Dead:
                assert current.cut
        found = await whole(house)
        assert found.appended == found.integrated + found.pending
        await sequence(house)
        after = await whole(house)
        assert (after.pending, after.appended, after.signed) == (0, found.appended, found.appended)
        check(at, not current.cut)
        if not current.cut:
            return current.taken
    raise AssertionError("an act has no end")


async def test_a_cut_at_any_step_of_an_append_keeps_the_change_with_its_entry_or_neither(house: House) -> None:
    acknowledged: list[str] = []

    async def act(at: int) -> None:
        async with house.store.begin() as tx:
            job = given.job(at + 1)
            await tx.jobs.create(job)
            await tx.consents.append([given.hashed(given.event(given.ref(at + 1), f"e{at}"))], {})
            await tx.audit.append(
                [
                    AuditEvent("job_state", NOW, "", {"job": job.job_id}),
                    AuditEvent("consent_event", NOW, given.ref(at + 1), {"event_id": f"e{at}"}),
                ]
            )
        acknowledged.append(job.job_id)

    taken = await passes(house, act, lambda at, ended: None)
    assert taken["commit"] == 1 and taken["statement"] > 5
    assert await names(house) == acknowledged  # what was cut was told to nobody, and is not there


async def test_a_cut_at_any_step_of_a_shared_commit_loses_no_entry_that_was_acknowledged(house: House) -> None:
    acknowledged: list[str] = []

    async def one(name: str) -> None:
        await house.store.append([AuditEvent("job_state", NOW, "", {"job": name})])
        acknowledged.append(name)

    async def act(at: int) -> None:
        ended = await asyncio.gather(*(one(f"job-{at}{part}") for part in "abc"), return_exceptions=True)
        for error in filter(None, ended):
            raise error

    taken = await passes(house, act, lambda at, ended: None)
    assert taken["commit"] == 1
    async with house.store.read() as tx:
        entries = [entry.payload async for entry in tx.audit.entries(2, await tx.audit.size())]
    assert [json.loads(payload or b"")["job"] for payload in entries] == acknowledged


async def test_a_cut_at_any_step_of_integration_and_signing_is_made_up_for(house: House) -> None:
    remembered = 0

    async def act(at: int) -> None:
        await log(house, f"job-{at}a", f"job-{at}b")
        await sequence(house)

    def check(at: int, ended: bool) -> None:
        nonlocal remembered
        last = house.custody.last_checkpoint()
        assert last is not None and last.checkpoint.size >= remembered
        remembered = last.checkpoint.size

    taken = await passes(house, act, check)
    # The entries' own commit, that of reading ahead, and the tree's.
    assert {name: taken[name] for name in ("commit", "write", "rename")} == {"commit": 3, "write": 1, "rename": 1}
    assert taken["fsync"] == 2  # the file, and the folder that names it


@pytest.mark.thorough
async def test_a_cut_at_any_step_of_an_export_leaves_no_half_of_one(house: House, tmp_path: Path) -> None:
    def check(at: int, ended: bool) -> None:
        directory = tmp_path / f"export-{at}"
        assert directory.exists() == ended or (directory / "manifest.sig").exists()

    taken = await passes(house, lambda at: write_all(house, tmp_path / f"export-{at}"), check)
    assert taken["Path.rename"] == 1 and taken["Path.open"] >= 6 and taken["commit"] >= 2


@pytest.fixture
def made_home(tmp_path: Path, store_url: str) -> tuple[Path, str]:
    """A home that other processes open."""

    async def make() -> None:
        async with open_house(tmp_path / "retailer", "retailer", url=store_url):
            pass

    asyncio.run(make())
    return tmp_path / "retailer", store_url


def _started(act: Callable[..., None], home: Path, url: str, number: int) -> tuple[Any, Connection]:
    # Forked from a process that has imported what they need: eight of them cost no more than their work.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.contract.writers"])
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=act, args=(str(home), url, number, there))
    process.start()
    there.close()
    return process, here


def _checked(home: Path, url: str) -> tuple[LogCheck, list[str]]:
    async def check() -> tuple[LogCheck, list[str]]:
        async with open_house(home, "retailer", url=url) as house:
            await whole(house)
            await sequence(house)
            async with house.store.read() as tx:
                entries = [entry.payload async for entry in tx.audit.entries(0, await tx.audit.size())]
            return await whole(house), [(payload or b"").decode().split('"')[3] for payload in entries]

    return asyncio.run(check())


def _killed_after(count: int, work: Any, made_home: tuple[Path, str]) -> list[str]:
    """Kill a process, as by the kernel, that has acknowledged so many entries; return all that it acknowledged."""
    process, said = _started(work, *made_home, 0)
    acknowledged = [said.recv() for _ in range(count)]
    process.kill()
    process.join()
    try:
        while True:
            acknowledged.append(said.recv())
    except EOFError:
        said.close()
    return acknowledged


def test_a_process_killed_while_callers_share_commits_has_lost_nothing_that_it_acknowledged(
    made_home: tuple[Path, str],
) -> None:
    acknowledged = _killed_after(8, writers.append_together, made_home)
    _, entries = _checked(*made_home)
    assert entries[: len(acknowledged)] == acknowledged and len(set(entries)) == len(entries)


def test_a_process_killed_at_work_has_lost_nothing_that_it_acknowledged(made_home: tuple[Path, str]) -> None:
    """SIGKILL, as by the kernel, while it appends, integrates and signs."""
    acknowledged = _killed_after(12, writers.append_and_sequence, made_home)
    found, entries = _checked(*made_home)
    assert entries[: len(acknowledged)] == acknowledged and len(entries) - len(acknowledged) in (0, 1)
    assert found.appended == found.integrated == found.signed == len(entries)


def test_eight_processes_append_without_a_gap_and_lose_nothing(made_home: tuple[Path, str]) -> None:
    """Two of them integrate and sign as well, as two servers on one database do; in three callers share commits."""
    acts = [writers.append_and_sequence] * 2 + [writers.append] * 3 + [writers.append_together] * 3
    started = [_started(act, *made_home, number) for number, act in enumerate(acts)]
    acknowledged: list[list[str]] = []
    for process, said in started:
        mine = [said.recv() for _ in range(writers.EACH)]
        acknowledged.append(mine)
        process.join()
        assert process.exitcode == 0
        said.close()
    found, entries = _checked(*made_home)
    for number, mine in enumerate(acknowledged):
        assert [name for name in entries if name.startswith(f"{number}-")] == mine
    assert len(set(entries)) == len(entries) == found.appended == len(acts) * writers.EACH
