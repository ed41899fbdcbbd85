"""What tests of AGGREGATE and OVERLAP between two whole gateways share: people, the truth about them, the wire."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gateway.flow.audit import sequence
from gateway.flow.ports.store import Charge
from gateway.flow.runstate import RunState
from gateway.he.paillier import PrivateKey, generate
from gateway.psi.record import Opening, opening_of_record
from gateway.psi.stages import COUNT_BYTES, Grouped
from gateway.route.agreement import Operation
from gateway.route.job import Job, Side
from gateway.route.session import AggregateStage, Chunk, Session
from tests.table_datasets import TableDatasets
from tests.twin import (
    EXACT,
    PLATFORM,
    RETAILER,
    Gateway,
    TestClock,
    Twin,
    close_all,
    make_twin,
)

COLUMNS = ("spend", "channel", "visited", "balance")
ARMS = ("a", "b")
T = 14
NOISY: dict[str, object] = {"dummies": "LAPLACE", "noise": "LAPLACE", "t": T}
AGREED = [
    {"name": "channel", "category": "loyalty", "type": "category", "max_bytes": 16},
    {"name": "visited", "category": "loyalty", "type": "number", "min": "0", "max": "1", "scale": 0},
    {"name": "spend", "category": "purchases", "type": "number", "min": "0", "max": "1000", "scale": 2},
    {"name": "balance", "category": "purchases", "type": "number", "min": "-500", "max": "250.5", "scale": 1},
]
MEASURES = [
    {"column": "channel", "values": ["web", "app"], "epsilon": ["share"]},
    {"column": "visited", "epsilon": ["sum"]},
    {"column": "spend", "epsilon": ["sum", "sum_of_squares", "present"]},
    {"column": "balance", "epsilon": ["sum", "sum_of_squares"]},
]
BOUNDS = {"spend": (Decimal(0), Decimal(1000)), "balance": (Decimal(-500), Decimal("250.5"))}
KEYS = 3  # of the sender, in all runs of a process
ROWS, SHARED_FROM, LISTED = 150, 75, 120  # the retailer has 0..149, the platform 75..194


def quick_tables(patch: pytest.MonkeyPatch) -> None:
    """Fewer table entries for the encryptor: those of the product pay off beyond thousands of rows."""
    patch.setattr("gateway.he.encryptor._SHORT_WINDOW", 6)
    patch.setattr("gateway.he.encryptor._SHORT_WINDOWS", 44)


MADE: dict[int, list[PrivateKey]] = {}


def few_keys(patch: pytest.MonkeyPatch) -> None:
    """Every third run has the same key: to make one takes half a second."""
    turn = itertools.count()

    def one_of(bits: int) -> PrivateKey:
        made = MADE.setdefault(bits, [])
        if len(made) < KEYS:
            made.append(generate(bits))
            return made[-1]
        return made[next(turn) % KEYS]

    patch.setattr("gateway.he.aggregate.generate", one_of)


@pytest.fixture(autouse=True)
async def closed(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    quick_tables(monkeypatch)
    few_keys(monkeypatch)
    yield
    await close_all()


def crm(rows: int = ROWS, arms: tuple[str, ...] = ARMS) -> pa.Table:
    """The retailer's customers; person number n is in arm n mod len(arms)."""
    return pa.table(
        {
            "id": [f"A{number:06d}" for number in range(rows)],
            "phone": [phone(number) for number in range(rows)],
            "arm": [arms[number % len(arms)] for number in range(rows)],
        }
    )


def users(numbers: Sequence[int] = range(SHARED_FROM, SHARED_FROM + LISTED)) -> pa.Table:
    """The platform's users: nulls, words that nobody counts, negative values, values beyond the agreed bounds."""
    drawn, rows = np.random.default_rng(7), len(numbers)
    spend: list[Decimal | None] = [Decimal(int(cents)) / 100 for cents in drawn.integers(0, 120_000, rows)]
    balance = [Decimal(int(tenths)) / 10 for tenths in drawn.integers(-7_000, 4_000, rows)]
    words: list[str | None] = [("web", "app", "phone", None)[pick] for pick in drawn.integers(0, 4, rows)]
    for row in range(0, rows, 5):
        spend[row] = None
    spend[1], balance[1], balance[2] = Decimal("-3.25"), Decimal("99999.9"), Decimal("-99999.9")
    return pa.table(
        {
            "id": [f"B{number:06d}" for number in numbers],
            "phone": [phone(int(number)) for number in numbers],
            "channel": pa.array(words, pa.string()),
            "visited": pa.array([Decimal(int(one)) for one in drawn.integers(0, 2, rows)], pa.decimal128(18, 0)),
            "spend": pa.array(spend, pa.decimal128(18, 2)),
            "balance": pa.array(balance, pa.decimal128(18, 1)),
        }
    )


def phone(number: int) -> str:
    return f"+86138{number:08d}"


def agreed(terms: Mapping[str, object] = EXACT, result_to: tuple[str, ...] = (RETAILER,)) -> dict[str, Any]:
    """What an agreement says about statistics."""
    return {
        "terms": {"measures": MEASURES, **terms},
        "result_to": result_to,
        "columns": AGREED,
        "directions": [
            {
                "operation": "AGGREGATE",
                "receiver": RETAILER,
                "sender": PLATFORM,
                "columns": list(COLUMNS),
                "result_to": list(result_to),
            },
            {"operation": "OVERLAP", "receiver": RETAILER, "sender": PLATFORM, "result_to": list(result_to)},
        ],
    }


async def statistics_twin(
    directory: Path,
    terms: Mapping[str, object] = EXACT,
    result_to: tuple[str, ...] = (RETAILER,),
    tables: tuple[pa.Table, pa.Table] | None = None,
    **more: Any,
) -> Twin:
    """Retailer with two arms of 75, platform with four columns; about half of each arm is found.

    What stands before the first run is made once per set of terms and copied: keys, cards, agreement, consents.
    """
    tables = tables or (crm(), users())
    settings = {"values": COLUMNS, **agreed(terms, result_to), **more}
    key = hashlib.sha256(repr((settings, [table.to_pylist() for table in tables])).encode()).hexdigest()
    if key not in _TEMPLATES:
        template = tempfile.TemporaryDirectory(prefix="assent-twin-")
        made = await make_twin(Path(template.name), tables=tables, **settings)
        await made.stop()
        _TEMPLATES[key] = (template, made.agreement_id)
    template, agreement_id = _TEMPLATES[key]
    clock = TestClock()
    sides = []
    for party, name, table in zip((RETAILER, PLATFORM), ("crm", "users"), tables, strict=True):
        shutil.copytree(Path(template.name) / party, directory / party)
        sides.append(Gateway(directory / party, party, clock, TableDatasets({name: table}), None))
        await sides[-1].start()
    retailer, platform = sides
    retailer.peer.others[PLATFORM], platform.peer.others[RETAILER] = platform, retailer
    return Twin(retailer, platform, clock, agreement_id)


_TEMPLATES: dict[str, tuple[tempfile.TemporaryDirectory[str], str]] = {}


Cells = dict[tuple[str | None, str | None, str | None, str], Fraction]


def truth(
    twin: Twin,
    columns: tuple[str, ...] = COLUMNS,
    without: Collection[str] = (),
    names: tuple[str, ...] = (),
    gone: Collection[str] = (),
) -> Cells:
    """Compute with pandas, in clear, every cell that an exact run must release.

    Args:
        twin: for its tables.
        columns: asked.
        without: ids of people of either side who are left out from the start.
        names: what the reader of the result calls the arms; as they are called when absent.
        gone: ids of people who withdrew later: sizes still count them.
    """
    ours = twin.retailer.datasets.tables["crm"].to_pandas()
    theirs = twin.platform.datasets.tables["users"].to_pandas()
    ours, theirs = ours[~ours.id.isin(without)], theirs[~theirs.id.isin(without)]
    found = ours[~ours.id.isin(gone)].merge(theirs[~theirs.id.isin(gone)], on="phone", suffixes=("", "_theirs"))
    return cells_over(ours, found, columns, names)


def cells_over(
    ours: pd.DataFrame, found: pd.DataFrame, columns: tuple[str, ...] = COLUMNS, names: tuple[str, ...] = ()
) -> Cells:
    """Compute with pandas every cell of a release.

    Args:
        ours: R's people, with their arms.
        found: those of them who are found, beside S's columns.
        columns: asked.
        names: what the reader of the result calls the arms; as they are called when absent.
    """
    cells: Cells = {}
    arms = sorted(set(ours.arm))
    for arm, name in [*zip(arms, names or arms, strict=True), (None, None)]:
        rows = found if arm is None else found[found.arm == arm]
        size = len(ours) if arm is None else int((ours.arm == arm).sum())
        cells[name, None, None, "count"] = Fraction(len(rows))
        cells[name, None, None, "share_of_segment"] = Fraction(len(rows), size)
        if "channel" in columns:
            for word in ("web", "app"):
                people = Fraction(int((rows.channel == word).sum()))
                cells[name, "channel", word, "count"] = people
                cells[name, "channel", word, "share"] = people / len(rows)
        for column in ("visited", "spend", "balance"):
            if column in columns:
                cells |= {(name, column, None, what): one for what, one in _numbers(rows, column).items()}
    return cells


def _numbers(rows: pd.DataFrame, column: str) -> dict[str, Fraction]:
    low, high = BOUNDS.get(column, (Decimal(0), Decimal(1)))
    values = [Fraction(min(max(one, low), high)) for one in rows[column] if one is not None and not pd.isna(one)]
    people, total, squares = len(values), sum(values, Fraction(0)), sum((one**2 for one in values), Fraction(0))
    found = {"sum": total}
    if people > 1:
        found |= {"mean": total / people, "variance": (squares - total**2 / people) / (people - 1)}
    if column == "spend":
        found["present"] = Fraction(people)
    return found if column == "visited" else found | {"sum_of_squares": squares}


DERIVED = ("share_of_segment", "share", "mean", "variance")


def cells_of(table: pa.Table) -> dict[tuple[str | None, str | None, str | None, str], dict[str, Any]]:
    """Return the released cells by segment, column, word and statistic; each stands there once."""
    rows = table.to_pylist()
    cells = {(row["segment"], row["column"], row["category"], row["statistic"]): row for row in rows}
    assert len(cells) == len(rows)
    return cells


def assert_exact(table: pa.Table, expected: Cells) -> None:
    """Every expected cell and no other, digit for digit; derived ones to 12 significant digits."""
    released = cells_of(table)
    assert set(released) == set(expected)
    for key, row in released.items():
        assert row["suppressed"] is None, key
        assert row["noise_sd"] == 0, key
        value, wanted = Fraction(row["value"]), expected[key]
        if key[3] in DERIVED:
            assert abs(value - wanted) <= abs(wanted) / 10**11, key
        else:
            assert value == wanted, key


async def session_of(side: Gateway, session_id: str) -> Session:
    async with side.house.store.read() as tx:
        return await tx.sessions.get(session_id)


async def sizes_of(side: Gateway, session_id: str) -> Opening:
    session = await session_of(side, session_id)
    return opening_of_record(session.opening, session_id)


def grouped_of(sizes: Opening) -> Grouped:
    assert sizes.grouped is not None
    return sizes.grouped


async def job_of(side: Gateway, session_id: str) -> Job:
    """Return a side's job of a session."""
    return await side.job((await session_of(side, session_id)).job_id)


async def jobs_of(side: Gateway) -> list[Job]:
    async with side.house.store.read() as tx:
        return await tx.jobs.list()


async def run_record(twin: Twin, job: Job) -> dict[str, Any]:
    """Return the run record that both sides hold and signed."""
    ours, theirs = [await session_of(side, job.session_id) for side in (twin.retailer, twin.platform)]
    assert ours.run_record == theirs.run_record
    assert {party for party, _ in ours.run_signatures} == {RETAILER, PLATFORM}
    record: dict[str, Any] = json.loads(ours.run_record)
    return record


def moved(twin: Twin) -> list[Chunk]:
    """Every chunk that crossed the wire, as its sender sent it."""
    return [*twin.retailer.peer.pushed, *twin.retailer.peer.pulled]


def wire(twin: Twin, job: Job, stage: AggregateStage) -> bytes:
    """The bytes of one stage of one session, in order, each chunk once."""
    chunks = {chunk.seq: chunk for chunk in moved(twin) if (chunk.session_id, chunk.stage) == (job.session_id, stage)}
    assert sorted(chunks) == list(range(len(chunks)))
    return b"".join(chunks[seq].bytes for seq in range(len(chunks)))


def elements(content: bytes) -> list[bytes]:
    return [content[start : start + 32] for start in range(0, len(content), 32)]


def told_counts(masked: bytes, segments: int) -> list[int]:
    """Read c'_g off stage 6, apart from the product's own reader."""
    entries = [masked[COUNT_BYTES * segment : COUNT_BYTES * (segment + 1)] for segment in range(segments)]
    return [int.from_bytes(entry[1:], "big", signed=True) for entry in entries]


def rehashed(chunk: Chunk, content: bytes) -> Chunk:
    return replace(chunk, bytes=content, sha256=hashlib.sha256(content).digest())


async def charges_of(side: Gateway) -> list[Charge]:
    """All charges of a side's ledger, oldest first."""
    partner = PLATFORM if side.party == RETAILER else RETAILER
    async with side.house.store.read() as tx:
        return (await tx.budget.list(partner))[::-1]


async def steps_of(side: Gateway, job_id: str) -> list[str]:
    return [charge.step for charge in await charges_of(side) if charge.job_id == job_id]


async def audit_of(side: Gateway) -> list[tuple[str, dict[str, Any]]]:
    """Types and payloads of a side's whole log."""
    await sequence(side.house)
    async with side.house.store.read() as tx:
        found = [entry async for entry in tx.audit.entries(0, 100_000)]
    return [(entry.type, json.loads(entry.payload or b"{}")) for entry in found]


def state_of(side: Gateway, job_id: str) -> RunState:
    """A side's sealed run state, as it stands on disk now."""
    state = RunState.load(side.house, job_id)
    assert state is not None
    return state


CLOSING = 99
Hook = Callable[[str], Awaitable[None]]


def before(twin: Twin, hooks: Mapping[int, Hook]) -> None:
    """Call `hooks[stage](session id)` once, before R moves anything of a stage, or closes (CLOSING)."""
    peer = twin.retailer.peer
    left, pull, push, close = dict(hooks), peer.pull, peer.push, peer.close_session

    async def reach(stage: int, session_id: str) -> None:
        hook = left.pop(stage, None)
        if hook is not None:
            await hook(session_id)

    async def hooked_pull(card, session_id, stage, from_seq):  # type: ignore[no-untyped-def]
        await reach(int(stage), session_id)
        async for chunk in pull(card, session_id, stage, from_seq):
            yield chunk

    async def hooked_push(card, chunks):  # type: ignore[no-untyped-def]
        async def passed() -> AsyncIterator[Chunk]:
            async for chunk in chunks:
                await reach(int(chunk.stage), chunk.session_id)
                yield chunk

        return await push(card, passed())

    async def hooked_close(card, session_id, *rest):  # type: ignore[no-untyped-def]
        await reach(CLOSING, session_id)
        return await close(card, session_id, *rest)

    peer.pull, peer.push, peer.close_session = hooked_pull, hooked_push, hooked_close  # type: ignore[method-assign]


class Sealed:
    """Run states of both sides at their fullest: R's before the results come, S's before the session closes."""

    def __init__(self, twin: Twin) -> None:
        self._twin, self._states = twin, {}  # type: ignore[var-annotated]

    def watch(self) -> dict[int, Hook]:
        # What R holds when it asks for the last of S's stages is all that it will ever hold, but for noise of its own.
        stages = (AggregateStage.MASKED, AggregateStage.RESULTS, AggregateStage.SHARED_RELEASE)
        hooks: dict[int, Hook] = {int(stage): self._keep_receiver for stage in stages}
        hooks[CLOSING] = self._keep_sender
        return hooks

    async def _keep_receiver(self, session_id: str) -> None:
        job = await job_of(self._twin.retailer, session_id)
        self._states[Side.RECEIVER] = state_of(self._twin.retailer, job.job_id)

    async def _keep_sender(self, session_id: str) -> None:
        job = await job_of(self._twin.platform, session_id)
        self._states[Side.SENDER] = state_of(self._twin.platform, job.job_id)

    @property
    def receiver(self) -> RunState:
        state: RunState = self._states[Side.RECEIVER]
        return state

    @property
    def sender(self) -> RunState:
        state: RunState = self._states[Side.SENDER]
        return state


async def both_serve(twin: Twin) -> None:
    """Both gateways go on: the next run, of the cheaper kind, ends well."""
    peer = twin.retailer.peer
    peer.tamper = lambda chunk: chunk
    for name in ("pull", "push", "close_session"):
        vars(peer).pop(name, None)
    job = await twin.run(Operation.OVERLAP)
    assert (job.failure, job.refusal) == (None, None)
    assert job.report["released"]
