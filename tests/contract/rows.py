"""Pairs of gateways that run MATCH and ENRICH under other terms than the usual ones, and ways to step in between."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from gateway.flow.job import read_result
from gateway.flow.memory import Memory
from gateway.route.job import Job
from gateway.route.session import Chunk, Session
from tests.results import read_tokens
from tests.twin import EVERYBODY, PLATFORM, RETAILER, Gateway, Twin, make_twin

COLUMNS = ("tier", "channel", "spend")
TINY = (1 << 20, 1 << 16)
"""Bytes in all, and that a run gets at least: sorts spill and the source is read several times."""


def row_directions(both: bool) -> list[dict[str, object]]:
    """MATCH and ENRICH to the retailer, or to both; OVERLAP beside them, as the retailer binds segments."""
    ends: dict[str, object] = {"receiver": RETAILER, "sender": PLATFORM}
    told = {**ends, "result_to": [RETAILER, PLATFORM]} if both else ends
    return [
        {"operation": "MATCH", **told},
        {"operation": "ENRICH", **told, "columns": list(COLUMNS)},
        {"operation": "OVERLAP", **ends},
    ]


async def rows_twin(directory: Path, both: bool = False, padding: bool = False, **changes: Any) -> Twin:
    """Two gateways that agreed on rows alone."""
    terms = {"directions": row_directions(both), "padding": "POWER_OF_TWO" if padding else "NONE"}
    return await make_twin(directory, **{**terms, **changes})


async def with_memory(twin: Twin, limit: int, floor: int) -> None:
    """Restart both gateways with little memory."""
    for side in (twin.retailer, twin.platform):
        await side.stop()
        side.wrap = lambda house: replace(house, memory=Memory(limit, floor))
        await side.start()


async def job_at(side: Gateway, job: Job) -> Job:
    """Return a side's job of the run that the other side knows by `job`."""
    return await side.job((await session_at(side, job)).job_id)


async def session_at(side: Gateway, job: Job) -> Session:
    """Return a side's session of a run."""
    async with side.house.store.read() as tx:
        return await tx.sessions.get(job.session_id)


async def records_of(twin: Twin, job: Job) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the opening record and the run record that both signed."""
    session = await session_at(twin.retailer, job)
    return json.loads(session.opening), json.loads(session.run_record)


async def read_at(side: Gateway, job: Job) -> pa.Table:
    """Read the result of a run as the side's own CDP does."""
    own = await job_at(side, job)
    batches = [batch async for batch in read_result(side.house, EVERYBODY, own.job_id)]
    return pa.Table.from_batches(batches) if batches else pa.table({"customer": pa.array([], pa.string())})


async def tokens_of(side: Gateway, job: Job) -> pa.Table:
    """Return a side's map of the rows that it sent in a run."""
    own = await job_at(side, job)
    tokens = await read_tokens(side.home / "results", side.house.secrets, own.job_id)
    assert tokens is not None
    return tokens


async def found_by(side: Gateway, job: Job) -> set[str]:
    """Return the customers in a side's result."""
    return set((await read_at(side, job)).column("customer").to_pylist())


def before_close(twin: Twin, act: Callable[[], Awaitable[None]]) -> None:
    """Step in once everything has crossed the wire, before the run is signed."""
    inner = twin.retailer.peer.close_session

    async def close(*arguments: Any) -> Any:
        twin.retailer.peer.close_session = inner  # type: ignore[method-assign]
        await act()
        return await inner(*arguments)

    twin.retailer.peer.close_session = close  # type: ignore[method-assign]


def before_pull(twin: Twin, stage: int, act: Callable[[], Awaitable[None]]) -> None:
    """Step in ahead of the first pull of a stage."""
    inner, done = twin.retailer.peer.pull, list[int]()

    async def pull(card: Any, session_id: str, number: int, from_seq: int) -> Any:
        if number == stage and not done:
            done.append(number)
            await act()
        async for chunk in inner(card, session_id, number, from_seq):
            yield chunk

    twin.retailer.peer.pull = pull  # type: ignore[method-assign]


def after_pull(twin: Twin, stage: int, act: Callable[[], Awaitable[None]]) -> None:
    """Step in behind the first pull of a stage."""
    inner, done = twin.retailer.peer.pull, list[int]()

    async def pull(card: Any, session_id: str, number: int, from_seq: int) -> Any:
        async for chunk in inner(card, session_id, number, from_seq):
            yield chunk
        if number == stage and not done:
            done.append(number)
            await act()

    twin.retailer.peer.pull = pull  # type: ignore[method-assign]


def rehashed(chunk: Chunk, content: bytes) -> Chunk:
    """Return a chunk of other bytes, with their digest."""
    return replace(chunk, bytes=content, sha256=hashlib.sha256(content).digest())
